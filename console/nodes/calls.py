"""Calls to an agent that is not a node yet: who are you, and the two steps of pairing; and to the agent of this host.

The connection is pinned to the certificate whose fingerprint the caller gives; without one (a host named by address)
nothing is trusted but what pairing proves later.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from common import tls
from common.errors import ApiError, BadRequest, Conflict, Forbidden, ServiceUnavailable, TooManyRequests
from common.hosts import split_address

CALL_SECONDS = 10.0
MAX_ANSWER_BYTES = 256 * 1024
_ERRORS: dict[int, type[ApiError]] = {400: BadRequest, 403: Forbidden, 409: Conflict, 429: TooManyRequests}


def pinned(fingerprint: str) -> aiohttp.Fingerprint:
    """Accept exactly this certificate (SHA-256 in hex)."""
    return aiohttp.Fingerprint(bytes.fromhex(fingerprint))


async def call_host(
    address: str,
    method: str,
    path: str,
    *,
    trust: aiohttp.Fingerprint | ssl.SSLContext | None = None,
    name: str | None = None,
    body: Any = None,
) -> Any:
    """Over TLS to HOST:PORT; the decoded answer. ApiError says why not."""
    verify = trust if trust is not None else tls.unverified_client_context()
    connector = aiohttp.TCPConnector(ssl=verify, force_close=True)
    return await _call(connector, f"https://{address}{path}", method, f"the agent at {address}", body, name)


async def certificate_serial(address: str, context: ssl.SSLContext, name: str) -> int:
    """Serial number of the certificate that a node shows; ApiError when it is not one of the cluster."""
    host, port = split_address(address)
    try:
        async with asyncio.timeout(CALL_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
    except (TimeoutError, OSError) as error:
        raise ServiceUnavailable(f"the agent at {address} cannot be reached: {tls.explain(error)}") from error
    try:
        return tls.peer_subject(writer.get_extra_info("peercert"))[2]
    finally:
        writer.close()


async def call_local(socket: Path, method: str, path: str, body: Any = None) -> Any:
    """Over the Unix socket of the agent on this host."""
    return await _call(
        aiohttp.UnixConnector(str(socket)), f"http://agent{path}", method, f"the agent at {socket}", body
    )


async def _call(
    connector: aiohttp.BaseConnector, url: str, method: str, whom: str, body: Any, name: str | None = None
) -> Any:
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
    data = orjson.dumps(body) if body is not None else None
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as client,
            client.request(method, url, data=data, server_hostname=name) as response,
        ):
            content = await response.content.read(MAX_ANSWER_BYTES)
            if response.status != 200:
                raise _refused(response, content, whom)
    except aiohttp.ServerFingerprintMismatch as error:
        raise Forbidden(f"{whom} shows another certificate than was seen before: somebody may be in between") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ServiceUnavailable(f"{whom} cannot be reached: {tls.explain(error)}") from error
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ServiceUnavailable(f"{whom} does not answer as a Quarterdeck agent does") from error


def _refused(response: aiohttp.ClientResponse, content: bytes, whom: str) -> ApiError:
    text = content.decode("utf-8", "replace")[:500].strip()
    kind = _ERRORS.get(response.status, ServiceUnavailable)
    retry = response.headers.get("Retry-After", "")
    return kind(f"{whom} refuses: {text}", retry_after=int(retry) if retry.isdecimal() else None)
