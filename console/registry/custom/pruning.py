"""What a structural schema does to an object before it is judged: unknown fields go, defaults come.

Sources: Kubernetes' documentation of CustomResourceDefinitions ("field pruning", "defaulting and nullable"). Both are
idempotent and leave their argument alone.
"""

from __future__ import annotations

from typing import Any

import orjson

from common.api.meta import Object
from console.registry.schema import schema as schema_of

PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_OBJECT_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


def prune(schema: Object, value: Any, path: str = "", unknown: list[str] | None = None, *, root: bool = False) -> Any:
    """The value without the fields that the schema does not know; their paths are added to `unknown`."""
    if isinstance(value, list):
        items = schema.get("items")
        if not isinstance(items, dict):
            return value
        return [prune(items, item, f"{path}[{index}]", unknown) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    is_object = root or bool(schema.get(EMBEDDED))
    result: Object = {}
    for name, item in value.items():
        where = f"{path}.{name}" if path else str(name)
        if is_object and name in _OBJECT_FIELDS:
            result[name] = item if root or name != "metadata" else _known_metadata(item, where, unknown)
            continue
        child = _child(schema, name)
        if isinstance(child, dict):
            result[name] = prune(child, item, where, unknown)
        elif child:
            result[name] = item
        elif unknown is not None:
            unknown.append(where)
    return result


def _known_metadata(value: Any, path: str, unknown: list[str] | None) -> Any:
    """The metadata of an embedded object; that of the object itself is read as every object's is."""
    if not isinstance(value, dict):
        return value
    known = schema_of(_OBJECT_META).properties
    if unknown is not None:
        unknown += [f"{path}.{name}" for name in value if name not in known]
    return {name: item for name, item in value.items() if name in known}


def _child(schema: Object, name: str) -> Object | bool:
    """The schema of a field; True when it may be anything, False when there is no such field."""
    found = (schema.get("properties") or {}).get(name)
    if isinstance(found, dict):
        return found
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        return more
    return bool(more) or bool(schema.get(PRESERVE))


def default(schema: Object, value: Any) -> Any:
    """The value with the schema's defaults; a null where none may be counts as absent."""
    if isinstance(value, list):
        items = schema.get("items")
        if not isinstance(items, dict):
            return value
        return [default(items, _instead_of_null(items, item)) for item in value]
    if not isinstance(value, dict):
        return value
    properties: Object = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    result: Object = {}
    for name, item in value.items():
        field = properties.get(name)
        if field is None:
            result[name] = default(more, _instead_of_null(more, item)) if isinstance(more, dict) else item
        elif item is not None or field.get("nullable"):
            result[name] = default(field, item)
    for name, field in properties.items():
        if name not in result and field.get("default") is not None:
            result[name] = default(field, _copy(field["default"]))
    return result


def _instead_of_null(schema: Object, value: Any) -> Any:
    if value is None and not schema.get("nullable") and schema.get("default") is not None:
        return _copy(schema["default"])
    return value


def _copy(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def has_defaults(schema: Any) -> bool:
    """Whether anything in the schema has a default, so that objects stored before it may lack one."""
    if isinstance(schema, list):
        return any(has_defaults(item) for item in schema)
    if not isinstance(schema, dict):
        return False
    return schema.get("default") is not None or any(has_defaults(item) for item in schema.values())
