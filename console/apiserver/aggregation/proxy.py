"""Carries a request for an aggregated group and version to its server and the answer back, as it comes."""

from __future__ import annotations

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from common.api.conditions import is_true
from common.api.meta import Object
from common.errors import ServiceUnavailable
from console.apiserver.caller import Caller
from console.apiserver.proxying.bodies import body_of, headers_of
from console.apiserver.proxying.services import Services
from console.apiserver.proxying.upgrading import SWITCHED, asks_websocket, switch, upgrade_headers

from .frontproxy import FrontProxy, headers, is_claim

# Between two neighbours only, and what proves the caller to us and is nobody else's business.
_NOT_SENT = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
     "upgrade", "host", "authorization", "content-length", "content-encoding"}
)  # fmt: skip
_IMPERSONATION = "impersonate-"


async def serve_remote(
    services: Services, front: FrontProxy, service: Object, http: web.BaseRequest, caller: Caller
) -> web.StreamResponse:
    """`service` is the APIService. Raises ServiceUnavailable when its server does not answer."""
    if not is_true(service, "Available"):
        raise ServiceUnavailable("service unavailable")
    spec = service["spec"]
    reference = spec["service"]
    where = (str(reference["namespace"]), str(reference["name"]), int(reference.get("port", 443)))
    response: web.StreamResponse | None = None
    try:
        if asks_websocket(http):
            return await services.upgrade(where, http, front.context(spec), _sent(http, caller))
        async with services.request(
            where, http.method, http.rel_url.raw_path_qs, front.context(spec), encoded=True,
            headers=[*_sent(http, caller).items(), *upgrade_headers(http).items()], data=body_of(http),
        ) as answer:  # fmt: skip
            if answer.status == SWITCHED:
                return await switch(http, answer)
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_returned(answer))
            if answer.content_length is not None:
                response.content_length = answer.content_length
            await response.prepare(http)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        if response is not None and response.prepared:
            raise ConnectionError(f"the answer of {where[1]}.{where[0]} was cut off") from error
        raise ServiceUnavailable(f"error trying to reach service: {error}") from error


def _sent(http: web.BaseRequest, caller: Caller) -> CIMultiDict[str]:
    found = CIMultiDict(
        (name, value)
        for name, value in http.headers.items()
        if name.lower() not in _NOT_SENT and not is_claim(name) and not name.lower().startswith(_IMPERSONATION)
    )
    found.setdefault("Accept-Encoding", "identity")
    found.extend(headers_of(http))
    found.extend(headers(caller))
    return found


def _returned(answer: aiohttp.ClientResponse) -> CIMultiDict[str]:
    kept = _NOT_SENT - {"content-encoding"}
    return CIMultiDict((name, value) for name, value in answer.headers.items() if name.lower() not in kept)
