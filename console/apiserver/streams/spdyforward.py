"""Port-forward in SPDY: for each connection a data and an error stream, with its port and its id in their headers.

The frames come on a connection of their own, or inside a WebSocket, which `Tunnel` makes the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from common.aio import Tasks
from common.errors import BadRequest

from . import spdy
from .podconnection import Connection, Pod, port_of
from .takeover import Wire

TUNNEL = "SPDY/3.1+portforward.k8s.io"
PROTOCOL = "portforward.k8s.io"
CHUNK = 32 * 1024
PAIR_SECONDS = 30.0  # for the client to open the second stream of a connection; Kubernetes' streamCreationTimeout


class Tunnel:
    """The `Wire` inside a client's WebSocket."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def send(self, data: bytes) -> None:
        await self._socket.send_bytes(data)

    reply = send

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for message in self._socket:
            if message.type is not WSMsgType.BINARY:
                return
            yield message.data

    async def close(self) -> None:
        await self._socket.close()


@dataclass(slots=True, eq=False)
class _Pair:
    """The two streams of one connection, 0 until the client opens them."""

    request: str
    error: int = 0
    data: int = 0
    both: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: Tasks = field(default_factory=lambda: Tasks("apiserver/portforward"))
    connection: Connection | None = None


class SpdyForward:
    def __init__(self, wire: Wire, pod: Pod) -> None:
        self._wire = wire
        self._pod = pod
        self._encoder = spdy.Encoder()
        self._incomplete: dict[str, _Pair] = {}  # by request
        self._pairs: dict[int, _Pair] = {}  # by data stream
        self._held: set[_Pair] = set()  # whatever has something to give back
        self._tasks = Tasks("apiserver/portforward")

    async def run(self) -> None:
        """Until the client ends. Raises SpdyError and ConnectionError."""
        decoder = spdy.Decoder()
        async for data in self._wire:
            for frame in decoder.feed(data):
                await self._handle(frame)

    async def _handle(self, frame: spdy.Frame) -> None:
        if frame.kind == spdy.SYN_STREAM:
            await self._open(frame)
        elif frame.kind == spdy.PING and frame.stream % 2:
            await self._wire.reply(self._encoder.ping(frame.stream))
        elif frame.kind == spdy.RST_STREAM and frame.stream in self._pairs:
            self._drop(self._pairs[frame.stream])
        if frame.kind in {spdy.DATA, spdy.SYN_STREAM}:
            await self._data(frame)

    async def _open(self, frame: spdy.Frame) -> None:
        """A stream that says nothing of use is refused."""
        kind = frame.headers.get("streamtype", "")
        try:
            port = port_of(frame.headers.get("port", ""))
        except BadRequest:
            port = 0
        request = frame.headers.get("requestid") or str(frame.stream - 2 * (kind == "data"))
        pair = self._incomplete.get(request) or _Pair(request)
        if not port or kind not in {"error", "data"} or getattr(pair, kind):
            await self._wire.reply(self._encoder.rst_stream(frame.stream))
            return
        await self._wire.reply(self._encoder.syn_reply(frame.stream))
        if request not in self._incomplete:
            self._incomplete[request] = pair
            self._tasks.start("pair", self._expire(pair))
        if kind == "error":
            pair.error = frame.stream
        else:
            pair.data = frame.stream
            pair.connection = Connection(self._pod, port)
            self._pairs[frame.stream] = pair
            self._held.add(pair)
        if pair.error and pair.connection is not None:
            del self._incomplete[request]
            pair.both.set()
            pair.tasks.start("connection", self._serve(pair, pair.connection))

    async def _expire(self, pair: _Pair) -> None:
        """A connection of which half is missing for too long will never be one."""
        try:
            async with asyncio.timeout(PAIR_SECONDS):
                await pair.both.wait()
        except TimeoutError:
            del self._incomplete[pair.request]
            with contextlib.suppress(ConnectionError):
                await self._finish(pair, f"request {pair.request} timed out waiting for streams")

    async def _data(self, frame: spdy.Frame) -> None:
        pair = self._pairs.get(frame.stream)
        if pair is None or pair.connection is None:
            return
        if frame.payload:
            await pair.connection.send(frame.payload)
        if frame.ends:
            await pair.connection.send(b"")

    async def _serve(self, pair: _Pair, connection: Connection) -> None:
        failed = await connection.open()
        try:
            if not failed:
                pair.tasks.start("push", connection.push())
                while data := await connection.receive():
                    for start in range(0, len(data), CHUNK):
                        await self._wire.send(self._encoder.data(pair.data, data[start : start + CHUNK]))
            await self._finish(pair, failed)
        except ConnectionError:
            return

    async def _finish(self, pair: _Pair, problem: str) -> None:
        """End both streams of a connection; the error stream says why when there is a problem."""
        texts = {pair.error: problem.encode(), pair.data: b""}
        ends = [self._encoder.data(stream, text, fin=True) for stream, text in texts.items() if stream]
        try:
            await self._wire.reply(b"".join(ends))
        finally:
            self._drop(pair)

    def _drop(self, pair: _Pair) -> None:
        """Nothing that comes on its data stream is for anybody any more."""
        self._pairs.pop(pair.data, None)
        self._tasks.start("drop", self._release(pair))

    async def _release(self, pair: _Pair) -> None:
        await pair.tasks.close()
        if pair.connection is not None:
            await pair.connection.close()
        self._held.discard(pair)

    async def close(self) -> None:
        await self._tasks.close()
        await asyncio.gather(*map(self._release, self._held))
