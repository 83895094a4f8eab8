"""`…/pods/NAME/portforward`: TCP connections to a pod through one WebSocket, in the two ways in which clients ask.

kubectl speaks SPDY inside the WebSocket: for each connection a data and an error stream with the port in their headers.
Other clients speak v4.channel.k8s.io, or name no subprotocol: ports in the query, two channels for each port, one
connection for each; with v5 they can also say where their input ends (255 and the channel), which our own clients do.
Behind either the agent has one WebSocket for each TCP connection; an empty message there ends that direction.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field

import aiohttp
from aiohttp import WSMsgType, web

from common.aio import Tasks
from common.errors import ApiError, BadRequest
from console.apiserver.backends import NodeStreams
from console.apiserver.resources import Request
from console.apiserver.verbs import Verbs

from . import spdy, textchannels
from .relay import ClientSocket, accept, check_upgrade
from .target import check_running, host_of
from .textchannels import TextSocket

SPDY = "SPDY/3.1+portforward.k8s.io"
CHANNELS = ("v4.channel.k8s.io", "v5.channel.k8s.io", "channel.k8s.io", *textchannels.PROTOCOLS, "")
CLOSE = 255
QUEUED = 64  # messages a slow connection may have waiting before it holds up the others
CHUNK = 32 * 1024


@dataclass(frozen=True, slots=True)
class Pod:
    """Where connections go."""

    streams: NodeStreams
    node: str
    namespace: str
    name: str

    async def dial(self, port: int) -> aiohttp.ClientWebSocketResponse:
        return await self.streams.websocket(self.node, f"/forward/{self.namespace}/{self.name}/{port}", [])


async def serve_portforward(verbs: Verbs, streams: NodeStreams, request: Request) -> web.StreamResponse:
    info, http = request.info, request.http
    found = verbs.get(request.row, info.namespace, info.name).obj
    pod = Pod(streams, host_of(found), info.namespace, info.name)
    check_running(found)
    protocol = check_upgrade(http, (SPDY, *CHANNELS))
    ports = [_port(text) for item in http.query.getall("ports", []) for text in item.split(",")]
    if protocol in CHANNELS and not ports:
        raise BadRequest("at least one port must be given in the query: ports=PORT")
    socket = await accept(http, protocol)
    near = TextSocket(socket) if protocol in textchannels.PROTOCOLS else socket
    forward = _SpdyForward(socket, pod) if protocol == SPDY else _ChannelForward(near, pod, ports)
    try:
        await forward.run()
    except (spdy.SpdyError, ConnectionError):
        pass  # the client is gone or does not keep to the protocol: there is nobody to tell
    finally:
        await forward.close()
        await socket.close()
    return socket


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 65536:
        raise BadRequest(f"ports: {text!r} is no port: allowed are 1 to 65535")
    return int(text)


class _Connection:
    """One TCP connection of the pod. What the client sends waits in a short queue for the agent to take it."""

    def __init__(self, pod: Pod, port: int) -> None:
        self._pod = pod
        self._port = port
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUED)
        self._agent: aiohttp.ClientWebSocketResponse | None = None

    async def send(self, data: bytes) -> None:
        """Data of the client; empty when it sends no more."""
        await self._queue.put(data)

    async def open(self) -> str:
        """Empty, or why there is no connection."""
        try:
            self._agent = await self._pod.dial(self._port)
        except ApiError as error:
            return f"error forwarding port {self._port} to pod {self._pod.name}: {error}"
        return ""

    async def push(self) -> None:
        """Hand over what the client sends."""
        agent = self._opened()
        try:
            while True:
                await agent.send_bytes(await self._queue.get())
        except (ConnectionError, aiohttp.ClientError):
            return

    async def receive(self) -> bytes:
        """What the pod sends; empty when it sends no more."""
        try:
            message = await self._opened().receive()
        except (ConnectionError, aiohttp.ClientError):
            return b""
        return message.data if message.type is WSMsgType.BINARY else b""

    def _opened(self) -> aiohttp.ClientWebSocketResponse:
        if self._agent is None:
            raise ConnectionError("the connection is not open")
        return self._agent

    async def close(self) -> None:
        if self._agent is not None:
            await self._agent.close()


@dataclass(slots=True)
class _Pair:
    """The two streams of one connection of kubectl."""

    error: int = 0
    data: int = 0
    tasks: Tasks = field(default_factory=lambda: Tasks("apiserver/portforward"))
    connection: _Connection | None = None


class _SpdyForward:
    def __init__(self, socket: web.WebSocketResponse, pod: Pod) -> None:
        self._socket = socket
        self._pod = pod
        self._encoder = spdy.Encoder()
        self._pairs: dict[str, _Pair] = {}
        self._by_data: dict[int, str] = {}
        self._tasks = Tasks("apiserver/portforward")

    async def run(self) -> None:
        decoder = spdy.Decoder()
        async for message in self._socket:
            if message.type is not WSMsgType.BINARY:
                return
            for frame in decoder.feed(message.data):
                await self._handle(frame)

    async def _handle(self, frame: spdy.Frame) -> None:
        if frame.kind == spdy.SYN_STREAM:
            await self._open(frame)
        elif frame.kind == spdy.PING and frame.stream % 2:
            await self._socket.send_bytes(self._encoder.ping(frame.stream))
        elif frame.kind == spdy.RST_STREAM:
            await self._drop(self._by_data.get(frame.stream, ""))
        elif frame.kind == spdy.DATA:
            await self._data(frame)

    async def _open(self, frame: spdy.Frame) -> None:
        await self._socket.send_bytes(self._encoder.syn_reply(frame.stream))
        request = frame.headers.get("requestid", "")
        pair = self._pairs.setdefault(request, _Pair())
        if frame.headers.get("streamtype") == "error":
            pair.error = frame.stream
            return
        pair.data = frame.stream
        self._by_data[frame.stream] = request
        try:
            port = _port(frame.headers.get("port", ""))
        except BadRequest as error:
            await self._finish(request, str(error))
            return
        pair.connection = _Connection(self._pod, port)
        pair.tasks.start("connection", self._serve(request, pair, pair.connection))

    async def _data(self, frame: spdy.Frame) -> None:
        pair = self._pairs.get(self._by_data.get(frame.stream, ""))
        if pair is None or pair.connection is None:
            return
        if frame.payload:
            await pair.connection.send(frame.payload)
        if frame.ends:
            await pair.connection.send(b"")

    async def _serve(self, request: str, pair: _Pair, connection: _Connection) -> None:
        failed = await connection.open()
        try:
            if not failed:
                pair.tasks.start("push", connection.push())
                while data := await connection.receive():
                    for start in range(0, len(data), CHUNK):
                        piece = data[start : start + CHUNK]
                        await self._socket.send_bytes(self._encoder.data(pair.data, piece))
            await self._finish(request, failed)
        except ConnectionError:
            return

    async def _finish(self, request: str, problem: str) -> None:
        """End both streams of a connection; the error stream says why when there is a problem."""
        pair = self._pairs[request]
        await self._socket.send_bytes(self._encoder.data(pair.error, problem.encode(), fin=True))
        await self._socket.send_bytes(self._encoder.data(pair.data, b"", fin=True))

    async def _drop(self, request: str) -> None:
        pair = self._pairs.pop(request, None)
        if pair is None:
            return
        self._by_data.pop(pair.data, None)
        self._tasks.start("drop", self._release(pair))

    async def _release(self, pair: _Pair) -> None:
        await pair.tasks.close()
        if pair.connection is not None:
            await pair.connection.close()

    async def close(self) -> None:
        for pair in self._pairs.values():
            await self._release(pair)
        await self._tasks.close()


class _ChannelForward:
    """Channel 2i carries the data of the i-th port, 2i+1 its error; each begins with the port, little endian."""

    def __init__(self, socket: ClientSocket, pod: Pod, ports: list[int]) -> None:
        self._socket = socket
        self._connections = [_Connection(pod, port) for port in ports]
        self._ports = ports
        self._tasks = Tasks("apiserver/portforward")

    async def run(self) -> None:
        for index, port in enumerate(self._ports):
            for channel in (2 * index, 2 * index + 1):
                await self._socket.send_bytes(bytes([channel]) + struct.pack("<H", port))
        pumps = [
            self._tasks.start(f"port {self._ports[index]}", self._serve(index, connection))
            for index, connection in enumerate(self._connections)
        ]
        reading = self._tasks.start("client", self._read())
        everything = self._tasks.start("pods", _all(pumps))
        await asyncio.wait([reading, everything], return_when=asyncio.FIRST_COMPLETED)

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.BINARY or not message.data:
                return
            channel, data = message.data[0], message.data[1:]
            if channel == CLOSE and data:  # nothing more comes on that channel
                channel, data = data[0], b""
            elif not data:
                continue
            index, is_error = divmod(channel, 2)
            if not is_error and index < len(self._connections):
                await self._connections[index].send(data)

    async def _serve(self, index: int, connection: _Connection) -> None:
        try:
            failed = await connection.open()
            if failed:
                await self._socket.send_bytes(bytes([2 * index + 1]) + failed.encode())
                return
            self._tasks.start("push", connection.push())
            while data := await connection.receive():
                await self._socket.send_bytes(bytes([2 * index]) + data)
        except ConnectionError:
            return

    async def close(self) -> None:
        await self._tasks.close()
        for connection in self._connections:
            await connection.close()


async def _all(pumps: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*pumps)
