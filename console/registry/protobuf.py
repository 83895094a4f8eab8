"""Protobuf bodies, which kubectl sends for `create`; nothing is ever answered in protobuf.

A body is the mark `k8s\\0` and a `runtime.Unknown` that wraps the object. Field numbers come from `protobuf_fields`,
types from the schema. A number that Kubernetes' own messages do not have is passed over, as protobuf defines: clients
of other versions send fields that were removed since. A whole message that is not known is refused.
"""

from __future__ import annotations

import base64
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from common.api.meta import Object, format_micro_time, format_time
from common.errors import BadRequest, UnsupportedMediaType

from .protobuf_fields import Field, fields_of
from .row import Row
from .schema import Schema, schema
from .wire import Value, fields

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
NO_MESSAGE = (
    "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"  # k8s and a zero byte
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_DEPTH = 100
_DEFINITIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"
# Unions of JSON schemas: the numbers of a boolean, of one schema, of schemas, of texts; 0 where there is none.
_UNIONS = {
    f"{_DEFINITIONS}.JSONSchemaPropsOrArray": (0, 1, 2, 0),
    f"{_DEFINITIONS}.JSONSchemaPropsOrBool": (1, 2, 0, 0),
    f"{_DEFINITIONS}.JSONSchemaPropsOrStringArray": (0, 1, 0, 2),
}


def is_message(body: bytes) -> bool:
    return body.startswith(_MAGIC)


def decode(row: Row, body: bytes) -> Object:
    """The object of a protobuf body, as `decode_as`, of a row's kind."""
    return decode_as(row.type, row.resource.kind, body)


def decode_as(kind_of: Schema, kind: str, body: bytes) -> Object:
    """The object of a protobuf body, its fields as the JSON form has them. Raises BadRequest for a body that is
    none, UnsupportedMediaType when it uses a message that this server cannot read."""
    if not is_message(body):
        raise BadRequest(NO_MESSAGE)
    try:
        wrapper = dict(fields(body[len(_MAGIC) :]))
        found = _type_meta(wrapper.get(1, b""))
        found |= _message(kind_of, _as_bytes(wrapper.get(2, b"")), 0)
    except (ValueError, IndexError, UnicodeDecodeError, OverflowError, struct.error) as error:
        raise BadRequest(f"the object provided is no valid protobuf {kind}: {error}") from None
    return found


def _type_meta(data: Value) -> Object:
    found = dict(fields(_as_bytes(data)))
    return {"apiVersion": _as_bytes(found.get(1, b"")).decode(), "kind": _as_bytes(found.get(2, b"")).decode()}


def _as_bytes(value: Value) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number stands where a message or text must be")
    return value


def _message(kind: Schema, data: bytes, depth: int) -> Object:
    result: Object = {}
    _read(_name(kind), kind, data, result, depth)
    return result


def _name(kind: Schema) -> str:
    return ".".join(kind.name.split(".")[-3:])


def _read(message: str, kind: Schema, data: bytes, result: Object, depth: int) -> None:
    """Add the fields of a message to `result`, those of inlined messages too."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"messages are nested deeper than {_MAX_DEPTH} levels")
    try:
        known = fields_of(message)
    except KeyError:
        raise UnsupportedMediaType(f"{message} is not accepted as {MEDIA_TYPE}: send application/json") from None
    for number, value in fields(data):
        field = known.get(number)
        if field is None:
            continue
        if field.inlined:
            _read(field.inlined, kind, _as_bytes(value), result, depth + 1)
        else:
            _add(field, kind.properties[field.name], value, result, depth)


def _add(field: Field, kind: Schema, value: Value, result: Object, depth: int) -> None:
    if kind.shape == "array":
        result.setdefault(field.name, []).append(_value(kind.items, value, depth))
        return
    if kind.shape == "map":
        entry = dict(fields(_as_bytes(value)))
        key = _as_bytes(entry.get(1, b"")).decode()
        result.setdefault(field.name, {})[key] = _value(kind.items, entry.get(2, b""), depth)
        return
    found = _value(kind, value, depth)
    if found is None or (found in ("", 0, False) and not field.may_be_zero):
        return
    result[field.name] = found


def _value(kind: Schema, value: Value, depth: int) -> Any:
    if kind.name in _UNIONS:
        return _union(_UNIONS[kind.name], _as_bytes(value), depth)
    match kind.shape, kind.format:
        case "string", "date-time" | "micro-time":
            return _time(kind.format, _as_bytes(value))
        case "string", "byte":
            return base64.b64encode(_as_bytes(value)).decode()
        case "string", _:
            return _as_bytes(value).decode()
        case "integer", _:
            return _signed(value)
        case "boolean", _:
            return bool(_signed(value))
        case "number", _:
            return struct.unpack("<d", _as_bytes(value))[0]
        case "any", "quantity":
            return _as_bytes(dict(fields(_as_bytes(value))).get(1, b"0")).decode()
        case "any", "int-or-string":
            return _int_or_string(_as_bytes(value))
        case "array", _:
            # A list as the value of a map has a message of its own around it.
            return [_value(kind.items, item, depth) for _, item in fields(_as_bytes(value))]
        case "any", _:
            return orjson.loads(_as_bytes(dict(fields(_as_bytes(value))).get(1, b"null")))
    return _message(kind, _as_bytes(value), depth + 1)


def _union(numbers: tuple[int, int, int, int], data: bytes, depth: int) -> Any:
    """What JSON writes as one of several types, and protobuf as a message with a field for each."""
    flag, one, many, texts = numbers
    found = list(fields(data))
    schema_type = schema(f"{_DEFINITIONS}.JSONSchemaProps")
    for number, value in found:
        if number == one:
            return _message(schema_type, _as_bytes(value), depth + 1)
    if many:
        return [_message(schema_type, _as_bytes(value), depth + 1) for number, value in found if number == many]
    if texts:
        return [_as_bytes(value).decode() for number, value in found if number == texts]
    return any(_signed(value) for number, value in found if number == flag)


def _signed(value: Value) -> int:
    if not isinstance(value, int):
        raise ValueError("a text stands where a number must be")
    return value - (1 << 64) if value >= 1 << 63 else value


def _time(form: str, data: bytes) -> str | None:
    found = dict(fields(data))
    if not found:
        return None
    seconds, nanoseconds = _signed(found.get(1, 0)), _signed(found.get(2, 0))
    moment = _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    return format_time(moment) if form == "date-time" else format_micro_time(moment)


def _int_or_string(data: bytes) -> int | str:
    found = dict(fields(data))
    return _as_bytes(found.get(3, b"")).decode() if found.get(1) else _signed(found.get(2, 0))
