"""The part of `up` that needs root: packages, engine, the example's image, the agent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.blocking import Unreachable
from common.clock import Clock
from common.settings import Home
from common.waiting import wait_until
from console.packages import SEARCH_PATH, missing

from . import firewall, image, journal, kernel
from .engine import DEFAULT_SOCKET, Engine, EngineError, engine_socket
from .machine import answers, static_busybox, survey_programs
from .places import Places
from .plan import Act
from .processes import forget_dead, last_lines, launch, running
from .report import Report, SetupError

ENGINE_START_SECONDS = 60.0  # a first start makes databases, and a small machine is busy with the installation
AGENT_START_SECONDS = 60.0  # it makes its sandbox image and certificate first
EXEC_ROOT = Path("/run/quarterdeck-engine")  # short: sockets in it must fit 108 bytes
LEFT_BY_ENGINE = ("/etc/docker/key.json", "/etc/docker", "/opt/containerd", "/run/containerd", "/run/docker")


class HostSetup:
    """Carries out privileged steps, one method each; repeating one is harmless."""

    def __init__(self, home: Home, report: Report, clock: Clock) -> None:
        self._home = home
        self._places = Places(home)
        self._report = report
        self._clock = clock

    def run(self, act: Act) -> None:
        """Raises SetupError."""
        steps: dict[Act, Callable[[], None]] = {
            Act.INSTALL: self._install,
            Act.START_ENGINE: self._start_engine,
            Act.MAKE_IMAGE: self._make_image,
            Act.START_AGENT: self._start_agent,
        }
        steps[act]()

    def _install(self) -> None:
        packages = tuple(need.package for need in missing(survey_programs()))
        entries = journal.load(self._home)
        journal.record(self._home, packages=tuple(dict.fromkeys((*entries.packages, *packages))))
        self._expect_engine()
        # Level 1 keeps packages from starting services where there is no systemd: the engine is started below, once.
        quiet = {"DEBIAN_FRONTEND": "noninteractive"} | ({} if has_systemd() else {"RUNLEVEL": "1"})
        environment = {**os.environ, **quiet}
        for argv in (
            ["apt-get", "-qq", "update"],
            ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages],
        ):
            done = subprocess.run(argv, env=environment, text=True, capture_output=True, check=False)
            if done.returncode:
                tail = "\n".join((done.stderr or done.stdout).splitlines()[-8:])
                raise SetupError(f"`{' '.join(argv)}` failed:\n{tail}", missing=True)

    def _expect_engine(self) -> None:
        """Write down that the engine will be ours, and how the machine is before it; unless one runs already."""
        entries = journal.load(self._home)
        if self._engine_answers() or entries.engine:
            return
        journal.record(
            self._home, engine="systemd" if has_systemd() else "process", before=entries.before or _surroundings()
        )

    def _start_engine(self) -> None:
        if self._engine_answers():
            return
        self._expect_engine()
        if has_systemd():
            done = subprocess.run(["systemctl", "start", "docker.service"], text=True, capture_output=True, check=False)
            if done.returncode:
                raise SetupError(f"`systemctl start docker.service` failed: {done.stderr.strip()}", missing=True)
        elif running(self._places.engine_pid) is None:
            self._launch_engine()
        if not wait_until(self._engine_up_or_dead, ENGINE_START_SECONDS, self._clock) or not self._engine_answers():
            raise SetupError(self._why_no_engine(), missing=True)

    def _launch_engine(self) -> None:
        if engine_socket() != DEFAULT_SOCKET:
            raise SetupError("DOCKER_HOST is set, but no engine answers there: start it, or unset DOCKER_HOST")
        program = shutil.which("dockerd", path=SEARCH_PATH)
        if program is None:
            raise SetupError("dockerd is not installed", missing=True)
        self._places.engine_data.mkdir(parents=True, exist_ok=True)
        # A killed engine leaves pid files, and the next one believes them while anything has that pid, even a zombie.
        pid_file = EXEC_ROOT.with_suffix(".pid")
        for left in (pid_file, EXEC_ROOT / "containerd" / "containerd.pid"):
            forget_dead(left)
        argv = [program, "--host", f"unix://{DEFAULT_SOCKET}", "--data-root", str(self._places.engine_data)]
        argv += ["--exec-root", str(EXEC_ROOT), "--pidfile", str(pid_file)]
        launch(argv, self._places.engine_pid, self._places.engine_log, {"PATH": SEARCH_PATH})

    def _engine_answers(self) -> bool:
        path = engine_socket()
        try:
            return path is not None and bool(Engine(path).version())
        except (Unreachable, EngineError):
            return False

    def _engine_up_or_dead(self) -> bool:
        dead = not has_systemd() and running(self._places.engine_pid) is None
        return dead or self._engine_answers()

    def _why_no_engine(self) -> str:
        log = self._places.engine_log
        tail = last_lines(log) if not has_systemd() else "see `journalctl -u docker.service`"
        hint = ""
        if any(word in tail for word in ("operation not permitted", "Permission denied", "permission denied")):
            hint = "\nThis looks like a locked-down container: an engine cannot run in it."
        return f"The Docker Engine does not answer. The end of {log}:\n{tail}{hint}"

    def _make_image(self) -> None:
        path, busybox = engine_socket(), static_busybox()
        if path is None or busybox is None:
            raise SetupError("the example's image needs an engine on a Unix socket and a static busybox", missing=True)
        engine = Engine(path)
        if engine.has_image(image.IMAGE):
            return
        journal.record(self._home, image=image.IMAGE)
        engine.import_image(image.IMAGE, [image.archive(busybox)], image.CHANGES)

    def _start_agent(self) -> None:
        if answers(self._places.agent_socket, "/identity"):
            return
        entries = journal.load(self._home)
        journal.record(self._home, agent=True, before=entries.before or _surroundings())
        if running(self._places.agent_pid) is None:
            program = str(Path(sys.executable).with_name("quarterdeck-agent"))
            environment = {"QUARTERDECK_HOME": str(self._home.path), "PATH": f"{os.environ['PATH']}:{SEARCH_PATH}"}
            launch([program, "run"], self._places.agent_pid, self._places.agent_log, environment)
        if not wait_until(self._agent_up_or_dead, AGENT_START_SECONDS, self._clock) or not answers(
            self._places.agent_socket, "/identity"
        ):
            log = self._places.agent_log
            raise SetupError(f"The agent does not answer. The end of {log}:\n{last_lines(log)}")

    def _agent_up_or_dead(self) -> bool:
        return running(self._places.agent_pid) is None or answers(self._places.agent_socket, "/identity")


def _surroundings() -> dict[str, Any]:
    """What of this machine engine and agent will change, as it is."""
    return {
        "iptables": firewall.snapshot(),
        "kernel": kernel.snapshot(),
        "paths": [path for path in LEFT_BY_ENGINE if Path(path).exists()],
    }


def has_systemd() -> bool:
    """As sd_booted(3) decides it."""
    return Path("/run/systemd/system").is_dir()
