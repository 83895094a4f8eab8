"""Upgraded connections through the proxies: to pods and Services, and to aggregated API servers.

The server behind is asked first, so that a client whose upgrade it refuses gets the server's own code. The messages of
WebSockets are carried whole and unread, and the end of one side is the end of the other, with its code. Of other
protocols that HTTP/1.1 can be upgraded to (SPDY) nothing is known but their bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from common.aio import Tasks
from console.apiserver.streams.relay import AnySocket
from console.apiserver.streams.takeover import Taken, Wire, take_over

# What belongs to one handshake: each side makes its own.
_HANDSHAKE = "sec-websocket-"
_UNSPOKEN = frozenset({WSCloseCode.ABNORMAL_CLOSURE, 1005})  # codes that mean that there was none
MAX_MESSAGE = 32 * 1024 * 1024  # bytes; a longer one ends the WebSocket, for it is held in memory as a whole
SWITCHED = 101  # the status of an answer after which something else than HTTP is spoken
# What is between two neighbours only, but for the upgrade itself.
_NOT_RETURNED = frozenset({"connection", "keep-alive", "proxy-authenticate", "transfer-encoding", "content-length"})


def asks_websocket(http: web.BaseRequest) -> bool:
    return http.headers.get("Upgrade", "").lower() == "websocket"


def asks_upgrade(http: web.BaseRequest) -> bool:
    """Whether the request wants to speak something else than HTTP."""
    named = ",".join(http.headers.getall("Connection", [])).lower().split(",")
    return "Upgrade" in http.headers and "upgrade" in (name.strip() for name in named)


def upgrade_headers(http: web.BaseRequest) -> dict[str, str]:
    """What asks the server behind for the same; nothing for a request that asks for no upgrade."""
    return {"Connection": "Upgrade", "Upgrade": http.headers["Upgrade"]} if asks_upgrade(http) else {}


async def switch(http: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Join the client's connection to that of a server which has answered 101. Raises aiohttp.ClientError and
    ConnectionError as long as the client has no answer."""
    connection = answer.connection
    if connection is None or connection.transport is None or connection.protocol is None:
        raise aiohttp.ServerDisconnectedError
    remote = Taken(connection.transport, connection.protocol)
    # First what came behind the head of the answer, then all the rest.
    connection.protocol.set_parser(_Rest(remote), None)
    connection.transport.set_protocol(remote)
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_RETURNED}
    try:
        response, ours = await take_over(http, headers)
    except BaseException:  # the client went meanwhile: the half that is open has nobody else
        await remote.close(at_once=True)
        raise
    try:
        await _until_one_ends(_copy(ours, remote), _copy(remote, ours))
    finally:
        await asyncio.gather(ours.close(at_once=True), remote.close(at_once=True))
    return response


async def _until_one_ends(into: Coroutine[Any, Any, None], out: Coroutine[Any, Any, None]) -> None:
    tasks = Tasks("apiserver/upgrade")
    try:
        both = (tasks.start("in", into), tasks.start("out", out))
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.close()


class _Rest:
    """What aiohttp has read of an upgraded connection, for who has taken it."""

    def __init__(self, taken: Taken) -> None:
        self._taken = taken

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._taken.data_received(data)
        return False, b""

    def feed_eof(self) -> None:
        """`Taken` is told of the end itself."""


async def _copy(source: Wire, sink: Wire) -> None:
    try:
        async for data in source:
            await sink.send(data)
    except ConnectionError:
        return


async def carry(
    http: web.BaseRequest, session: aiohttp.ClientSession, url: URL, headers: Mapping[str, str], **how: Any
) -> web.StreamResponse:
    """Join the client's WebSocket to one of the server at `url`; `how` is as aiohttp's `ws_connect` has it. Raises
    aiohttp.ClientError and OSError as long as the client has no answer."""
    offered = [name.strip() for name in http.headers.get("Sec-WebSocket-Protocol", "").split(",") if name.strip()]
    sent = CIMultiDict((name, value) for name, value in headers.items() if not name.lower().startswith(_HANDSHAKE))
    try:
        remote = await session.ws_connect(url, protocols=offered, headers=sent, max_msg_size=MAX_MESSAGE, **how)
    except aiohttp.WSServerHandshakeError as error:
        # The body of a refused handshake is not read; its code is what clients go by. 101 comes here with a wrong key.
        return web.Response(status=502 if error.status == 101 else error.status, text=error.message)
    protocols = (remote.protocol,) if remote.protocol else ()
    ours = web.WebSocketResponse(protocols=protocols, max_msg_size=MAX_MESSAGE, timeout=2.0)
    try:
        await ours.prepare(http)
        await _until_one_ends(_pump(ours, remote), _pump(remote, ours))
    finally:
        await remote.close()
    return ours


async def _pump(source: AnySocket, sink: AnySocket) -> None:
    """Copy until the source ends, then say so to the sink."""
    try:
        async for message in source:
            if message.type is WSMsgType.BINARY:
                await sink.send_bytes(message.data)
            elif message.type is WSMsgType.TEXT:
                await sink.send_str(message.data)
        code = source.close_code
        await sink.close(code=WSCloseCode.OK if code is None or code in _UNSPOKEN else code)
    except (ConnectionError, aiohttp.ClientError):
        return
