"""One TCP connection to a port of a pod: a WebSocket to the agent of its node.

An empty message there ends that direction.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp
from aiohttp import WSMsgType

from common.errors import ApiError, BadRequest
from console.apiserver.backends import NodeStreams

QUEUED = 64  # messages a slow connection may have waiting before it holds up the others


@dataclass(frozen=True, slots=True)
class Pod:
    """Where connections go."""

    streams: NodeStreams
    node: str
    namespace: str
    name: str

    async def dial(self, port: int) -> aiohttp.ClientWebSocketResponse:
        return await self.streams.websocket(self.node, f"/forward/{self.namespace}/{self.name}/{port}", [])


def port_of(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 65536:
        raise BadRequest(f"ports: {text!r} is no port: allowed are 1 to 65535")
    return int(text)


class Connection:
    """What the client sends waits in a short queue for the agent to take it; what comes after the end goes nowhere."""

    def __init__(self, pod: Pod, port: int) -> None:
        self._pod = pod
        self._port = port
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUED)
        self._agent: aiohttp.ClientWebSocketResponse | None = None
        self._ended = False

    async def send(self, data: bytes) -> None:
        """Data of the client; empty when it sends no more."""
        if not self._ended:
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
        finally:
            self._end()

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

    def _end(self) -> None:
        """Whoever waits for room in the queue must not wait for good: it reads for other connections, too."""
        self._ended = True
        while not self._queue.empty():
            self._queue.get_nowait()

    async def close(self) -> None:
        self._end()
        if self._agent is not None:
            await self._agent.close()
