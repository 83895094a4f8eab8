"""HTTP connections that go through the agent of a node: the pod network is not reachable from the console's machine."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import WSMsgType

from common.aio import Tasks
from common.errors import ApiError
from console.apiserver.backends import NodeStreams

from .target import Target

if TYPE_CHECKING:
    from aiohttp import ClientRequest, ClientTimeout
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.tracing import Trace

CHUNK = 64 * 1024


class PodConnector(aiohttp.BaseConnector):
    """Connects to one pod, whatever host a request names. Closing it ends what it carries."""

    def __init__(self, streams: NodeStreams, target: Target) -> None:
        super().__init__(force_close=True)
        self._streams = streams
        self._target = target
        self._tasks = Tasks("apiserver/proxy")
        self._writers: list[asyncio.StreamWriter] = []

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> ResponseHandler:
        target = self._target
        namespace, name = target.pod or ("", "")
        try:
            agent = await self._streams.websocket(target.node, f"/forward/{namespace}/{name}/{target.port}", [])
        except ApiError as error:
            raise aiohttp.ClientConnectionError(str(error)) from error
        ours, theirs = socket.socketpair()
        try:
            reader, writer = await asyncio.open_connection(sock=ours)
        except BaseException:  # most of all when whoever asked has gone: nobody else knows of the two yet
            theirs.close()
            self._tasks.start("give up", agent.close())
            raise
        self._writers.append(writer)
        self._tasks.start("to pod", _send(reader, agent))
        self._tasks.start("from pod", _receive(agent, writer))
        context = _context(req) if target.scheme == "https" else None
        loop = asyncio.get_running_loop()
        try:
            _, protocol = await loop.create_connection(
                self._factory, sock=theirs, ssl=context,
                server_hostname=(req.server_hostname or target.address) if context else None,
            )  # fmt: skip
        except ssl.CertificateError as error:
            raise aiohttp.ClientConnectorCertificateError(req.connection_key, error) from error
        return protocol

    async def end(self) -> None:
        await self._tasks.close()
        for writer in self._writers:  # a task that was ended before it began has closed nothing
            writer.close()
        await self.close()


def _context(request: ClientRequest) -> ssl.SSLContext:
    """The context that the request names; without one nobody's certificate is checked."""
    return request.ssl if isinstance(request.ssl, ssl.SSLContext) else unverified()


def unverified() -> ssl.SSLContext:
    """What runs in pods has certificates of its own making: as Kubernetes, nobody checks them here."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def _send(reader: asyncio.StreamReader, agent: aiohttp.ClientWebSocketResponse) -> None:
    try:
        while data := await reader.read(CHUNK):
            await agent.send_bytes(data)
        await agent.send_bytes(b"")
    except (ConnectionError, aiohttp.ClientError):
        return


async def _receive(agent: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter) -> None:
    try:
        async for message in agent:
            if message.type is WSMsgType.BINARY and message.data:
                writer.write(message.data)
                await writer.drain()
    except (ConnectionError, aiohttp.ClientError):
        pass
    finally:
        writer.close()
        await agent.close()
