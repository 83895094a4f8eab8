"""Reading request bodies, up to a limit."""

from __future__ import annotations

import orjson
from aiohttp import web

from common.api.meta import Object
from common.errors import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from console.registry import protobuf, yamlbody
from console.registry.schema import schema

_MESSAGES = {
    "Binding": "io.k8s.api.core.v1.Binding",
    "DeleteOptions": "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "Eviction": "io.k8s.api.policy.v1.Eviction",
    "Scale": "io.k8s.api.autoscaling.v1.Scale",
}
MAX_BODY = 3 * 1024 * 1024  # bytes; as Kubernetes


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


async def read_document(http: web.BaseRequest, kind: str) -> Object:
    """A small object that is no resource of its own (DeleteOptions, Scale, Binding); empty for an empty body."""
    body = await read_body(http)
    if not body.strip():
        return {}
    media = http.content_type
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
    if not isinstance(document, dict):
        raise BadRequest(f"the {kind} in the body is no object")
    return document
