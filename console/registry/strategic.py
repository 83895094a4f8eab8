"""Strategic merge: lists of named things merge by their key instead of being replaced.

Which lists merge, and by what, is in the schema (`x-kubernetes-patch-strategy`, `-merge-key`). Directives of a patch:
`$patch` (replace, delete), `$retainKeys`, `$deleteFromPrimitiveList/FIELD`, `$setElementOrder/FIELD`. The rules are
those of the Kubernetes documentation; where it is silent, `kubectl patch --local` is the judge (the tests compare).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from common.api.meta import Object
from common.errors import BadRequest

from .intents import go_value
from .ordering import hashable, in_order
from .schema import Schema

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_DELETE = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


def apply(kind: Schema, current: Object, patch: Object) -> Object:
    """A new object. Raises BadRequest for a directive that is none or is misplaced."""
    original: Object = orjson.loads(orjson.dumps(current))
    return _merge_map(kind, original, patch)


def _field(kind: Schema | None, name: str) -> Schema | None:
    if kind is None:
        return None
    if kind.shape == "object":
        return kind.properties.get(name)
    return kind.items if kind.shape == "map" else None


def _merge_map(kind: Schema | None, original: Object, patch: Object) -> Object:
    if _DIRECTIVE in patch:
        return _directed(patch)
    _retain(original, patch)
    orders = {name.removeprefix(_ORDER): value for name, value in patch.items() if name.startswith(_ORDER)}
    for name, order in orders.items():
        _merge_in_order(_field(kind, name), original, patch, name, order)
    for name, value in patch.items():
        if name.startswith(_DELETE):
            _delete_values(original, name.removeprefix(_DELETE), value)
    for name, value in patch.items():
        if name in orders or name == _RETAIN or name.startswith((_ORDER, _DELETE)):
            continue
        if value is None or (name not in original and _is_directed(value)):
            original.pop(name, None)
        else:
            original[name] = _merge_value(_field(kind, name), original.get(name), value)
    return original


def _directed(patch: Object) -> Object:
    """A patch that says what happens to the whole map."""
    match patch[_DIRECTIVE]:
        case "replace":
            replaced: Object = _plain({name: value for name, value in patch.items() if name != _DIRECTIVE})
            return replaced
        case "delete":
            return {}
        case other:
            raise BadRequest(f"unknown patch type: {go_value(other)} in map: {go_value(patch)}")


def _retain(original: Object, patch: Object) -> None:
    keep = patch.get(_RETAIN)
    if keep is None:
        return
    if not isinstance(keep, list):
        raise BadRequest(f"invalid patch format of retainKeys: {_RETAIN} must be a list of field names")
    given = [name for name, value in patch.items() if value is not None and not name.startswith("$")]
    missing = [name for name in given if name not in keep]
    if missing:
        raise BadRequest(f"invalid patch format of retainKeys: it does not list {', '.join(missing)}")
    for name in [name for name in original if name not in keep]:
        del original[name]


def _delete_values(original: Object, name: str, values: Any) -> None:
    if not isinstance(values, list):
        raise BadRequest(f"{_DELETE}{name} must be a list")
    found = original.get(name)
    if isinstance(found, list):
        original[name] = [item for item in found if item not in values]


def _merge_value(field: Schema | None, original: Any, patch: Any) -> Any:
    if isinstance(patch, dict) and isinstance(original, dict):
        if field is not None and "replace" in field.strategies:
            return _plain(patch)
        return _merge_map(field, original, patch)
    if isinstance(patch, list) and isinstance(original, list):
        return _merge_list(field, original, patch)
    return _plain(patch)


def _merge_list(field: Schema | None, original: list[Any], patch: list[Any]) -> list[Any]:
    if field is None or "merge" not in field.strategies:
        return patch
    identity = _identity(field)
    if not any(isinstance(item, dict) for item in (*original, *patch)):
        merged = list(dict.fromkeys([*original, *patch]))
        return in_order(merged, patch, original, identity)
    if not field.merge_key:
        raise BadRequest("cannot merge lists of objects that have no merge key")
    kept, rest, replaced = _special_elements(field.merge_key, original, patch)
    if replaced:
        return rest
    return in_order(_merge_elements(field, kept, rest), rest, kept, identity)


def _identity(field: Schema) -> Callable[[Any], Any]:
    key = field.merge_key
    return lambda item: item.get(key) if isinstance(item, dict) else item


def _special_elements(key: str, original: list[Any], patch: list[Any]) -> tuple[list[Any], list[Any], bool]:
    """What is left of both lists when the elements with `$patch` have had their say; the last tells whether the
    patch replaces the list. Deletions come before anything merges."""
    rest: list[Any] = []
    replaced = False
    for item in patch:
        if not isinstance(item, dict):
            raise BadRequest(f"the list merges objects by {key}; {item!r} is none")
        match item.get(_DIRECTIVE):
            case None:
                rest.append(item)
            case "delete":
                _require_key(item, key)
                original = [entry for entry in original if entry.get(key) != item[key]]
            case "replace":
                replaced = True
            case "merge":
                raise BadRequest("merging lists cannot yet be specified in the patch")
            case other:
                raise BadRequest(f"unknown patch type: {go_value(other)} in map: {go_value(item)}")
    return original, rest, replaced


def _require_key(item: Object, key: str) -> None:
    if key not in item:
        raise BadRequest(f"map: {go_value(item)} does not contain declared merge key: {key}")


def _merge_elements(field: Schema, original: list[Any], patch: list[Any]) -> list[Any]:
    key = field.merge_key
    merged = list(original)
    positions: dict[Any, int] = {}
    for index, entry in enumerate(merged):
        positions.setdefault(hashable(entry.get(key)), index)
    for item in patch:
        _require_key(item, key)
        index = positions.get(hashable(item[key]), -1)
        if index < 0:
            positions[hashable(item[key])] = len(merged)
            merged.append(_plain(item))
        else:
            merged[index] = _merge_map(field.items, merged[index], item)
    return merged


def _merge_in_order(field: Schema | None, original: Object, patch: Object, name: str, order: Any) -> None:
    """Merge one list and put it into the order that the patch gives for all of its own elements."""
    if not isinstance(order, list):
        raise BadRequest(f"{_ORDER}{name} must be a list")
    before, change = original.get(name), patch.get(name)
    if before is None and change is None:
        return
    if not isinstance(before or [], list) or not isinstance(change or [], list):
        raise BadRequest(f"{_ORDER}{name} is given, but {name} is no list")
    identity = _identity(field) if field is not None else _itself
    _check_order(change or [], order, identity)
    if change is None:
        change, merged = [], list(before or [])
    elif before is None:
        before, merged = [], _plain(change)
    else:
        merged = _merge_list(field, before, change)
    original[name] = in_order(merged, order, _places(before or [], merged, change, identity), identity)


def _places(before: list[Any], merged: list[Any], change: list[Any], identity: Callable[[Any], Any]) -> list[Any]:
    """Which elements have a place in the list so far: new ones take the places that deletions freed, as far as these
    reach. (Kubernetes' code merges in place; clients see the order that comes of it.)"""
    left = {hashable(identity(item)) for item in merged}
    kept = [item for item in before if hashable(identity(item)) in left]
    known = {hashable(identity(item)) for item in kept}
    new = [item for item in change if hashable(identity(item)) in left - known]
    return [*kept, *new][: len(before)]


def _itself(item: Any) -> Any:
    return item


def _check_order(change: list[Any], order: list[Any], identity: Callable[[Any], Any]) -> None:
    listed = [identity(item) for item in order]
    given = [identity(item) for item in change if not (isinstance(item, dict) and _DIRECTIVE in item)]
    places = [listed.index(item) if item in listed else -1 for item in given]
    if places != sorted(places) or -1 in places:
        raise BadRequest(
            f"The order in patch list:\n{go_value(change)}\n doesn't match {_ORDER[:-1]} list:\n{go_value(order)}\n"
        )


def _plain(value: Any) -> Any:
    """A value of a patch as it is where nothing is to merge with: without directives and nulls."""
    if isinstance(value, dict):
        kept = {name: item for name, item in value.items() if not (_is_directive(name) or _is_directed(item))}
        return {name: _plain(item) for name, item in kept.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value if not _is_directed(item)]
    return value


def _is_directed(value: Any) -> bool:
    """Whether a value says what is to happen to what is there: where nothing is, it means nothing."""
    return isinstance(value, dict) and _DIRECTIVE in value


def _is_directive(name: str) -> bool:
    return name in {_DIRECTIVE, _RETAIN} or name.startswith((_DELETE, _ORDER))
