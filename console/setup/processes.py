"""Detached processes known by pid and start time, never by name: a pid that was given to another is another.

`launch` starts `console.setup.spawn`, which writes its own identity and then becomes the program; so there is no
moment at which the program runs and its identity is not on disk.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.clock import Clock
from common.waiting import wait_until

from .report import SetupError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Identity:
    """One process of one boot. `started` is in clock ticks since boot (proc(5), stat field 22)."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The living process of that pid; a zombie counts as gone."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        # The name in parentheses may hold anything; fields count from the last closing one.
        rest = text.rpartition(")")[2].split()
        if rest[0] in {"Z", "X"}:
            return None
        return cls(pid, int(rest[19]), BOOT_ID.read_text(encoding="utf-8").strip())

    @property
    def alive(self) -> bool:
        return Identity.of(self.pid) == self

    def write(self, path: Path) -> None:
        draft = path.with_name(f"{path.name}.tmp")
        draft.write_text(f"{self.pid} {self.started} {self.boot}\n", encoding="utf-8")
        draft.replace(path)

    @classmethod
    def read(cls, path: Path) -> Identity | None:
        """What a pid file says, alive or not; None when it is absent or no pid file."""
        try:
            pid, started, boot = path.read_text(encoding="utf-8").split()
            return cls(int(pid), int(started), boot)
        except (OSError, ValueError):
            return None


def running(pid_file: Path) -> Identity | None:
    """The process that wrote the pid file, if it still lives."""
    identity = Identity.read(pid_file)
    return identity if identity and identity.alive else None


def forget_dead(pid_file: Path) -> None:
    """Remove a plain pid file whose process is gone."""
    try:
        pid = int(pid_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if Identity.of(pid) is None:
        pid_file.unlink(missing_ok=True)


def launch(argv: Sequence[str], pid_file: Path, log: Path, environment: Mapping[str, str]) -> None:
    """Start a program detached from this terminal, its output appended to `log`. Raises SetupError."""
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    pid_file.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "console.setup.spawn", str(pid_file), str(log), *argv],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SetupError(f"{argv[0]} cannot be started: {done.stderr.strip().rpartition(chr(10))[2]}")


def stop(identity: Identity, seconds: float, clock: Clock) -> bool:
    """SIGTERM, and SIGKILL after `seconds`; True when the process is gone."""
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        if not identity.alive:
            return True
        try:
            # The descriptor pins the process: its pid cannot become another's between the check and the signal.
            descriptor = os.pidfd_open(identity.pid)
        except ProcessLookupError:
            return True
        try:
            if Identity.of(identity.pid) == identity:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
        if wait_until(lambda: not identity.alive, patience, clock):
            return True
    return not identity.alive


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log file, to be shown with a failure."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])
