"""The HAProxy process of this node: started, found again, watched, told to take up a new configuration, stopped.

It is a daemon of its own (master and worker), no child of the agent: an agent that restarts or dies leaves it running
and finds it again by the configuration in its command line. The kernel tells of its end (pidfd), so that it is back
within a moment. `-c` checks each configuration before a process gets to see it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from common.clock import Clock

from .runtime import RuntimeRefused, ask

START_SECONDS = 10.0
RELOAD_SECONDS = 10.0
CLEAR_SECONDS = 2.0
POLL_SECONDS = 0.05


class ProxyFailure(Exception):
    """HAProxy cannot do what is asked; the message is for people."""


class Missing(ProxyFailure):
    """HAProxy is not on this host."""


class Process:
    """`folder` has the sockets, `config` the file that the process is started with. `ended` is called when the process
    that `start` or `adopt` found is gone without having been asked to."""

    def __init__(self, folder: Path, config: Path, clock: Clock, ended: Callable[[], None]) -> None:
        self.admin = folder / "admin.sock"
        self._master = folder / "master.sock"
        self._config = config
        self._clock = clock
        self._ended = ended
        self._pid = 0
        self._pidfd = -1

    @property
    def running(self) -> bool:
        return self._pid != 0

    def installed(self) -> bool:
        return shutil.which("haproxy") is not None

    async def check(self, config: Path) -> None:
        """Raises ProxyFailure with HAProxy's words."""
        code, complaint = await self._run("-c", "-f", str(config))
        if code:
            raise ProxyFailure(f"HAProxy refuses the configuration: {complaint}")

    async def adopt(self) -> bool:
        """Take over a process that an earlier agent started; whether there is one."""
        pid = await asyncio.to_thread(find_master, self._config)
        return bool(pid) and self._watch(pid)

    async def start(self) -> None:
        """Returns when it listens. ProxyFailure says why it does not: mostly, that somebody else has the port."""
        await self._clear()
        for socket in (self.admin, self._master):
            socket.unlink(missing_ok=True)
        code, complaint = await self._run("-W", "-D", "-f", str(self._config), "-S", f"{self._master},mode,600")
        if code:
            raise ProxyFailure(f"HAProxy does not start: {complaint}")
        pid = await asyncio.to_thread(find_master, self._config)
        if not pid or not self._watch(pid):
            raise ProxyFailure("HAProxy ended right after its start")

    async def _clear(self) -> None:
        """End what is left of an earlier process: the workers of a master that was killed have the ports, and take
        the sockets of their successor away, until they notice."""
        deadline = self._clock.monotonic() + CLEAR_SECONDS
        while left := await asyncio.to_thread(find_all, self._config):
            if self._clock.monotonic() > deadline:
                raise ProxyFailure(f"an earlier HAProxy does not end: process {', '.join(map(str, left))}")
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await self._clock.sleep(POLL_SECONDS)

    async def reload(self) -> None:
        """A new worker takes over the listening sockets, the old one ends when its connections have. ProxyFailure when
        the master keeps the old one."""
        before = await self._reloads()
        try:
            await ask(self._master, "reload")
        except RuntimeRefused as error:
            raise ProxyFailure(str(error)) from error
        deadline = self._clock.monotonic() + RELOAD_SECONDS
        while True:
            with contextlib.suppress(ProxyFailure):
                done, failed = await self._reloads()
                if done != before[0] and failed <= before[1] and self.admin.exists():
                    return
                if done != before[0]:
                    raise Kept
            if self._clock.monotonic() > deadline:
                raise ProxyFailure("HAProxy does not take up the new configuration")
            await self._clock.sleep(POLL_SECONDS)

    async def _reloads(self) -> tuple[int, int]:
        """How often the master has reloaded, and how often that failed since it last went well."""
        try:
            answer = await ask(self._master, "show proc")
        except RuntimeRefused as error:
            raise ProxyFailure(str(error)) from error
        for line in answer.splitlines():
            words = line.replace("[failed:", "").replace("]", "").split()
            if len(words) > 3 and words[1] == "master":
                return int(words[2]), int(words[3])
        raise ProxyFailure(f"HAProxy's master says something else than its processes: {answer[:200]}")

    def stop(self) -> None:
        """End the process, if there is one."""
        pid = self._pid
        self.forget()
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def forget(self) -> None:
        """Watch the process no longer; it goes on."""
        self._pid = 0
        if self._pidfd >= 0:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def _watch(self, pid: int) -> bool:
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        self._pid = pid
        asyncio.get_running_loop().add_reader(self._pidfd, self._gone)
        return True

    def _gone(self) -> None:
        self.forget()
        self._ended()

    async def _run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and what it complains of; the daemon's own output is nobody's."""
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                "haproxy", *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=asyncio.subprocess.STDOUT
            )
        except FileNotFoundError:
            raise Missing("haproxy is not installed: install the package haproxy on this host") from None
        except OSError as error:
            raise ProxyFailure(f"haproxy cannot be run: {error}") from error
        try:
            async with asyncio.timeout(START_SECONDS):
                output, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise ProxyFailure(f"haproxy did not answer within {START_SECONDS:.0f} s") from None
        return process.returncode or 0, _complaint(output.decode(errors="replace"))


class Kept(ProxyFailure):
    """The master went on with the old worker."""

    def __init__(self) -> None:
        super().__init__("HAProxy keeps its old configuration: another program may have one of its ports")


def _complaint(text: str) -> str:
    """The alerts of HAProxy without its frame: `[ALERT] (123) : config : …`."""
    alerts = [line for line in text.splitlines() if line.startswith("[ALERT]")] or text.splitlines()
    shown = [line.partition(" : ")[2] or line for line in alerts if "Fatal errors" not in line]
    return "; ".join(line.strip() for line in shown[:3]) or "no message"


def find_master(config: Path) -> int:
    """The process id of the HAProxy master that was started with this configuration, 0 when none runs. Blocks."""
    found = find_all(config)
    return next((pid for pid, parent in found.items() if parent not in found), 0)


def find_all(config: Path) -> dict[int, int]:
    """Master and workers with their parents' process ids. Blocks."""
    found: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if words[0].rpartition(b"/")[2] == b"haproxy" and str(config).encode() in words and b"-W" in words:
                found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return found
