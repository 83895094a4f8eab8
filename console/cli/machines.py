"""Machines over SSH for the console: what it asks for, done by `console.install`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from common.blocking import Api, UnixHttp, Unreachable
from common.clock import SystemClock
from common.errors import ApiError
from common.settings import Home
from console.tui.machines import Act, Failed, Wanted


class SshMachines:
    """For the cluster whose state folder is `home`."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def work(self, wanted: Wanted, say: Callable[[str], None], *, dry_run: bool) -> str:
        # Imported by who installs: SSH alone takes longer to load than the console's first picture.
        from console.install import flow
        from console.install.cluster import ApiCluster
        from console.install.hostkeys import known_hosts
        from console.install.ssh import Credentials, SshError, UnknownHostKey
        from console.install.target import parse

        clock = SystemClock()
        cluster = ApiCluster(Api(UnixHttp(Path(self._home.api_socket))), clock)
        try:
            job = flow.Job(
                parse(wanted.target), Credentials(None, wanted.password or None), known_hosts(self._home.path),
                wanted.accept, clock, cluster, say,
            )  # fmt: skip
            if wanted.act is Act.REMOVE:
                flow.remove(job, dry_run=dry_run)
                return ""
            return flow.install(job, flow.Bundles(), dry_run=dry_run)
        except UnknownHostKey as error:
            raise Failed(str(error), error.key.fingerprint) from error
        except (flow.Refused, SshError, ApiError, Unreachable, OSError, ValueError) as error:
            raise Failed(getattr(error, "message", "") or str(error)) from error
