"""Answers of documents that are large, seldom change, and that clients keep: each has a tag, and who has it already is
told so."""

from __future__ import annotations

import asyncio
import hashlib

from aiohttp import web

from console.registry.openapi_v2 import Encoded, unpacked

from .negotiation import JSON, Form
from .responses import respond, takes_gzip

_FOR_EVER = "public, immutable"


async def answer_document(http: web.BaseRequest, body: bytes) -> web.StreamResponse:
    """A document of OpenAPI v3. Where the address has its hash it never changes; one with an old hash is elsewhere."""
    found = hashlib.sha256(body).hexdigest().upper()
    asked = http.query.get("hash", "")
    if asked and asked != found:
        return web.Response(status=301, headers={"Location": f"{http.path}?hash={found}"})
    if known := _known(http, found):
        return known
    response = await respond(body, Form(JSON), http=http)
    response.headers["ETag"] = f'"{found}"'
    if asked:
        response.headers["Cache-Control"] = _FOR_EVER
    return response


async def answer_packed(http: web.BaseRequest, document: Encoded, media_type: str) -> web.StreamResponse:
    if known := _known(http, document.tag):
        return known
    headers = {"Content-Type": media_type, "ETag": f'"{document.tag}"', "Vary": "Accept"}
    if takes_gzip(http):
        return web.Response(body=document.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=await asyncio.to_thread(unpacked, document), headers=headers)


def _known(http: web.BaseRequest, tag: str) -> web.Response | None:
    """The answer to who has the document already."""
    asked = [one.strip().removeprefix("W/") for one in http.headers.get("If-None-Match", "").split(",")]
    return web.Response(status=304, headers={"ETag": f'"{tag}"'}) if f'"{tag}"' in asked or "*" in asked else None
