"""WebSockets through the proxies: to pods and Services, and to aggregated API servers.

The server behind is asked first, so that a client whose upgrade it refuses gets the server's own code. Messages are
carried whole and unread, and the end of one side is the end of the other, with its code. Other protocols that HTTP/1.1
can be upgraded to (SPDY) are refused: their bytes would be taken for further requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from common.aio import Tasks
from common.errors import BadRequest
from console.apiserver.streams.relay import AnySocket

# What belongs to one handshake: each side makes its own.
_HANDSHAKE = "sec-websocket-"
_UNSPOKEN = frozenset({WSCloseCode.ABNORMAL_CLOSURE, 1005})  # codes that mean that there was none
MAX_MESSAGE = 32 * 1024 * 1024  # bytes; a longer one ends the WebSocket, for it is held in memory as a whole
REFUSED = "unable to upgrade: only WebSockets are carried, not {}"


def asks_upgrade(http: web.BaseRequest) -> bool:
    """Whether the request wants to speak something else than HTTP. Raises BadRequest when that is no WebSocket."""
    wanted = http.headers.get("Upgrade", "")
    if wanted and wanted.lower() != "websocket":
        raise BadRequest(REFUSED.format(wanted))
    return bool(wanted)


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
        await _join(ours, remote)
    finally:
        await remote.close()
    return ours


async def _join(ours: web.WebSocketResponse, remote: aiohttp.ClientWebSocketResponse) -> None:
    tasks = Tasks("apiserver/upgrade")
    try:
        both = (tasks.start("in", _pump(ours, remote)), tasks.start("out", _pump(remote, ours)))
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.close()


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
