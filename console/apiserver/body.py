"""Reading request bodies, up to a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import orjson
from aiohttp import web

from common.api.meta import Object
from common.errors import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from console.registry import admission, protobuf, yamlbody
from console.registry.row import Row
from console.registry.schema import schema

T = TypeVar("T")
_MESSAGES = {
    "Binding": "io.k8s.api.core.v1.Binding",
    "DeleteOptions": "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "Eviction": "io.k8s.api.policy.v1.Eviction",
}
MAX_BODY = 3 * 1024 * 1024  # bytes; as Kubernetes
DECODED_AT_ONCE = 32 * 1024
"""Bytes of a body that are decoded without a thread. YAML takes a microsecond a byte, and others wait meanwhile."""


async def read_body(http: web.BaseRequest) -> bytes:
    """Raises RequestEntityTooLarge before a too large body is in memory, BadRequest for one that is cut or garbled."""
    if (http.content_length or 0) > MAX_BODY:
        raise _too_large()
    content = http.content
    chunks: list[bytes] = []
    size = 0
    try:
        while not content.at_eof():
            chunk = await content.readany()
            size += len(chunk)
            if size > MAX_BODY:
                raise _too_large()
            chunks.append(chunk)
    except web.RequestPayloadError as error:
        raise BadRequest(f"the request body cannot be read: {error}") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large() -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"Request entity too large: limit is {MAX_BODY}")


async def decoded(body: bytes, decode: Callable[[], T]) -> T:
    """What `decode` makes of a body."""
    return await asyncio.to_thread(decode) if len(body) > DECODED_AT_ONCE else decode()


async def read_object(http: web.BaseRequest, row: Row, field_validation: str) -> tuple[Object, list[str]]:
    """The object of a row's kind that a request brings, and warnings."""
    body, content_type = await read_body(http), http.headers.get("Content-Type", "")
    return await decoded(body, lambda: admission.decode(row, body, content_type, field_validation or "Warn"))


async def read_document(http: web.BaseRequest, kind: str) -> Object:
    """A small object that is no resource of its own (DeleteOptions, Binding); empty for an empty body."""
    body, media = await read_body(http), http.content_type
    return await decoded(body, lambda: _document(body, media, kind))


def _document(body: bytes, media: str, kind: str) -> Object:
    if not body.strip():
        return {}
    if media == protobuf.MEDIA_TYPE and kind in _MESSAGES:
        return protobuf.decode_as(schema(_MESSAGES[kind]), kind, body)
    if media in {"application/json", "application/octet-stream", ""}:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise BadRequest(f"the {kind} in the body is not JSON: {error}") from None
    elif media == "application/yaml":
        try:
            document = yamlbody.load(body)
        except ValueError as error:
            raise BadRequest(f"the {kind} in the body is not YAML: {error}") from None
    else:
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            f"application/json, application/yaml, {protobuf.MEDIA_TYPE}"
        )
    if not isinstance(document, dict | None):
        raise BadRequest(f"the {kind} in the body is no object")
    return document or {}
