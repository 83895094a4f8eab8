"""Subresources that are no part of their object: explanations, hosts and tokens here, streams to nodes in their own
modules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from common.errors import ServiceUnavailable, method_not_allowed
from common.events import Voice
from console.registry import admission
from console.registry.kinds.authentication import TOKENREQUESTS

from .access import nodes
from .backends import Explainer, NodeStreams
from .body import read_document, read_object
from .extension.matching import Asked
from .history.undo import Undo
from .hosts import Hosts
from .identity.accounts import ISSUED, ServiceAccountTokens, credential_of
from .identity.tokenrequest import check_node, request_token
from .options import WriteOptions
from .proxying.serve import serve_proxy
from .resources import Request, Special
from .responses import respond
from .streams.execute import serve_exec
from .streams.hostshell import serve_host_shell
from .streams.images import serve_images
from .streams.logs import serve_logs
from .streams.portforward import serve_portforward
from .streams.usage import serve_usage
from .verbs import Verbs

ToNode = Callable[[Verbs, NodeStreams, Request], Awaitable[web.StreamResponse]]


def specials(
    verbs: Verbs,
    streams: NodeStreams | None,
    explainer: Explainer | None,
    hosts: Hosts,
    undo: Undo,
    tokens: ServiceAccountTokens,
    voice: Voice,
) -> dict[str, Special]:
    """Handlers by the name of their subresource."""

    async def why(request: Request) -> web.StreamResponse:
        if request.http.method != "GET":
            raise method_not_allowed()
        if explainer is None:
            raise ServiceUnavailable("this API server is not connected to a scheduler")
        pod = verbs.get(request.row, request.info.namespace, request.info.name).obj
        return await respond(orjson.dumps(explainer.explain(pod)), request.form.plain)

    async def adopt(request: Request) -> web.StreamResponse:
        if request.http.method != "POST":
            raise method_not_allowed()
        body = await read_document(request.http, "adoption")
        host = await hosts.post_host(request.info.name, request.info.subresource, body)
        return await respond(orjson.dumps(host), request.form.plain)

    async def undone(request: Request) -> web.StreamResponse:
        if request.http.method != "POST":
            raise method_not_allowed()
        change = verbs.get(request.row, "", request.info.name).obj
        options = WriteOptions.parse(request.http.query)
        obj = await undo.undo(request.caller, change, dry_run=options.dry_run)
        return await respond(orjson.dumps(obj), request.form.plain)

    async def host_shell(verbs: Verbs, streams: NodeStreams, request: Request) -> web.StreamResponse:
        return await serve_host_shell(verbs, streams, request, voice)

    def to_node(serve: ToNode) -> Special:
        async def handle(request: Request) -> web.StreamResponse:
            if streams is None:
                raise ServiceUnavailable("this API server is not connected to nodes")
            return await serve(verbs, streams, request)

        return handle

    return {
        "why": why,
        "adopt": adopt,
        "undo": undone,
        "token": _token_of(verbs, tokens),
        "log": to_node(serve_logs),
        "exec": to_node(serve_exec),
        "attach": to_node(serve_exec),
        "portforward": to_node(serve_portforward),
        "images": to_node(serve_images),
        "shell": to_node(host_shell),
        "usage": to_node(serve_usage),
        "proxy": to_node(serve_proxy),
    }


def _token_of(verbs: Verbs, tokens: ServiceAccountTokens) -> Special:
    async def token(request: Request) -> web.StreamResponse:
        info, http = request.info, request.http
        if http.method != "POST":
            raise method_not_allowed()
        asked, found = await read_object(http, TOKENREQUESTS, http.query.get("fieldValidation", ""))
        request.warnings += found
        context = verbs.context(request.caller)
        about = Asked(request.caller, request.row, "CREATE", info.namespace, info.name, asked, None, info.subresource)
        # What webhooks make of it is theirs: only what fits goes on.
        asked, _ = admission.conform(TOKENREQUESTS, await verbs.ask(about, request.warnings) or asked, "Ignore")
        if node := nodes.node_of(request.caller.user, request.caller.groups):
            check_node(verbs.store, node, info.namespace, info.name, asked)
        answer = request_token(tokens, verbs.store, context, info.namespace, info.name, asked)
        if request.caller.trail is not None:
            request.caller.trail.annotations[ISSUED] = credential_of(answer["status"]["token"])
        return await respond(orjson.dumps(answer), request.form.plain, code=201, warnings=request.warnings)

    return token
