"""Copying between two WebSockets, and the hand-over of a request to a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp
from aiohttp import WSMsgType, web

from common.aio import Tasks
from common.errors import BadRequest

MAX_MESSAGE = 4 * 1024 * 1024
AnySocket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


def check_upgrade(http: web.BaseRequest, protocols: Sequence[str]) -> str:
    """The first of the client's subprotocols that we speak; raises BadRequest when there is none."""
    if http.headers.get("Upgrade", "").lower() != "websocket":
        raise BadRequest("Upgrade request required")
    offered = [item.strip() for item in http.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    chosen = next((item for item in offered if item in protocols), None)
    if chosen is None:
        raise BadRequest(
            f"unable to upgrade: no subprotocol of {offered} is supported; supported are {list(protocols)}"
        )
    return chosen


async def accept(http: web.BaseRequest, protocol: str) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=(protocol,), max_msg_size=MAX_MESSAGE, timeout=2.0)
    await socket.prepare(http)
    return socket


async def relay(client: web.WebSocketResponse, agent: aiohttp.ClientWebSocketResponse) -> None:
    """Copy messages both ways until one side closes; then close the other."""
    tasks = Tasks("apiserver/relay")
    pumps = [tasks.start("to agent", _pump(client, agent)), tasks.start("to client", _pump(agent, client))]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.close()
        await agent.close()
        await client.close()


async def _pump(source: AnySocket, sink: AnySocket) -> None:
    try:
        async for message in source:
            if message.type is WSMsgType.BINARY:
                await sink.send_bytes(message.data)
            elif message.type is WSMsgType.TEXT:
                # Some clients send the channel byte and the data as text.
                await sink.send_bytes(message.data.encode())
            else:
                return
    except (ConnectionError, aiohttp.ClientError):
        return
