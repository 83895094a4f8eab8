"""A TCP relay between two programs that can stand still, as a network does that loses everything."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from common.aio import Tasks


class Relay:
    def __init__(self, port: int) -> None:
        """Relays to that port of the loopback address."""
        self._target = port
        self._tasks = Tasks("relay")
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._tasks.close()

    def freeze(self) -> None:
        """Nothing goes through; connections stay open, new ones are accepted and lead nowhere."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.start("connection", self._join(reader, writer))

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flows.wait()
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._copy(reader, inner_writer))
                ways.create_task(self._copy(inner_reader, writer))
        finally:
            writer.close()
            inner_writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
            writer.write_eof()
