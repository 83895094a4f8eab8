"""Tools that touch mounts, with a time limit: a network file system whose server is away holds whoever touches it.

A process in that state may not even die by SIGKILL until its file system answers. It is then left behind and reaped
when it ends; the agent goes on.
"""

from __future__ import annotations

import asyncio
import tempfile

from common.aio import Tasks

from .attachments import VolumeFailure

KILL_SECONDS = 1.0  # for a killed tool to go, before it is left behind
MAX_WORDS = 2000  # characters of a tool's complaint that are shown


class ToolFailure(VolumeFailure):
    """A tool that ended with a code other than 0; None for one that is not installed."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class TimedOut(VolumeFailure):
    """The tool did not end in time."""


class Tools:
    """Runs tools; `close` waits for none of those left behind."""

    def __init__(self) -> None:
        self._left = Tasks("tools")

    async def run(self, *command: str, seconds: float, check: bool = True) -> str:
        """What it printed. ToolFailure with its complaint (unless `check` is off), or that it is not installed;
        TimedOut."""
        # Into files: a daemon that the tool leaves behind would keep a pipe open.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
                )
            except FileNotFoundError as error:
                raise ToolFailure(f"{command[0]} is not installed on this node") from error
            await self._wait(process, command[0], seconds)
            for file in (out, err):
                file.seek(0)
            complaint = err.read(MAX_WORDS).decode(errors="replace").strip()
            if process.returncode and check:
                words = complaint or f"exit code {process.returncode}"
                raise ToolFailure(f"{command[0]} failed: {words}", process.returncode)
            return out.read().decode(errors="replace")

    async def look(self, mount: str, seconds: float) -> tuple[int, ...]:
        """Block size, blocks, free blocks, files and free files of a network mount. VolumeFailure in words about its
        server when that does not answer."""
        try:
            text = await self.run("stat", "-f", "-c", "%S %b %a %c %d", "--", mount, seconds=seconds)
            return tuple(int(word) for word in text.split())
        except TimedOut:
            raise TimedOut(f"its server does not answer within {seconds:g} s") from None
        except VolumeFailure as failure:
            raise VolumeFailure(f"its server cannot be reached ({str(failure).rpartition(': ')[2]})") from failure

    async def _wait(self, process: asyncio.subprocess.Process, name: str, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            process.kill()
            try:
                async with asyncio.timeout(KILL_SECONDS):
                    await process.wait()
            except TimeoutError:
                self._left.start(f"{name}-{process.pid}", _reap(process))
            raise TimedOut(f"{name} did not end within {seconds:g} s") from None
        except asyncio.CancelledError:
            process.kill()
            self._left.start(f"{name}-{process.pid}", _reap(process))
            raise

    async def close(self) -> None:
        await self._left.close()


async def _reap(process: asyncio.subprocess.Process) -> None:
    await process.wait()
