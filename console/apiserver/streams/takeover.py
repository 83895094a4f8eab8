"""Takes the connection of a request away from HTTP, for protocols that aiohttp cannot be upgraded to.

Nothing may come from the client before it has the 101, so that whoever is next in line for the bytes is put in place
first. What is taken never becomes HTTP again: it ends with the connection, of which aiohttp is told, because its server
counts connections and cancels the handlers of those that are gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from aiohttp import web

MAX_WAITING = 256 * 1024  # bytes of the client that nobody has taken yet; then it is read no further
MAX_REPLIES = 1024 * 1024  # bytes on their way to a client that does not read, after which replies wait, too
LINGER_SECONDS = 2.0  # for a client to end the connection itself: ended by us, what it has not read yet could be lost


class Wire(Protocol):
    """A connection of bytes."""

    async def send(self, data: bytes) -> None:
        """Returns when there is room for more. Raises ConnectionError when the client is gone."""

    async def reply(self, data: bytes) -> None:
        """The same for a few bytes that whoever reads from the wire sends: they do not wait behind other data."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """What the client sends, until it ends."""

    async def close(self) -> None: ...


class Taken(asyncio.Protocol):
    """The `Wire` of a connection that was taken. `former` had it until then."""

    def __init__(self, transport: asyncio.Transport, former: asyncio.BaseProtocol) -> None:
        self._transport = transport
        self._former = former
        self._arrived: deque[bytes] = deque()
        self._waiting = 0
        self._paused = self._closing = False
        self._readable, self._writable, self._lost = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._writable.set()

    async def send(self, data: bytes) -> None:
        self._write(data)
        await self._writable.wait()

    async def reply(self, data: bytes) -> None:
        self._write(data)
        if self._transport.get_write_buffer_size() > MAX_REPLIES:
            await self._writable.wait()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._arrived:
                data = self._arrived.popleft()
                self._waiting -= len(data)
                if self._paused and self._waiting <= MAX_WAITING // 2:
                    self._paused = False
                    self._transport.resume_reading()
                yield data
            if self._lost.is_set():
                return
            self._readable.clear()
            await self._readable.wait()

    async def close(self, *, at_once: bool = False) -> None:
        """Wait until the other side has been sent everything and, unless it goes by the end of the connection, for it
        to go first; read nothing more."""
        if self._closing:
            return
        self._closing = True
        self._arrived.clear()
        if not self._lost.is_set():
            self._transport.resume_reading()
            # From now on there is room only when nothing waits. A TLS transport with a limit of 0 never has any.
            self._transport.set_write_buffer_limits(high=1, low=0)
            try:
                await self._writable.wait()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0 if at_once else LINGER_SECONDS):
                        await self._lost.wait()
            finally:
                self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._lost.is_set() or self._transport.is_closing():
            raise ConnectionResetError("the client has gone")
        self._transport.write(data)

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._arrived.append(data)
        self._waiting += len(data)
        self._readable.set()
        if not self._paused and self._waiting > MAX_WAITING:
            self._paused = True
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        for event in (self._lost, self._readable, self._writable):
            event.set()
        self._former.connection_lost(exc)


async def take_over(http: web.BaseRequest, headers: Mapping[str, str]) -> tuple[web.StreamResponse, Taken]:
    """Answer 101 with these headers. The response is the handler's to return, once the connection was closed. Raises
    ConnectionError when the client is gone."""
    transport = http.transport
    if transport is None:
        raise ConnectionResetError("the client has gone")
    response = web.StreamResponse(status=101, headers={"Connection": "Upgrade", **headers})
    response.force_close()
    http.protocol.keep_alive(False)
    taken = Taken(transport, http.protocol)
    transport.set_protocol(taken)
    await response.prepare(http)
    return response, taken
