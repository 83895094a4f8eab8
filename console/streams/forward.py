"""Port-forwards: ports of this machine that lead to a pod, a workload or a Service, and survive the pod they lead to.

Each connection gets a WebSocket of its own, so that a slow one holds up nobody else. The pod is looked at anew for each
new connection: when it is gone or not ready, the next one goes to another pod that is ready. A connection that is open
when its pod goes is cut, as it would be anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp

from common.aio import Tasks
from common.api import meta
from common.api.kinds import PODS, Resource
from common.api.meta import Key, Object
from common.client import ObjectList
from common.errors import ApiError

from .channels import CHUNK, CLOSE, PROTOCOL, Opener
from .ports import NoTarget, Pair, check_pod, choose, port_of, usable

LOOPBACK = ("127.0.0.1", "::1")
CLOSE_SECONDS = 1.0  # for the goodbye of a WebSocket


class Api(Opener, Protocol):
    """What forwarding needs of the API; clients of the console have more."""

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str = ""
    ) -> Object: ...

    async def list(
        self, resource: Resource, namespace: str | None = None, *, label_selector: str = "", field_selector: str = "",
        limit: int = 0, page: str = "",
    ) -> ObjectList: ...  # fmt: skip


@dataclass(slots=True)
class Figures:
    """What went through a forward since it began; `problem` is why the last connection failed, empty when it did
    not."""

    open: int = 0
    total: int = 0
    received: int = 0
    sent: int = 0
    pod: str = ""
    problem: str = ""


@dataclass
class Forward:
    """One pair of ports. `told` is called when something happened that a user may want to read."""

    api: Api
    resource: Resource
    key: Key
    pair: Pair
    addresses: Sequence[str] = LOOPBACK
    told: Callable[[str], None] = lambda _text: None
    figures: Figures = field(default_factory=Figures)
    listening: list[str] = field(default_factory=list)
    port: int = 0
    _servers: list[asyncio.Server] = field(default_factory=list)
    _tasks: Tasks = field(default_factory=lambda: Tasks("forward"))

    @property
    def label(self) -> str:
        return f"{self.resource.kind.lower()}/{self.key.name}"

    async def start(self) -> None:
        """Find the target and listen. Raises NoTarget, ApiError, and OSError naming the port that is taken."""
        await self._target()
        self.port = self.pair.local
        for address in self.addresses:
            await self._listen(address)
        if not self._servers:
            raise OSError(errno.EADDRNOTAVAIL, f"none of {', '.join(self.addresses)} is an address of this machine")

    async def close(self) -> None:
        """Listen no more and cut what is open."""
        for server in self._servers:
            server.close()
        await self._tasks.close()

    async def _listen(self, address: str) -> None:
        try:
            server = await asyncio.start_server(self._accepted, address, self.port)
        except OSError as error:
            if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                return  # a machine without IPv6 has only one loopback
            await self.close()
            raise OSError(
                error.errno, f"port {self.port} of {address} cannot be listened on: it is taken, or below 1024 and "
                "not allowed; choose another, or :REMOTE for any free one"
            ) from error  # fmt: skip
        self._servers.append(server)
        self.port = int(server.sockets[0].getsockname()[1])
        self.listening.append(f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}")

    async def _target(self) -> tuple[str, int]:
        """The pod for a new connection, and its port."""
        obj = await self.api.get(self.resource, self.key.name, self.key.namespace)
        if self.resource == PODS:
            check_pod(obj)
            pod = obj
        else:
            pod = await self._known() or choose(obj, (await self.api.list(PODS, self.key.namespace)).items)
        port = port_of({**obj, "kind": self.resource.kind}, pod, self.pair.remote)
        if self.figures.pod not in {"", meta.name(pod)}:
            self.told(f"{self.label} goes to pod {meta.name(pod)} now")
        self.figures.pod = meta.name(pod)
        return meta.name(pod), port

    async def _known(self) -> Object | None:
        """The pod of the last connection, while it can be used."""
        if not self.figures.pod:
            return None
        with contextlib.suppress(ApiError):
            pod = await self.api.get(PODS, self.figures.pod, self.key.namespace)
            return pod if usable(pod) else None
        return None

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.start("connection", self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        figures = self.figures
        figures.open += 1
        figures.total += 1
        try:
            pod, port = await self._target()
            path = PODS.path(self.key.namespace, pod, "portforward")
            socket = await self.api.websocket(path, [("ports", str(port))], (PROTOCOL,))
            try:
                figures.problem = await self._carry(socket, reader, writer)
            finally:
                # A node that went says no goodbye, and nobody who ends a forward waits for one.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_SECONDS):
                        await socket.close()
        except (NoTarget, ApiError, OSError, aiohttp.ClientError) as error:
            figures.problem = getattr(error, "message", "") or str(error)
        finally:
            figures.open -= 1
            writer.close()
        if figures.problem:
            self.told(f"{self.label}: {figures.problem}")

    async def _carry(
        self, socket: aiohttp.ClientWebSocketResponse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> str:
        """Until the pod's side ends; what the pod's node complained of."""
        tasks = Tasks("forward")
        tasks.start("send", self._send(socket, reader))
        try:
            return await self._receive(socket, writer)
        except ConnectionError:
            return ""  # whoever connected here has gone
        finally:
            await tasks.close()

    async def _send(self, socket: aiohttp.ClientWebSocketResponse, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(CHUNK):
                await socket.send_bytes(b"\x00" + data)
                self.figures.sent += len(data)
            await socket.send_bytes(bytes([CLOSE, 0]))
        except (ConnectionError, aiohttp.ClientError):
            return

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter) -> str:
        greetings = {0, 1}  # the first message of each channel repeats the port
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel in greetings:
                greetings.discard(channel)
            elif channel == 1:
                return str(data.decode(errors="replace"))
            elif channel == 0:
                writer.write(data)
                await writer.drain()
                self.figures.received += len(data)
        return ""
