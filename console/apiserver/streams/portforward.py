"""`…/pods/NAME/portforward`: TCP connections to a pod through one of the client's, in all ways in which clients ask.

kubectl speaks SPDY, inside a WebSocket or on the plain connection (`spdyforward.py`). Other clients speak
v4.channel.k8s.io over a WebSocket, or name no subprotocol: ports in the query, two channels for each port, one
connection for each; with v5 they can also say where their input ends (255 and the channel), which our own clients do.
"""

from __future__ import annotations

import asyncio
import struct

from aiohttp import WSMsgType, web

from common.aio import Tasks
from common.errors import BadRequest
from console.apiserver.backends import NodeStreams
from console.apiserver.resources import Request
from console.apiserver.verbs import Verbs

from . import spdy, textchannels
from .podconnection import Connection, Pod, port_of
from .relay import ClientSocket, accept, check_upgrade
from .spdyforward import PROTOCOL, TUNNEL, SpdyForward, Tunnel
from .spdyupgrade import accept_spdy, asks_spdy, chosen, refusal
from .takeover import Wire
from .target import check_running, host_of
from .textchannels import TextSocket

CHANNELS = ("v4.channel.k8s.io", "v5.channel.k8s.io", "channel.k8s.io", *textchannels.PROTOCOLS, "")
CLOSE = 255


async def serve_portforward(verbs: Verbs, streams: NodeStreams, request: Request) -> web.StreamResponse:
    info, http = request.info, request.http
    found = verbs.get(request.row, info.namespace, info.name).obj
    pod = Pod(streams, host_of(found), info.namespace, info.name)
    check_running(found)
    if asks_spdy(http):
        if not chosen(http, (PROTOCOL,)):
            return refusal(http, (PROTOCOL,))
        response, wire = await accept_spdy(http, PROTOCOL)
        await _serve(SpdyForward(wire, pod), wire)
        return response
    protocol = check_upgrade(http, (TUNNEL, *CHANNELS))
    ports = [port_of(text) for item in http.query.getall("ports", []) for text in item.split(",")]
    if protocol in CHANNELS and not ports:
        raise BadRequest("at least one port must be given in the query: ports=PORT")
    socket = await accept(http, protocol)
    near = TextSocket(socket) if protocol in textchannels.PROTOCOLS else socket
    forward = SpdyForward(Tunnel(socket), pod) if protocol == TUNNEL else _ChannelForward(near, pod, ports)
    await _serve(forward, socket)
    return socket


async def _serve(forward: SpdyForward | _ChannelForward, client: Wire | web.WebSocketResponse) -> None:
    try:
        await forward.run()
    except (spdy.SpdyError, ConnectionError):
        pass  # the client is gone or does not keep to the protocol: there is nobody to tell
    finally:
        await forward.close()
        await client.close()


class _ChannelForward:
    """Channel 2i carries the data of the i-th port, 2i+1 its error; each begins with the port, little endian."""

    def __init__(self, socket: ClientSocket, pod: Pod, ports: list[int]) -> None:
        self._socket = socket
        self._connections = [Connection(pod, port) for port in ports]
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

    async def _serve(self, index: int, connection: Connection) -> None:
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
