"""Calls to what users bring to have a say in the API: admission webhooks and conversion webhooks.

Both are reached by URL or by Service, with a CA bundle of their own, get a review and answer it. A call that fails, for
whatever reason, is a CallError in Kubernetes' words.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import aiohttp
import orjson

from common.api.meta import Object
from common.errors import COMPLAINTS, ApiError
from console.apiserver.proxying.bodies import whole
from console.apiserver.proxying.services import Services, server_name

_MAX_ANSWER = 64 * 1024 * 1024  # a list of thousands of objects that are converted at once
_SHOWN = 200  # bytes of a body that is no review
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class CallError(Exception):
    """A webhook gave no answer that could be understood; the message says why."""


async def post(services: Services, config: Object, review: Object, seconds: int) -> Object:
    """What a webhook answers; `config` is its `clientConfig`. Raises CallError."""
    url = _url(config, seconds)
    try:
        async with asyncio.timeout(seconds), _answer(services, config, url, orjson.dumps(review)) as answer:
            body = await whole(answer, _MAX_ANSWER)
            if answer.status != 200:
                raise CallError(_complaint(body, answer.status))
    except TimeoutError:
        raise CallError(f'Post "{url}": context deadline exceeded') from None
    except (aiohttp.ClientError, ApiError, OSError, ValueError) as error:
        raise CallError(f'Post "{url}": {_explain(error)}') from None
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CallError(f"the answer is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise CallError("the answer is no object")
    return found


def _url(config: Object, seconds: int) -> str:
    """As errors name it; a Service by the name that its certificate is for."""
    if config.get("url"):
        url = str(config["url"])
    else:
        service = config.get("service") or {}
        host = server_name(str(service.get("namespace", "")), str(service.get("name", "")))
        url = f"https://{host}:{service.get('port', 443)}{service.get('path') or '/'}"
    return f"{url}?timeout={seconds}s"


@asynccontextmanager
async def _answer(services: Services, config: Object, url: str, body: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
    context = trusting(str(config.get("caBundle") or ""))
    how: dict[str, Any] = {"data": body, "headers": _JSON}
    if config.get("url"):
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
            session.post(url, ssl=context, allow_redirects=False, **how) as answer,
        ):
            yield answer
        return
    service = config.get("service") or {}
    where = (str(service.get("namespace", "")), str(service.get("name", "")), int(service.get("port", 443)))
    path = f"{service.get('path') or '/'}?{url.partition('?')[2]}"
    async with services.request(where, "POST", path, context, **how) as answer:
        yield answer


@lru_cache(maxsize=64)
def trusting(bundle: str) -> ssl.SSLContext:
    """A context that trusts the bundle (base64 of PEM), or with none what this machine trusts. ValueError for what is
    no bundle."""
    if not bundle:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=base64.b64decode(bundle, validate=True).decode("ascii"))
    except (binascii.Error, UnicodeDecodeError, ssl.SSLError) as error:
        raise ValueError(f"caBundle is no PEM: {error}") from None


def _complaint(body: bytes, code: int) -> str:
    """What Kubernetes' clients make of an answer that is no success."""
    if code in COMPLAINTS:
        return COMPLAINTS[code]
    if code >= 500:
        text = body[:_SHOWN].decode(errors="replace").strip() or "unknown"
        return f'an error on the server ("{text}") has prevented the request from succeeding'
    return f"the server responded with the status code {code} but did not return more information"


def _explain(error: Exception) -> str:
    text = str(error)
    if isinstance(error, aiohttp.ClientConnectorCertificateError) or "CERTIFICATE_VERIFY_FAILED" in text:
        return f"tls: failed to verify certificate: {text}"
    return text or type(error).__name__
