"""Programs of the host in sessions of their own: on a terminal or on pipes, and ended with all that they left behind.

For shells on the host (`hostshell.py`). What a program starts in the background belongs to its session and goes with
it; what makes itself a session of its own (`setsid`, tmux) stays, as after a login.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pwd
import signal
import struct
import termios
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from common.clock import Clock
from common.processes import exited

GRACE_SECONDS = 2.0  # between asking what is left of a session to go and making it
LOOK_SECONDS = 0.05
CHUNK = 32 * 1024
_PROC = Path("/proc")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The leader of a new session that opens a terminal has it as its own from then on; an inherited one it has not.
_ON_TERMINAL = 'terminal=$1; shift; exec "$@" <>"$terminal" >&0 2>&1'


class Terminal:
    """A pseudo-terminal. `hang_up` lets `read` come to an end, when no program has it any more."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())  # for its flow control of writers
        transport, _ = await loop.connect_write_pipe(lambda: protocol, os.fdopen(os.dup(self._master), "wb", 0))
        self.writer = asyncio.StreamWriter(transport, protocol, None, loop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()
        self.hang_up()
        os.close(self._master)

    async def read(self) -> bytes:
        """What the program has written; empty when nobody can write any more."""
        while True:
            await _readable(self._master)
            try:
                return os.read(self._master, CHUNK)
            except BlockingIOError:
                continue
            except OSError:
                return b""  # EIO: the other end is closed

    def hang_up(self) -> None:
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1

    async def resize(self, width: int, height: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


def user() -> pwd.struct_passwd:
    return pwd.getpwuid(os.geteuid())


def _environment(term: str) -> dict[str, str]:
    """What a login gives a shell, and nothing of the agent's own."""
    who = user()
    return {
        "HOME": who.pw_dir, "USER": who.pw_name, "LOGNAME": who.pw_name, "SHELL": who.pw_shell or "/bin/sh",
        "PATH": _PATH, "TERM": term, "LANG": os.environ.get("LANG", "C.UTF-8"),
    }  # fmt: skip


async def start_on(terminal: Terminal, command: Sequence[str]) -> Process:
    """Run it with the terminal as its own. OSError when there is no /bin/sh."""
    line = ("/bin/sh", "-c", _ON_TERMINAL, "sh", terminal.path, *command)
    return await asyncio.create_subprocess_exec(
        *line, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True, cwd=_home(),
        env=_environment("xterm-256color"),
    )  # fmt: skip


async def start_piped(command: Sequence[str], *, stdin: bool) -> Process:
    """Run it without a terminal. OSError when there is no such program."""
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE if stdin else DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True, cwd=_home(),
        env=_environment("dumb"),
    )  # fmt: skip


def _home() -> str:
    home = user().pw_dir
    return home if os.path.isdir(home) else "/"  # noqa: PTH112 - once, before a process starts


def hang_up(leader: int) -> None:
    """Tell a session that nobody is there any more, and wake what of it is stopped. Does not wait."""
    _signal(leader, signal.SIGHUP)
    _signal(leader, signal.SIGCONT)


async def end(process: Process, clock: Clock) -> None:
    """Wait a little for all of a session to go, then kill what has not."""
    deadline = clock.monotonic() + GRACE_SECONDS
    while await asyncio.to_thread(members, process.pid) and clock.monotonic() < deadline:
        await clock.sleep(LOOK_SECONDS)
    # Again while there are any: one may start another between the look and its end.
    deadline += GRACE_SECONDS
    while await asyncio.to_thread(_signal, process.pid, signal.SIGKILL) and clock.monotonic() < deadline:
        await clock.sleep(LOOK_SECONDS)
    await exited(process, clock)


def _signal(leader: int, number: signal.Signals) -> bool:
    """Whether there was anybody. Those of other users (`sudo`), which an agent that is not root has no power over,
    keep nobody else from being told."""
    found = members(leader)
    for pid in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    return bool(found)


def members(leader: int) -> list[int]:
    """The processes of a session that have not ended, by the kernel's table."""
    found = []
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                # The name in parentheses may have any letters; behind it: state, parent, group, session.
                fields = (folder / "stat").read_text(errors="replace").rpartition(") ")[2].split()
                if int(fields[3]) == leader and fields[0] != "Z":
                    found.append(int(folder.name))
    return found
