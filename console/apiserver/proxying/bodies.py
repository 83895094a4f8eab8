"""Bodies: of a request as it is passed on to another server, and of an answer that is read whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web


async def whole(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """All of an answer; ValueError when it is longer than `limit` bytes."""
    parts: list[bytes] = []
    left = limit
    async for chunk in answer.content.iter_any():
        left -= len(chunk)
        if left < 0:
            raise ValueError(f"the answer is longer than {limit} bytes")
        parts.append(chunk)
    return b"".join(parts)


def body_of(http: web.BaseRequest) -> AsyncIterator[bytes] | None:
    return http.content.iter_any() if http.body_exists else None


def headers_of(http: web.BaseRequest) -> dict[str, str]:
    """How long it is, where that is known: some programs read no body of unknown length. One that came compressed is
    passed on plain, and has another length."""
    if not http.body_exists or http.content_length is None or "Content-Encoding" in http.headers:
        return {}
    return {"Content-Length": str(http.content_length)}
