"""The part of OpenAPI v2 that clients still ask for.

kubectl validates a `v1 List` on the server only when the v2 document says that PATCH of a Namespace takes
`fieldValidation`; everything else it learns from v3. So this document has the PATCH paths of all rows, and the kinds
that users defined, for clients that wait until they are published.
kubectl reads it in protobuf (`openapi.v2.Document` of gnostic), other clients in JSON.
"""

from __future__ import annotations

from typing import Any

from common import settings
from common.api.meta import Object

from .catalog import Registry
from .row import Row
from .schema import definition, referenced

PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_KINDS = "x-kubernetes-group-version-kind"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_UNSPEAKABLE = frozenset({"nullable", "default", "anyOf", "oneOf", "not"})
_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")


def document(registry: Registry) -> Object:
    """The document as JSON."""
    return {
        "swagger": "2.0",
        "info": {"title": "Quarterdeck", "version": settings.VERSION},
        "paths": {path: _path_item(row) for path, row in _patched(registry).items()},
        "definitions": _definitions(registry),
    }


def _definitions(registry: Registry) -> Object:
    """The kinds that users defined: older clients learn them here. What this version of OpenAPI cannot say is left
    out, and where a schema leaves fields open it is not described at all."""
    custom = {row.type.name: _whole(row.type.source) for row in registry.rows() if row.custom}
    needed = referenced(_OBJECT_META) if custom else set()
    return {**{name: _plain(definition(name)) for name in sorted(needed)}, **custom}


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
            result[key] = value.replace("#/$defs/", "#/definitions/")
        elif key == "type" and isinstance(value, list):
            result[key] = next(item for item in value if item != "null")
        elif key == "properties" and isinstance(value, dict):
            result[key] = {name: _plain(child) for name, child in value.items()}
        elif key not in _UNSPEAKABLE:
            result[key] = _plain(value)
    return result


def _patched(registry: Registry) -> dict[str, Row]:
    return {row.resource.path("{namespace}", "{name}"): row for row in registry.rows() if "patch" in row.verbs}


def _path_item(row: Row) -> Object:
    resource = row.resource
    return {
        "patch": {
            "parameters": [{"name": name, "in": "query", "type": "string"} for name in _PARAMETERS],
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": {
                "group": resource.group,
                "kind": resource.kind,
                "version": resource.version,
            },
        }
    }


def encoded(registry: Registry) -> bytes:
    """The document as protobuf; numbers are the fields of gnostic's OpenAPIv2.proto."""
    whole = document(registry)
    paths = b"".join(_field(2, _named(path, _encoded_path(item))) for path, item in whole["paths"].items())
    info = _field(1, whole["info"]["title"]) + _field(2, whole["info"]["version"])
    return _field(1, whole["swagger"]) + _field(2, info) + _field(8, paths)


def _encoded_path(item: Object) -> bytes:
    operation: Object = item["patch"]
    message = b"".join(_field(8, _encoded_parameter(parameter)) for parameter in operation["parameters"])
    message += _field(9, _field(1, _named("200", _field(1, _field(1, "OK")))))
    kind = "\n".join(
        f"{key}: {value or chr(34) * 2}" for key, value in operation["x-kubernetes-group-version-kind"].items()
    )
    for name, yaml in (("x-kubernetes-action", "patch"), ("x-kubernetes-group-version-kind", kind)):
        message += _field(13, _named(name, _field(2, f"{yaml}\n")))
    return _field(8, message)


def _encoded_parameter(parameter: dict[str, Any]) -> bytes:
    schema = _field(2, parameter["in"]) + _field(4, parameter["name"]) + _field(6, parameter["type"])
    # ParametersItem.parameter, Parameter.non_body_parameter, NonBodyParameter.query_parameter_sub_schema
    return _field(1, _field(2, _field(3, schema)))


def _named(name: str, value: bytes) -> bytes:
    return _field(1, name) + _field(2, value)


def _field(number: int, value: str | bytes) -> bytes:
    """One length-delimited field."""
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
