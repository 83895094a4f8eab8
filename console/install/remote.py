"""Carries out the steps of a plan on a machine, one function each; repeating one is harmless. Blocks."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common.clock import Clock
from common.waiting import wait_until

from . import service
from .bundle import Bundle
from .facts import SCRIPT, Facts, parse
from .places import COMMAND, CURRENT, HOME, INIT, RELEASES, ROOT, STAMP, UNIT
from .plan import Act, Step
from .ssh import CommandFailed, Connection, SshError

APT_SECONDS = 900.0
UPLOAD_SECONDS = 600.0
START_SECONDS = 60.0  # a first start makes certificate and sandbox image
# The package's own script wants more of the machine than the engine does, such as all cgroups of its own.
_START_ENGINE = (
    "/etc/init.d/docker start >/dev/null 2>&1 || start-stop-daemon --start --background --make-pidfile "
    "--pidfile /run/docker-ssd.pid --output /var/log/docker.log --startas /usr/sbin/dockerd"
)
_APT = "DEBIAN_FRONTEND=noninteractive apt-get -qq"


def look(connection: Connection, clock: Clock) -> Facts:
    """Find a way to root, then look at everything once."""
    connection.become_root()
    return parse(connection.root(SCRIPT).out, clock.now().timestamp())


@dataclass(frozen=True, slots=True)
class Identity:
    """What the machine's agent says of itself; `cluster` and `code` may be empty."""

    name: str
    port: int
    fingerprint: str
    cluster: str
    node: str
    code: str


class Machine:
    """A machine that is being worked on. `leave` removes a Node from the cluster, as only the API can."""

    def __init__(self, connection: Connection, facts: Facts, clock: Clock, leave: Callable[[str], None]) -> None:
        self._connection = connection
        self._facts = facts
        self._clock = clock
        self._leave = leave

    def carry_out(self, step: Step, bundle: Bundle) -> None:
        """Every step but the adoption, which is the cluster's. Raises SshError."""
        acts: dict[Act, Callable[[], object]] = {
            Act.PACKAGES: lambda: self._packages(step.arguments),
            Act.ENGINE: self._engine,
            Act.RELEASE: lambda: self._release(bundle),
            Act.SERVICE: self._service,
            Act.START: lambda: self._start("start"),
            Act.RESTART: lambda: self._start("restart"),
            Act.LEAVE: lambda: self._leave(step.arguments[0]),
            Act.STOP: self._stop,
            Act.RESET: self._reset,
            Act.FILES: self._files,
        }
        acts[step.act]()

    def identity(self) -> Identity:
        """Ask the agent through its own socket. Raises SshError when it does not run."""
        told: dict[str, Any] = json.loads(self._connection.root(f"{COMMAND} status -o json").out)
        return Identity(
            str(told.get("name", "")), int(told.get("port") or 0), str(told.get("fingerprint", "")),
            str(told.get("adopted_by") or ""), str(told.get("node") or ""), str(told.get("code") or ""),
        )  # fmt: skip

    def _packages(self, names: tuple[str, ...]) -> None:
        # Level 1 keeps packages from starting services where there is no systemd: the engine is a step of its own.
        quiet = "" if self._facts.systemd else "RUNLEVEL=1 "
        listed = " ".join(map(shlex.quote, names))
        script = f"{_APT} update && {quiet}{_APT} -y --no-install-recommends install {listed}"
        self._connection.root(script, seconds=APT_SECONDS)

    def _engine(self) -> None:
        start = "systemctl start docker.service" if self._facts.systemd else _START_ENGINE
        self._connection.root(start, seconds=START_SECONDS)
        if not wait_until(self._engine_answers, START_SECONDS, self._clock):
            raise SshError(f"the Docker Engine of {self._facts.hostname} does not answer: look at its log there")

    def _engine_answers(self) -> bool:
        return self._connection.try_root("docker version >/dev/null 2>&1").code == 0

    def _release(self, bundle: Bundle) -> None:
        """Unpacked beside and renamed: what a cut connection leaves has a name that nothing uses."""
        part, whole = f"{RELEASES}/.part-{bundle.release}", f"{RELEASES}/{bundle.release}"
        unpack = (
            f"set -e; umask 022; mkdir -p {RELEASES}; rm -rf {RELEASES}/.part-*; mkdir {part}; tar -xzf - -C {part}"
        )
        self._connection.root(unpack, bundle.data, seconds=UPLOAD_SECONDS)
        if not bundle.python:
            pins = " ".join(map(shlex.quote, bundle.pins))
            pip = (
                f"python3 -m venv {part}/venv && {part}/venv/bin/pip install --quiet --disable-pip-version-check {pins}"
            )
            self._connection.root(pip, seconds=APT_SECONDS)
        # A venv knows no paths of its own but in its scripts, which nothing here uses.
        self._connection.root(
            f"set -e; rm -rf {whole}; mv {part} {whole}; ln -sfn {whole} {ROOT}/.next; mv -T {ROOT}/.next {CURRENT}; "
            f"cd {RELEASES}; for old in *; do [ \"$old\" = {bundle.release} ] || rm -rf \"$old\"; done"
        )  # fmt: skip

    def _service(self) -> None:
        for path, (content, mode) in service.files(systemd=self._facts.systemd).items():
            self._connection.root(
                f"set -e; umask 022; cat > {path}.new; chmod {mode:o} {path}.new; mv {path}.new {path}",
                content.encode(),
            )
        self._connection.root(service.enable(systemd=self._facts.systemd))
        # Last, so that an installation cut off before is done again.
        self._connection.root(f"mkdir -p {ROOT}; printf %s {service.stamp(systemd=self._facts.systemd)} > {STAMP}")

    def _start(self, verb: str) -> None:
        self._connection.root(service.control(verb, systemd=self._facts.systemd), seconds=START_SECONDS)
        if not wait_until(self._agent_answers, START_SECONDS, self._clock):
            raise SshError(f"the agent of {self._facts.hostname} does not answer: {self._last_words()}")

    def _agent_answers(self) -> bool:
        return self._connection.try_root(f"{COMMAND} status").code == 0

    def _last_words(self) -> str:
        log = (
            "journalctl -u quarterdeck-agent -n 5 --no-pager"
            if self._facts.systemd
            else "tail -n 5 /var/log/quarterdeck-agent.log"
        )
        return self._connection.try_root(log).out.strip() or "its log is empty"

    def _stop(self) -> None:
        self._connection.try_root(service.control("stop", systemd=self._facts.systemd), seconds=START_SECONDS)

    def _reset(self) -> None:
        done = self._connection.try_root(
            f"test -d {HOME}/agent || exit 0; {COMMAND} reset --yes", seconds=START_SECONDS
        )
        if done.code != 0:
            raise CommandFailed(
                f"{self._facts.hostname}: `quarterdeck-agent reset` left something: {done.err or done.out}"
            )

    def _files(self) -> None:
        systemd = self._facts.systemd
        paths = f"{COMMAND} {UNIT if systemd else INIT} {ROOT} {HOME} /var/log/quarterdeck-agent.log"
        reload = "; systemctl daemon-reload" if systemd else ""
        self._connection.root(f"{service.disable(systemd=systemd)}; rm -rf {paths}{reload}")
