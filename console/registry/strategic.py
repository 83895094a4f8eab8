"""Strategic merge: lists of named things merge by their key instead of being replaced.

Which lists merge, and by what, is in the schema (`x-kubernetes-patch-strategy`, `-merge-key`). Directives of a patch:
`$patch` (replace, delete, merge), `$retainKeys`, `$deleteFromPrimitiveList/FIELD`, `$setElementOrder/FIELD`.
"""

from __future__ import annotations

from typing import Any

import orjson

from common.api.meta import Object
from common.errors import BadRequest

from .schema import Schema

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_DELETE = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


def apply(kind: Schema, current: Object, patch: Object) -> Object:
    """A new object. Raises BadRequest for a directive that is none or is misplaced."""
    original: Object = orjson.loads(orjson.dumps(current))
    result: Object = _merge_map(kind, original, patch)
    return result


def _field(kind: Schema | None, name: str) -> Schema | None:
    if kind is None:
        return None
    if kind.shape == "object":
        return kind.properties.get(name)
    return kind.items if kind.shape == "map" else None


def _merge_map(kind: Schema | None, original: Object, patch: Object) -> Object:
    directive = patch.get(_DIRECTIVE)
    if directive == "replace":
        return {name: _plain(value) for name, value in patch.items() if name != _DIRECTIVE and value is not None}
    if directive == "delete":
        return {}
    if directive not in {None, "merge"}:
        raise BadRequest(f"invalid {_DIRECTIVE} directive {directive!r}: allowed are replace, delete and merge")
    _retain(original, patch)
    orders: dict[str, list[Any]] = {}
    for name, value in patch.items():
        if name.startswith(_DELETE):
            _delete_values(original, name.removeprefix(_DELETE), value)
        elif name.startswith(_ORDER):
            orders[name.removeprefix(_ORDER)] = value
    for name, value in patch.items():
        if name.startswith("$"):
            continue
        if value is None:
            original.pop(name, None)
        else:
            original[name] = _merge_value(_field(kind, name), original.get(name), value, orders.get(name))
    for name, order in orders.items():
        if name not in patch and isinstance(original.get(name), list):
            original[name] = _ordered(_field(kind, name), original[name], order)
    return original


def _retain(original: Object, patch: Object) -> None:
    keep = patch.get(_RETAIN)
    if keep is None:
        return
    if not isinstance(keep, list):
        raise BadRequest(f"{_RETAIN} must be a list of field names")
    missing = [name for name in patch if not name.startswith("$") and name not in keep]
    if missing:
        raise BadRequest(f"{_RETAIN} must contain all fields of the patch; it lacks {', '.join(missing)}")
    for name in [name for name in original if name not in keep]:
        del original[name]


def _delete_values(original: Object, name: str, values: Any) -> None:
    if not isinstance(values, list):
        raise BadRequest(f"{_DELETE}{name} must be a list")
    found = original.get(name)
    if isinstance(found, list):
        original[name] = [item for item in found if item not in values]


def _merge_value(field: Schema | None, original: Any, patch: Any, order: list[Any] | None) -> Any:
    if isinstance(patch, dict) and isinstance(original, dict):
        return _merge_map(field, original, patch)
    if isinstance(patch, list):
        return _merge_list(field, original if isinstance(original, list) else [], patch, order)
    return _plain(patch)


def _merge_list(field: Schema | None, original: list[Any], patch: list[Any], order: list[Any] | None) -> list[Any]:
    if field is None or "merge" not in field.strategies or _replaces(patch):
        return [_plain(item) for item in patch if not (isinstance(item, dict) and item.keys() == {_DIRECTIVE})]
    merged = _merge_objects(field, original, patch) if field.merge_key else list(dict.fromkeys([*original, *patch]))
    return _ordered(field, merged, order) if order is not None else merged


def _replaces(patch: list[Any]) -> bool:
    return any(isinstance(item, dict) and item.get(_DIRECTIVE) == "replace" for item in patch)


def _merge_objects(field: Schema, original: list[Any], patch: list[Any]) -> list[Any]:
    key = field.merge_key
    merged = list(original)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise BadRequest(f"map: {item} does not contain declared merge key: {key}")
    for item in patch:
        if item.get(_DIRECTIVE) == "delete":
            merged = [entry for entry in merged if entry.get(key) != item[key]]
    for item in patch:
        if item.get(_DIRECTIVE) == "delete":
            continue
        index = next((i for i, entry in enumerate(merged) if entry.get(key) == item[key]), None)
        if index is None:
            merged.append(_plain(item))
        else:
            merged[index] = _merge_map(field.items, merged[index], item)
    return merged


def _ordered(field: Schema | None, items: list[Any], order: list[Any]) -> list[Any]:
    return items


def _plain(value: Any) -> Any:
    """A value of a patch without its directives and nulls."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if item is not None and not name.startswith("$")}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
