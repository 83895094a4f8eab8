"""`…/nodes/NAME/shell`: a shell on the host itself, from the agent of the node: v5.channel.k8s.io and back.

It takes the right to `create nodes/shell`, which no role but those with all rights has, and no node ever has, whatever
it was given: one stolen certificate of a node must not open the others. The host has its own word besides (the agent
refuses unless it was allowed there). Who, from where and how it ended is in the audit log; events of the Node say when.
"""

from __future__ import annotations

import orjson
from aiohttp import web

from common.api import ages
from common.api.kinds import NODES
from common.errors import Forbidden, InternalError, from_status
from common.events import Voice
from common.pki import NODES as NODE_GROUP
from console.apiserver.backends import NodeStreams
from console.apiserver.options import parse_bool
from console.apiserver.resources import Request
from console.apiserver.verbs import Verbs

from .logsinks import is_websocket
from .relay import ERROR, accept, check_upgrade, relay

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_FLAGS = ("stdin", "tty")
_REFUSALS = frozenset({403, 429})
_LONGEST = 200  # letters of what an agent says that an event has


async def serve_host_shell(verbs: Verbs, streams: NodeStreams, request: Request, voice: Voice) -> web.StreamResponse:
    """Errors come before the upgrade, as Status objects: no such node, not allowed there, the agent is away."""
    http, caller, name = request.http, request.caller, request.info.name
    node = verbs.get(request.row, "", name).obj
    if NODE_GROUP in caller.groups:
        raise Forbidden(f'nodes "{name}" is forbidden: User "{caller.user}" is a node, and no node gets a shell')
    if not is_websocket(http):
        await _tell_refusal(streams, name)
    protocol = check_upgrade(http, PROTOCOLS)
    params = [("command", part) for part in http.query.getall("command", [])]
    params += [(flag, "true") for flag in _FLAGS if parse_bool(http.query.get(flag))]
    agent = await streams.websocket(name, "/shell", params)
    try:
        client = await accept(http, protocol)
        voice.warning(NODES, node, "HostShellStarted", f"{caller.user} has a shell on this host")
        began, outcome = verbs.clock.monotonic(), _Outcome()
        try:
            await relay(client, agent, cut=_cut(name), shown=outcome.note)
        finally:
            spent = ages.duration(verbs.clock.monotonic() - began)
            said = f"The shell of {caller.user} on this host has ended after {spent}: {outcome.text}"
            voice.normal(NODES, node, "HostShellEnded", said)
    finally:
        await agent.close()
    return client


async def _tell_refusal(streams: NodeStreams, node: str) -> None:
    """A client that was refused a WebSocket never saw why, and asks again without one. Raises what the agent says."""
    async with await streams.request(node, "GET", "/shell", {}, None) as answer:
        if answer.status in _REFUSALS:
            text = await answer.text()
            raise from_status({"message": f"node {node}: {text[:_LONGEST]}"}, answer.status)


class _Outcome:
    """How the shell ended, as far as its agent said."""

    def __init__(self) -> None:
        self.text = "the connection was cut"

    def note(self, message: bytes) -> bytes:
        if message[:1] == ERROR:
            status = orjson.loads(message[1:])
            done = status.get("status") == "Success"
            self.text = "exit status 0" if done else str(status.get("message"))[:_LONGEST]
        return message


def _cut(node: str) -> bytes:
    lost = InternalError(f"the connection to the agent of node {node} was cut before the shell ended")
    return ERROR + orjson.dumps(lost.to_status())
