"""Carries a proxied request to its target and the answer back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from common.api.kinds import ENDPOINTS, PODS
from common.api.meta import Key, Object
from common.errors import BadRequest, ServiceUnavailable, method_not_allowed, unserved
from console.apiserver.backends import NodeStreams
from console.apiserver.resources import Request
from console.apiserver.verbs import Verbs

from .bodies import body_of, headers_of
from .connector import PodConnector, unverified
from .rewriting import rewrite_html, rewrite_url
from .target import Target, of_endpoint, of_pod, of_service, split
from .upgrading import SWITCHED, asks_upgrade, asks_websocket, carry, switch, upgrade_headers

CONNECT_SECONDS = 30.0
MAX_PAGE = 16 * 1024 * 1024  # bytes of a page that is rewritten; a longer one goes through as it is
_NODE_PATHS = {"/runningpods": "/runningpods/"} | {
    path: path for path in ("/configz", "/healthz", "/metrics/resource", "/pods", "/runningpods/", "/stats/summary")
}
"""What whoever may proxy to a node may read, and where its agent has it."""
_BLANK_PATH = frozenset({"GET", "HEAD"})
# Between two neighbours only, and what proves the caller to the API and is nobody else's business.
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_NOT_SENT = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
     "upgrade", "host", "authorization", "content-length"}
)  # fmt: skip
_NOT_RETURNED = _NOT_SENT | {"content-encoding", "location"}


async def serve_proxy(verbs: Verbs, streams: NodeStreams, request: Request) -> web.StreamResponse:
    http, info = request.http, request.info
    prefix, path = _split_path(http, info.name)
    if info.plural == "nodes":
        return await _to_node(verbs, streams, request, path)
    target = _target(verbs, request)
    if not path and http.method in _BLANK_PATH and not asks_upgrade(http):
        # A page at …/proxy would resolve its relative links beside the proxy.
        query = f"?{http.rel_url.raw_query_string}" if http.rel_url.raw_query_string else ""
        return web.Response(status=301, headers={"Location": f"{http.rel_url.raw_path}/{query}"})
    return await _exchange(streams, target, http, prefix, path or "/")


def _split_path(http: web.BaseRequest, name: str) -> tuple[str, str]:
    """The path up to `proxy`, and what is asked behind it, as it was sent (encoded)."""
    raw = http.rel_url.raw_path
    for spelled in (name, quote(name, safe=""), quote(name, safe=":")):
        before, found, after = raw.partition(f"/{spelled}/proxy")
        if found:
            return before + found, after
    raise BadRequest(f"the path {raw!r} is spelled in a way that cannot be proxied")


def _target(verbs: Verbs, request: Request) -> Target:
    info = request.info
    asked = split(info.name)
    obj = verbs.get(request.row, info.namespace, asked.name).obj
    if info.plural == "pods":
        return of_pod(asked, obj)
    lookup = verbs.context(request.caller).lookup
    endpoints = lookup.get(ENDPOINTS, Key(info.namespace, asked.name))
    if endpoints is None:
        raise ServiceUnavailable(f'endpoints "{asked.name}" not found')
    target = of_service(asked, obj, endpoints.get("subsets") or [])
    pod: Object | None = lookup.get(PODS, Key(*target.pod)) if target.pod else None
    return of_endpoint(target, pod)


async def _to_node(verbs: Verbs, streams: NodeStreams, request: Request, path: str) -> web.StreamResponse:
    asked = split(request.info.name)
    verbs.get(request.row, "", asked.name)
    if request.http.method != "GET":
        raise method_not_allowed()
    if path not in _NODE_PATHS or asked.port not in {"", "10250"}:
        raise unserved()
    async with await streams.request(asked.name, "GET", _NODE_PATHS[path], dict(request.http.query), None) as answer:
        body = await answer.read()
    return web.Response(body=body, status=answer.status, content_type=answer.content_type, charset=answer.charset)


async def _exchange(
    streams: NodeStreams, target: Target, http: web.BaseRequest, prefix: str, path: str
) -> web.StreamResponse:
    connector = PodConnector(streams, target) if target.pod else None
    host = f"[{target.address}]" if ":" in target.address else target.address
    query = f"?{http.rel_url.raw_query_string}" if http.rel_url.raw_query_string else ""
    url = URL(f"{target.scheme}://{host}:{target.port}{path}{query}", encoded=True)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
    session = aiohttp.ClientSession(
        connector=connector or aiohttp.TCPConnector(ssl=unverified(), force_close=True), timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
    )  # fmt: skip
    response: web.StreamResponse | None = None
    try:
        headers = _forwarded(http, prefix + path)
        if asks_websocket(http):
            return await carry(http, session, url, headers)
        headers.extend(upgrade_headers(http))
        async with session.request(
            http.method, url, headers=headers, data=body_of(http), allow_redirects=False
        ) as answer:
            if answer.status == SWITCHED:
                return await switch(http, answer)
            first = b"" if "Content-Type" in answer.headers else await answer.content.readany()
            response = await _prepare(http, answer, first, url.authority, prefix)
            await _return_body(http, answer, response, first, url.authority, prefix)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        if response is not None and response.prepared:
            raise ConnectionError(f"the answer of {url.authority} was cut off") from error
        raise ServiceUnavailable(f"error trying to reach service: {error}") from error
    finally:
        await session.close()
        if connector is not None:
            await connector.end()
    return response


def _forwarded(http: web.BaseRequest, uri: str) -> CIMultiDict[str]:
    headers = CIMultiDict((name, value) for name, value in http.headers.items() if name.lower() not in _NOT_SENT)
    headers.setdefault("Accept-Encoding", "identity")
    headers.extend(headers_of(http))
    headers["X-Forwarded-Uri"] = uri
    headers["X-Forwarded-Host"] = http.host
    headers["X-Forwarded-Proto"] = "https" if http.secure else "http"
    return headers


async def _prepare(
    http: web.BaseRequest, answer: aiohttp.ClientResponse, first: bytes, host: str, prefix: str
) -> web.StreamResponse:
    headers = CIMultiDict((name, value) for name, value in answer.headers.items() if name.lower() not in _NOT_RETURNED)
    if "Location" in answer.headers:
        headers["Location"] = rewrite_url(answer.headers["Location"], host, prefix)
    headers.setdefault("Content-Type", _guessed_type(first))
    plain = not _is_page(answer.headers) and "Content-Encoding" not in answer.headers
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    if plain and answer.content_length is not None:
        response.content_length = answer.content_length
    if not _is_page(answer.headers):
        await response.prepare(http)
    return response


def _guessed_type(first: bytes) -> str:
    """What a body is that came without a type, as Go's HTTP server has it: text without control characters."""
    return "application/octet-stream" if _BINARY.search(first[:512]) else "text/plain; charset=utf-8"


def _is_page(headers: Mapping[str, str]) -> bool:
    length = headers.get("Content-Length", "0")
    return headers.get("Content-Type", "").startswith("text/html") and int(length) <= MAX_PAGE


async def _return_body(
    http: web.BaseRequest,
    answer: aiohttp.ClientResponse,
    response: web.StreamResponse,
    first: bytes,
    host: str,
    prefix: str,
) -> None:
    if response.prepared:
        if first:
            await response.write(first)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
    else:
        page = await _start_of(answer)
        if len(page) <= MAX_PAGE:
            page = rewrite_html(page, host, prefix)
            if http.method != "HEAD":
                response.content_length = len(page)
        await response.prepare(http)
        await response.write(page)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
    await response.write_eof()


async def _start_of(answer: aiohttp.ClientResponse) -> bytes:
    """All of a page, or of one that did not say how long it is a little more than is rewritten."""
    parts: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_any():
        parts.append(chunk)
        size += len(chunk)
        if size > MAX_PAGE:
            break
    return b"".join(parts)
