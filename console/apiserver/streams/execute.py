"""`…/pods/NAME/exec` and `attach`: v5.channel.k8s.io to the agent and back.

Clients may speak v4, which lacks the end of stdin, or the first version, whose channel of errors has text instead of a
Status, and nothing after a success. Who names no subprotocol speaks the first. Both of the older ones have a text form.
"""

from __future__ import annotations

import orjson
from aiohttp import web

from common.errors import BadRequest, InternalError
from console.apiserver.backends import NodeStreams
from console.apiserver.options import parse_bool
from console.apiserver.resources import Request
from console.apiserver.verbs import Verbs

from . import textchannels
from .relay import ERROR, accept, check_upgrade, relay
from .target import check_running, container_of, host_of
from .textchannels import TextSocket

_FIRST = ("channel.k8s.io", textchannels.FIRST, "")
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", textchannels.FOURTH, *_FIRST)


async def serve_exec(verbs: Verbs, streams: NodeStreams, request: Request) -> web.StreamResponse:
    """Errors come before the upgrade, as Status objects: no such container, no node, the agent is away."""
    info, http = request.info, request.http
    pod = verbs.get(request.row, info.namespace, info.name).obj
    node = host_of(pod)
    container = container_of(pod, http.query.get("container", ""))
    check_running(pod)
    params = [(name, "true") for name in ("stdin", "stdout", "stderr", "tty") if _flag(request, name)]
    if info.subresource == "exec":
        command = http.query.getall("command", [])
        if not command:
            raise BadRequest("you must specify at least one command for the container")
        params = [("command", part) for part in command] + params
    protocol = check_upgrade(http, PROTOCOLS)
    path = f"/{info.subresource}/{info.namespace}/{info.name}/{container}"
    agent = await streams.websocket(node, path, params)
    try:
        client = await accept(http, protocol)
        near = TextSocket(client) if protocol in textchannels.PROTOCOLS else client
        await relay(near, agent, cut=_cut(node), shown=_as_text if protocol in _FIRST else bytes)
    finally:
        await agent.close()
    return client


def _cut(node: str) -> bytes:
    lost = InternalError(f"the connection to the agent of node {node} was cut before the command ended")
    return ERROR + orjson.dumps(lost.to_status())


def _as_text(message: bytes) -> bytes:
    """A message for a client of the first version."""
    if message[:1] != ERROR:
        return message
    status = orjson.loads(message[1:])
    return ERROR if status.get("status") == "Success" else ERROR + str(status.get("message", "")).encode()


def _flag(request: Request, name: str) -> bool:
    return parse_bool(name, request.http.query.get(name, ""))
