"""The protobuf form of OpenAPI v2: messages of gnostic's `OpenAPIv2.proto`, which kubectl reads.

The numbers are those of its fields. What it has no field for goes along as a named text of YAML, of which JSON is a
part.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from common.api.meta import Object

Entries = Iterable[tuple[str, Object]]

_TEXTS = {"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13, "discriminator": 26}
_DOUBLES = {"multipleOf": 6, "maximum": 7, "minimum": 9}
_WHOLE = {
    "exclusiveMaximum": 8, "exclusiveMinimum": 10, "maxLength": 11, "minLength": 12, "maxItems": 14, "minItems": 15,
    "uniqueItems": 16, "maxProperties": 17, "minProperties": 18, "readOnly": 27,
}  # fmt: skip
_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}
_OPERATION_TEXTS = {"summary": 2, "description": 3, "operationId": 5}
_OPERATION_LISTS = {"tags": 1, "produces": 6, "consumes": 7, "schemes": 10}
# Parameter.non_body_parameter and the kinds of it: where a parameter is, its number there, those of its fields.
_PLACES = {
    "query": (3, {"required": 1, "in": 2, "description": 3, "name": 4, "type": 6, "format": 7, "uniqueItems": 20}),
    "path": (4, {"required": 1, "in": 2, "description": 3, "name": 4, "type": 5, "format": 6, "uniqueItems": 19}),
    "header": (1, {"required": 1, "in": 2, "description": 3, "name": 4, "type": 5, "format": 6, "uniqueItems": 19}),
}


def pieces(
    fixed: Object, paths: Iterable[tuple[str, Object]], definitions: Iterable[tuple[str, Object]]
) -> Iterator[bytes]:
    """The document, a part at a time: a field may come as often as one likes, and parts of one message are one."""
    info = _text(1, fixed["info"]["title"]) + _text(2, fixed["info"]["version"])
    yield _text(1, fixed["swagger"]) + _field(2, info)
    for path, item in paths:
        if (message := _sound(_path, item)) is not None:
            yield _field(8, _field(2, _named(path, message)))
    for name, definition in definitions:
        if (message := _sound(_schema, definition)) is not None:
            yield _field(9, _field(1, _named(name, message)))


def _sound(encode: Callable[[Object], bytes], part: Object) -> bytes | None:
    """A part as a message; None for nonsense, which other servers may tell."""
    try:
        return encode(part)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return None


def _path(item: Object) -> bytes:
    parts = [_field(_METHODS[key], _operation(value)) for key, value in item.items() if key in _METHODS]
    parts += [_field(9, _parameter(one)) for one in item.get("parameters") or ()]
    return b"".join(parts)


def _operation(operation: Object) -> bytes:
    parts = [_text(number, operation[key]) for key, number in _OPERATION_TEXTS.items() if key in operation]
    parts += [_text(number, item) for key, number in _OPERATION_LISTS.items() for item in operation.get(key) or ()]
    parts += [_field(8, _parameter(one)) for one in operation.get("parameters") or ()]
    answers = operation.get("responses") or {}
    parts.append(_field(9, b"".join(_field(1, _named(code, _field(1, _answer(one)))) for code, one in answers.items())))
    parts += _extensions(13, operation)
    return b"".join(parts)


def _answer(answer: Object) -> bytes:
    schema = _field(2, _field(1, _schema(answer["schema"]))) if "schema" in answer else b""
    return _text(1, str(answer.get("description", ""))) + schema


def _parameter(parameter: Object) -> bytes:
    if "$ref" in parameter:
        return _field(2, _text(1, parameter["$ref"]))
    place = parameter.get("in", "query")
    if place == "body":
        required = _varint_field(4, 1) if parameter.get("required") else b""
        schema = _field(5, _schema(parameter.get("schema") or {}))
        about = _text(1, parameter["description"]) if "description" in parameter else b""
        return _field(1, _field(1, about + _text(2, parameter["name"]) + _text(3, "body") + required + schema))
    number, fields = _PLACES.get(place, _PLACES["query"])
    found = b"".join(
        _text(key, parameter[name]) if isinstance(parameter[name], str) else _varint_field(key, int(parameter[name]))
        for name, key in fields.items()
        if name in parameter
    )
    return _field(1, _field(2, _field(number, found)))


def _schema(schema: Object) -> bytes:
    parts = [_text(number, str(schema[key])) for key, number in _TEXTS.items() if key in schema]
    parts += [_double(number, schema[key]) for key, number in _DOUBLES.items() if key in schema]
    parts += [_varint_field(number, int(schema[key])) for key, number in _WHOLE.items() if key in schema]
    parts += [_text(19, name) for name in schema.get("required") or ()]
    parts += [_field(20, _any(value)) for value in schema.get("enum") or ()]
    if "additionalProperties" in schema:
        more = schema["additionalProperties"]
        parts.append(_field(21, _varint_field(2, int(more)) if isinstance(more, bool) else _field(1, _schema(more))))
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        parts.append(_field(22, b"".join(_text(1, kind) for kind in kinds)))
    if "items" in schema:
        items = schema["items"] if isinstance(schema["items"], list) else [schema["items"]]
        parts.append(_field(23, b"".join(_field(1, _schema(item)) for item in items)))
    parts += [_field(24, _schema(item)) for item in schema.get("allOf") or ()]
    if "properties" in schema:
        found = (_field(1, _named(name, _schema(item))) for name, item in schema["properties"].items())
        parts.append(_field(25, b"".join(found)))
    if "example" in schema:
        parts.append(_field(30, _any(schema["example"])))
    parts += _extensions(31, schema)
    return b"".join(parts)


def _extensions(number: int, holder: Object) -> list[bytes]:
    return [_field(number, _named(key, _any(value))) for key, value in holder.items() if key.startswith("x-")]


def _any(value: Any) -> bytes:
    return _text(2, orjson.dumps(value).decode() + "\n")


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + _field(2, value)


def _text(number: int, value: str) -> bytes:
    return _field(number, value.encode())


def _field(number: int, data: bytes) -> bytes:
    """One length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value & 0xFFFFFFFFFFFFFFFF)


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", float(value))


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
