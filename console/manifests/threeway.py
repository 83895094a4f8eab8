"""Client-side apply, as a pure function: what was applied last, what is wanted now, what is there -> a patch.

What the manifest says is set; what it said last time and no longer says is removed; everything else (defaults, what
controllers and people set by other means) is left alone. Lists merge by the keys that the schema declares
(`x-kubernetes-patch-merge-key`). The annotation is kubectl's, so both tools may apply the same object in turn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from common.api import gotext
from common.api.meta import LAST_APPLIED, Object
from common.api.meta import annotations as annotations_of


class Schema(Protocol):
    """A place in the schema of a kind."""

    def child(self, field: str) -> Schema: ...

    def element(self) -> Schema: ...

    @property
    def merge_key(self) -> str:
        """The key by which the elements of this list merge; empty when the list is replaced as a whole."""
        ...

    @property
    def merges_values(self) -> bool:
        """Whether this is a list of plain values to which a patch adds (finalizers)."""
        ...


class Unknown:
    """No schema: maps merge, lists are replaced, as a JSON merge patch does."""

    merge_key = ""
    merges_values = False

    def child(self, _field: str) -> Unknown:
        return self

    def element(self) -> Unknown:
        return self


def with_annotation(obj: Object) -> Object:
    """The manifest with itself, as kubectl writes it, in the annotation."""
    others = {key: value for key, value in annotations_of(obj).items() if key != LAST_APPLIED}
    metadata = {**(obj.get("metadata") or {}), "annotations": others}
    plain = {**obj, "metadata": metadata}
    text = gotext.escaped(json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)) + "\n"
    return {**obj, "metadata": {**metadata, "annotations": {**others, LAST_APPLIED: text}}}


def last_applied(live: Object) -> Object:
    """What was applied last; empty when the object was made by other means."""
    try:
        found = json.loads(annotations_of(live).get(LAST_APPLIED, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def patch(original: Object, wanted: Object, live: Object, schema: Schema) -> Object:
    """A strategic merge patch that turns `live` into what `wanted` says; empty when it is so already."""
    return _maps(original, wanted, live, schema)


def _maps(original: Any, wanted: Mapping[str, Any], live: Mapping[str, Any], schema: Schema) -> Object:
    before = original if isinstance(original, dict) else {}
    changes: Object = {
        field: None for field in before if field in live and (field not in wanted or wanted[field] is None)
    }
    for field, value in wanted.items():
        if value is None:
            # An explicit null asks for removal.
            if field in live:
                changes[field] = None
        elif field not in live or live[field] is None:
            changes[field] = value
        else:
            part = _value(before.get(field), value, live[field], schema.child(field))
            if part is not _SAME:
                changes[field] = part
    return changes


_SAME = object()


def _value(original: Any, wanted: Any, live: Any, schema: Schema) -> Any:
    if isinstance(wanted, dict) and isinstance(live, dict):
        return _maps(original, wanted, live, schema) or _SAME
    if isinstance(wanted, list) and isinstance(live, list):
        before = original if isinstance(original, list) else []
        if schema.merge_key and _keyed((*wanted, *live, *before), schema.merge_key):
            return _keyed_lists(before, wanted, live, schema) or _SAME
        if schema.merges_values:
            return [value for value in wanted if value not in live] or _SAME
    return _SAME if wanted == live and type(wanted) is type(live) else wanted


def _keyed(elements: tuple[Any, ...], key: str) -> bool:
    return all(isinstance(element, dict) and key in element for element in elements)


def _keyed_lists(original: list[Any], wanted: list[Any], live: list[Any], schema: Schema) -> list[Any]:
    key, element_schema = schema.merge_key, schema.element()
    by_key = {element[key]: element for element in live}
    before = {element[key]: element for element in original}
    wanted_keys = {element[key] for element in wanted}
    changes: list[Any] = [
        {"$patch": "delete", key: gone} for gone in before if gone not in wanted_keys and gone in by_key
    ]
    for element in wanted:
        present = by_key.get(element[key])
        if present is None:
            changes.append(element)
        elif part := _maps(before.get(element[key]), element, present, element_schema):
            changes.append({**part, key: element[key]})
    return changes
