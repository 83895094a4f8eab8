"""The body of a request as it is passed on to another server."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web


def body_of(http: web.BaseRequest) -> AsyncIterator[bytes] | None:
    return http.content.iter_any() if http.body_exists else None


def headers_of(http: web.BaseRequest) -> dict[str, str]:
    """How long it is, where that is known: some programs read no body of unknown length. One that came compressed is
    passed on plain, and has another length."""
    if not http.body_exists or http.content_length is None or "Content-Encoding" in http.headers:
        return {}
    return {"Content-Length": str(http.content_length)}
