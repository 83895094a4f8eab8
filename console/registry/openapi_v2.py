"""OpenAPI v2 of what is served: what older clients validate, explain and generate by.

It says the same as v3 does in the words of the older version, so it is made of the parts of that. It is one document of
some megabytes: made a part at a time when somebody first asks, kept compressed, and anew when other kinds are served.
kubectl reads it in protobuf, other clients in JSON.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from common import settings
from common.api.meta import Object

from . import openapi_paths, openapi_v2_protobuf
from .catalog import Registry
from .openapi import component
from .openapi_v2_protobuf import Entries
from .row import Row
from .schema import referenced

PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_KINDS = "x-kubernetes-group-version-kind"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_PREFIX = "#/definitions/"
_UNSPEAKABLE = frozenset({"nullable", "default", "anyOf", "oneOf", "not"})
_PRODUCED = ["application/json", "application/yaml"]
_SCALARS: dict[str, Object] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": "string", "format": "int-or-string"},
}
_FIXED = {"swagger": "2.0", "info": {"title": "Quarterdeck", "version": settings.VERSION}}


@dataclass(frozen=True, slots=True)
class Others:
    """What another server says; of its paths those count that are below `prefix`."""

    swagger: Object
    prefix: str

    def paths(self) -> Iterator[tuple[str, Object]]:
        found = self.swagger.get("paths") or {}
        return ((path, item) for path, item in found.items() if path.startswith(self.prefix))

    def definitions(self) -> Entries:
        found: Object = self.swagger.get("definitions") or {}
        return found.items()


@dataclass(frozen=True, slots=True)
class Encoded:
    """The document in one encoding: compressed by gzip, and what tells it from others."""

    packed: bytes
    tag: str


class OpenApiV2:
    """The documents of a registry in both encodings, each made when somebody asks for it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._made: dict[bool, tuple[list[Any], Encoded]] = {}
        self._making = asyncio.Lock()

    async def encoded(self, others: Sequence[Others], *, protobuf: bool) -> Encoded:
        async with self._making:
            rows = self._registry.rows()
            basis = [*rows, *(other.swagger for other in others)]
            before, found = self._made.get(protobuf, ([], None))
            if found is None or len(before) != len(basis) or any(map(_differ, before, basis)):
                found = await asyncio.to_thread(_encoded, rows, others, protobuf=protobuf)
                self._made[protobuf] = basis, found
            return found


def _differ(one: object, other: object) -> bool:
    return one is not other


def _encoded(rows: list[Row], others: Sequence[Others], *, protobuf: bool) -> Encoded:
    pieces = openapi_v2_protobuf.pieces if protobuf else _json
    packer, digest, packed = zlib.compressobj(6, zlib.DEFLATED, 31), hashlib.sha512(), bytearray()
    paths = _first((*_paths(rows), *(entry for other in others for entry in other.paths())))
    definitions = _first((*_definitions(rows), *(entry for other in others for entry in other.definitions())))
    for piece in pieces(_FIXED, paths, definitions):
        digest.update(piece)
        packed += packer.compress(piece)
    packed += packer.flush()
    return Encoded(bytes(packed), digest.hexdigest().upper())


def unpacked(document: Encoded) -> bytes:
    return gzip.decompress(document.packed)


def _json(fixed: Object, paths: Entries, definitions: Entries) -> Iterator[bytes]:
    yield orjson.dumps(fixed)[:-1]
    for name, entries in (("paths", paths), ("definitions", definitions)):
        separator = f',"{name}":{{'.encode()
        for key, value in entries:
            yield separator + orjson.dumps(key) + b":" + orjson.dumps(value)
            separator = b","
        yield b"}" if separator == b"," else separator + b"}"
    yield b"}"


def _first(entries: Entries) -> Iterator[tuple[str, Object]]:
    """Each name once: what is ours goes before what others say of it."""
    seen: set[str] = set()
    for name, value in entries:
        if name not in seen:
            seen.add(name)
            yield name, value


def _paths(rows: list[Row]) -> Iterator[tuple[str, Object]]:
    for row in rows:
        for path, item in openapi_paths.paths(row).items():
            yield path, {key: _operation(part) if isinstance(part, dict) else _parameters(part)
                         for key, part in item.items()}  # fmt: skip


def _operation(operation: Object) -> Object:
    body: Object = operation.get("requestBody") or {}
    result = {key: value for key, value in operation.items() if key not in {"requestBody", "responses"}}
    result["parameters"] = [*_body(body), *_parameters(operation["parameters"])]
    result["consumes"], result["produces"], result["schemes"] = [*body.get("content", ["*/*"])], _PRODUCED, ["https"]
    result["responses"] = {code: _response(answer) for code, answer in operation["responses"].items()}
    return result


def _body(body: Object) -> Iterator[Object]:
    for content in list(body.get("content", {}).values())[:1]:
        required = {"required": True} if body.get("required") else {}
        yield {"name": "body", "in": "body", "schema": _plain(content["schema"]), **required}


def _parameters(parameters: list[Object]) -> list[Object]:
    return [
        {**{key: value for key, value in one.items() if key != "schema"}, **one["schema"], "uniqueItems": True}
        for one in parameters
    ]


def _response(answer: Object) -> Object:
    content = list(answer.get("content", {}).values())
    schema = {"schema": _plain(content[0]["schema"])} if content else {}
    return {"description": answer["description"], **schema}


def _definitions(rows: list[Row]) -> Iterator[tuple[str, Object]]:
    """What this version of OpenAPI cannot say is left out; where users leave fields open, what is in them is not
    described at all."""
    roots = {name for row in rows for name in (_OBJECT_META if row.custom else row.schema, *openapi_paths.named(row))}
    for name in sorted({needed for root in roots for needed in referenced(root)}):
        yield name, {**_beside(_plain(component(name))), **_SCALARS.get(name, {})}
    for row in rows:
        if row.custom:
            yield row.type.name, _whole(row.type.source)
            name, found = openapi_paths.custom_list(row, _PREFIX)
            yield name, _beside(found)


def _whole(source: Object) -> Object:
    """The type of a kind. Where anything may stand beside the fields that it names, none is named: clients would take
    all others for wrong."""
    if source.get(_PRESERVE) is True:
        return {"type": "object", _KINDS: source[_KINDS]}
    plain: Object = _plain(source)
    return plain


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get(_PRESERVE) is True:
        return {key: node[key] for key in ("type", "description", _PRESERVE) if key in node}
    result: Object = {}
    for key, value in node.items():
        if key == "$ref" and isinstance(value, str):
            result[key] = _PREFIX + value.rpartition("/")[2]
        elif key == "type" and isinstance(value, list):
            result[key] = next(item for item in value if item != "null")
        elif key == "properties" and isinstance(value, dict):
            result[key] = {name: _plain(child) for name, child in value.items()}
        elif key not in _UNSPEAKABLE:
            result[key] = _plain(value)
    return result


def _beside(node: Any) -> Any:
    """In this version what is said of a field stands beside its reference; v3 puts the reference inside."""
    if isinstance(node, list):
        return [_beside(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: _beside(value) for key, value in node.items()}
    inner = result.get("allOf")
    if isinstance(inner, list) and len(inner) == 1 and set(inner[0]) == {"$ref"}:
        del result["allOf"]
        result = {"$ref": inner[0]["$ref"], **result}
    return result
