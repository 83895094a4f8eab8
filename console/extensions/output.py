"""The log of a foreign process: its lines go into ours, not more of them than anybody can read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from common.clock import Clock

LINES = 200  # that one process may log in a window
WINDOW_SECONDS = 10.0
LONGEST = 1000  # bytes of a line that are kept


class Output:
    """`last` is the last line that said something: of a traceback, the error."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.last = ""
        self._log = logging.getLogger(f"quarterdeck.controllers.{name}")
        self._clock = clock
        self._window = clock.monotonic()
        self._count = 0

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Until the process has closed it."""
        async for line in _lines(stream):
            if line.strip():
                self.last = line.strip()
                self._tell(line)

    def _tell(self, line: str) -> None:
        now = self._clock.monotonic()
        if now - self._window >= WINDOW_SECONDS:
            if self._count > LINES:
                self._log.warning("%d more lines were left out", self._count - LINES)
            self._window, self._count = now, 0
        self._count += 1
        if self._count <= LINES:
            self._log.info("%s", line)


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines as they come; of a longer one than we keep, its beginning."""
    rest = b""
    while data := await stream.read(16 * 1024):
        *whole, rest = (rest + data).split(b"\n")
        rest = rest[:LONGEST]
        for line in whole:
            yield line[:LONGEST].decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")
