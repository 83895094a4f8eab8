"""`…/nodes/NAME/images`: images of a node, and images sent to it without a registry.

GET lists them; POST asks which layers of an image are missing there; PUT sends a `docker save` archive without the
others. The bytes go through without being kept, so an image of any size costs this process nothing.
"""

from __future__ import annotations

import orjson
from aiohttp import web

from common.errors import from_status, method_not_allowed
from console.apiserver.backends import NodeStreams
from console.apiserver.body import read_body
from console.apiserver.resources import Request
from console.apiserver.verbs import Verbs

_AGENT = {"GET": ("GET", "/images"), "POST": ("POST", "/images/check"), "PUT": ("PUT", "/images/load")}


async def serve_images(verbs: Verbs, streams: NodeStreams, request: Request) -> web.StreamResponse:
    http, node = request.http, request.info.name
    if http.method not in _AGENT:
        raise method_not_allowed()
    verbs.get(request.row, "", node)
    method, path = _AGENT[http.method]
    body = http.content if http.method == "PUT" else await read_body(http) or None
    async with await streams.request(node, method, path, {}, body) as answer:
        data = await answer.read()
        if answer.status != 200:
            raise from_status({"message": f"node {node}: {data.decode(errors='replace')[:1000]}"}, answer.status)
        return web.Response(body=orjson.dumps(orjson.loads(data)), content_type="application/json")
