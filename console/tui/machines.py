"""Machines over SSH from the console: one look, installation or removal at a time in a thread. Passwords are arguments
of the moment and are kept nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from common.blocking import Api, UnixHttp, Unreachable
from common.clock import SystemClock
from common.errors import ApiError
from common.settings import Home


class Act(StrEnum):
    INSTALL = "install"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Wanted:
    """`target` is [USER@]HOST[:PORT]; `accept` the fingerprint of a key that was shown and accepted."""

    act: Act
    target: str
    password: str
    accept: str = ""

    def __repr__(self) -> str:
        return f"Wanted({self.act} {self.target})"


class Failed(Exception):
    """What went wrong and what to do. `fingerprint` is set when all that is missing is trust in the machine's key."""

    def __init__(self, message: str, fingerprint: str = "") -> None:
        super().__init__(message)
        self.fingerprint = fingerprint


class Machines(Protocol):
    def work(self, wanted: Wanted, say: Callable[[str], None], *, dry_run: bool) -> str:
        """Carry it out, or with `dry_run` only say the plan; the node's name, if it is one now. Blocks. Raises
        Failed."""
        ...


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
