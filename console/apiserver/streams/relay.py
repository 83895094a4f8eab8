"""Copying between two WebSockets, and the hand-over of a request to a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from aiohttp import WSMessage, WSMsgType, web

from common.aio import Tasks
from common.errors import BadRequest

ERROR = b"\x03"  # the channel of the final Status
MAX_MESSAGE = 4 * 1024 * 1024
AnySocket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


class ClientSocket(Protocol):
    """A client's WebSocket, or what looks like one."""

    async def send_bytes(self, data: bytes) -> None: ...

    async def close(self) -> bool: ...

    def __aiter__(self) -> AsyncIterator[WSMessage]: ...


def check_upgrade(http: web.BaseRequest, protocols: Sequence[str]) -> str:
    """The first of the client's subprotocols that we speak, empty for a client that names none where `protocols` has
    that; raises BadRequest when there is none."""
    if http.headers.get("Upgrade", "").lower() != "websocket":
        raise BadRequest("Upgrade request required")
    offered = [item.strip() for item in http.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    chosen = next((item for item in offered if item in protocols), None)
    if chosen is None:
        known = [protocol for protocol in protocols if protocol]
        raise BadRequest(f"unable to upgrade: no subprotocol of {offered} is supported; supported are {known}")
    return chosen


async def accept(http: web.BaseRequest, protocol: str) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=(protocol,) if protocol else (), max_msg_size=MAX_MESSAGE, timeout=2.0)
    await socket.prepare(http)
    return socket


async def relay(
    client: ClientSocket,
    agent: aiohttp.ClientWebSocketResponse,
    *,
    cut: bytes,
    shown: Callable[[bytes], bytes] = bytes,
) -> None:
    """Copy messages both ways until one side closes; then close the other. `cut` is told to a client whose agent went
    without a last word on the channel of errors: clients take silence for success. `shown` makes the client's messages
    of the agent's."""
    tasks = Tasks("apiserver/relay")
    outcome = _Outcome()
    to_agent = tasks.start("to agent", _pump(client, agent))
    to_client = tasks.start("to client", _pump(agent, client, outcome, shown))
    try:
        await asyncio.wait({to_agent, to_client}, return_when=asyncio.FIRST_COMPLETED)
        if to_client.done() and not to_agent.done() and not outcome.told:
            with contextlib.suppress(ConnectionError):
                await client.send_bytes(shown(cut))
    finally:
        await tasks.close()
        await agent.close()
        await client.close()


@dataclass(slots=True)
class _Outcome:
    """Whether the agent has said how the command ended."""

    told: bool = False


async def _pump(
    source: AnySocket | ClientSocket,
    sink: AnySocket | ClientSocket,
    outcome: _Outcome | None = None,
    shown: Callable[[bytes], bytes] = bytes,
) -> None:
    try:
        async for message in source:
            if message.type is WSMsgType.BINARY:
                if outcome is not None and message.data[:1] == ERROR:
                    outcome.told = True
                await sink.send_bytes(shown(message.data))
            elif message.type is WSMsgType.TEXT:
                # Some clients send the channel byte and the data as text.
                await sink.send_bytes(message.data.encode())
            else:
                return
    except (ConnectionError, aiohttp.ClientError):
        return
