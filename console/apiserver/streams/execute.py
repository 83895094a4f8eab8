"""`…/pods/NAME/exec` and `attach`: v5.channel.k8s.io to the agent and back.

Clients may speak v4, which lacks the end of stdin, or the first version, whose channel of errors has text instead of a
Status, and nothing after a success. Who names no subprotocol speaks the first. Both of the older ones have a text form.
Clients that came before WebSockets have a SPDY stream for each channel.
"""

from __future__ import annotations

import aiohttp
import orjson
from aiohttp import web

from common.errors import BadRequest, InternalError
from console.apiserver.backends import NodeStreams
from console.apiserver.options import parse_bool
from console.apiserver.resources import Request
from console.apiserver.verbs import Verbs

from . import spdycommand, textchannels
from .relay import ERROR, ClientSocket, accept, check_upgrade, relay
from .spdycommand import CommandStreams, SpdyCommand
from .spdyupgrade import accept_spdy, asks_spdy, chosen, refusal
from .target import check_running, container_of, host_of
from .textchannels import TextSocket

_FIRST = ("channel.k8s.io", textchannels.FIRST, "")
_FLAGS = ("stdin", "stdout", "stderr", "tty")
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", textchannels.FOURTH, *_FIRST)


async def serve_exec(verbs: Verbs, streams: NodeStreams, request: Request) -> web.StreamResponse:
    """Errors come before the upgrade, as Status objects: no such container, no node, the agent is away."""
    info, http = request.info, request.http
    pod = verbs.get(request.row, info.namespace, info.name).obj
    node = host_of(pod)
    container = container_of(pod, http.query.get("container", ""))
    check_running(pod)
    params = [(name, "true") for name in _FLAGS if parse_bool(http.query.get(name))]
    if info.subresource == "exec":
        command = http.query.getall("command", [])
        if not command:
            raise BadRequest("you must specify at least one command for the container")
        params = [("command", part) for part in command] + params
    over_spdy = asks_spdy(http)
    protocol = chosen(http, spdycommand.PROTOCOLS) if over_spdy else check_upgrade(http, PROTOCOLS)
    if over_spdy and not protocol:
        return refusal(http, spdycommand.PROTOCOLS)
    path = f"/{info.subresource}/{info.namespace}/{info.name}/{container}"
    agent = await streams.websocket(node, path, params)
    try:
        if over_spdy:
            return await _over_spdy(http, agent, protocol, node)
        client = await accept(http, protocol)
        near = TextSocket(client) if protocol in textchannels.PROTOCOLS else client
        await _relay(near, agent, node, in_text=protocol in _FIRST)
    finally:
        await agent.close()
    return client


async def _over_spdy(
    http: web.BaseRequest, agent: aiohttp.ClientWebSocketResponse, protocol: str, node: str
) -> web.StreamResponse:
    response, wire = await accept_spdy(http, protocol)
    flags = [name for name in _FLAGS if parse_bool(http.query.get(name))]
    client = SpdyCommand(wire, CommandStreams(spdycommand.wanted(flags, protocol)))
    try:
        if await client.opened():
            await _relay(client, agent, node, in_text=protocol != spdycommand.FOURTH)
    finally:
        await client.close()
    return response


async def _relay(near: ClientSocket, agent: aiohttp.ClientWebSocketResponse, node: str, *, in_text: bool) -> None:
    await relay(near, agent, cut=_cut(node), shown=_as_text if in_text else bytes)


def _cut(node: str) -> bytes:
    lost = InternalError(f"the connection to the agent of node {node} was cut before the command ended")
    return ERROR + orjson.dumps(lost.to_status())


def _as_text(message: bytes) -> bytes:
    """A message for a client of the first version."""
    if message[:1] != ERROR:
        return message
    status = orjson.loads(message[1:])
    return ERROR if status.get("status") == "Success" else ERROR + str(status.get("message", "")).encode()
