"""TCP streams inside a session: both ends of the tunnel from pods to the API server.

Each stream has a window, so that a reader that stands still holds back its own writer and nobody else, and what can
pile up is bounded. A peer that overruns the window breaks the protocol, which ends that stream.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .aio import Tasks
from .session import TUNNEL_WINDOW, Message, ProtocolError, TunnelClose, TunnelWindow

log = logging.getLogger(__name__)
CHUNK_BYTES = 32 * 1024  # small enough that heartbeats on the same connection do not wait behind it
MAX_STREAMS = 1024
_HEADER = 4


class _Stream:
    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.unacknowledged = 0  # bytes that came in and were not yet handed on
        self.credit = TUNNEL_WINDOW
        self.credit_changed = asyncio.Event()
        self.error = ""

    def take(self, data: bytes) -> None:
        self.unacknowledged += len(data)
        if self.unacknowledged > TUNNEL_WINDOW:
            raise ProtocolError("the peer sent more than the window")
        self.received.put_nowait(data)

    def grant(self, count: int) -> None:
        if count < 0 or self.credit + count > TUNNEL_WINDOW:
            raise ProtocolError("the peer granted more than it was sent")
        self.credit += count
        self.credit_changed.set()

    async def wait_for_credit(self) -> int:
        while self.credit <= 0:
            self.credit_changed.clear()
            await self.credit_changed.wait()
        return self.credit


Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Tunnels:
    """The streams of one session. `send` and `send_bytes` write to its WebSocket."""

    def __init__(
        self, send: Callable[[Message], Awaitable[None]], send_bytes: Callable[[bytes], Awaitable[None]]
    ) -> None:
        self._send = send
        self._send_bytes = send_bytes
        self._streams: dict[int, _Stream] = {}
        self._carriers: dict[int, asyncio.Task[None]] = {}
        self._tasks = Tasks("tunnel")
        self._closing = False

    def open(self, number: int, connect: Connect) -> None:
        """Begin a stream; what comes in before `connect` is done waits. ProtocolError for a number in use."""
        if number in self._streams or len(self._streams) >= MAX_STREAMS:
            raise ProtocolError(f"stream {number} cannot be opened: in use, or too many streams")
        stream = self._streams[number] = _Stream()
        carrier = self._carriers[number] = self._tasks.start(f"stream-{number}", self._carry(number, stream, connect))
        # Not in the carrier itself: one that is cancelled before its first step never runs.
        carrier.add_done_callback(lambda _: self._ended(number, stream.error))

    def data(self, frame: bytes) -> None:
        """A binary frame of the session. Frames of a stream that has ended are late, not wrong."""
        if len(frame) < _HEADER:
            raise ProtocolError("a binary frame has no stream number")
        number = int.from_bytes(frame[:_HEADER], "big")
        if (stream := self._streams.get(number)) is not None:
            self._guarded(number, lambda: stream.take(frame[_HEADER:]))

    def window(self, number: int, count: int) -> None:
        if (stream := self._streams.get(number)) is not None:
            self._guarded(number, lambda: stream.grant(count))

    def closed(self, number: int) -> None:
        """The peer ended the stream in both directions."""
        if (carrier := self._carriers.get(number)) is not None:
            carrier.cancel()

    async def close(self) -> None:
        self._closing = True
        await self._tasks.close()

    def _guarded(self, number: int, action: Callable[[], None]) -> None:
        try:
            action()
        except ProtocolError as error:
            log.warning("tunnel stream %d is cut: %s", number, error)
            self.closed(number)

    def _ended(self, number: int, error: str) -> None:
        del self._streams[number], self._carriers[number]
        if not self._closing:
            self._tasks.start(f"close-{number}", self._tell_closed(number, error))

    async def _tell_closed(self, number: int, error: str) -> None:
        with suppress(OSError):
            await self._send(TunnelClose(number, error))

    async def _carry(self, number: int, stream: _Stream, connect: Connect) -> None:
        writer: asyncio.StreamWriter | None = None
        try:
            reader, writer = await connect()
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._outward(number, stream, reader))
                directions.create_task(self._inward(number, stream, writer))
        except* OSError as failures:
            stream.error = str(failures.exceptions[0])
        finally:
            if writer is not None:
                writer.close()

    async def _outward(self, number: int, stream: _Stream, reader: asyncio.StreamReader) -> None:
        header = number.to_bytes(_HEADER, "big")
        while True:
            data = await reader.read(min(CHUNK_BYTES, await stream.wait_for_credit()))
            stream.credit -= len(data)
            await self._send_bytes(header + data)
            if not data:
                return

    async def _inward(self, number: int, stream: _Stream, writer: asyncio.StreamWriter) -> None:
        while data := await stream.received.get():
            writer.write(data)
            await writer.drain()
            stream.unacknowledged -= len(data)
            await self._send(TunnelWindow(number, len(data)))
        writer.write_eof()
