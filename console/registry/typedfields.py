"""Which fields a value sets and which ones a change touches, under the schema of its kind.

The rules are those of Kubernetes' structured merge: structs have fields, maps entries, lists elements by their keys or
values; atomic ones are one field. Sets are those of `fieldsets`; `merging` has what changes values.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import orjson

from common.api.meta import Object

from .fieldsets import ITSELF, LEAF, Fields
from .schema import Schema

Indexed: TypeAlias = dict[str, list[Any]]
"""The elements of a list by step; more than one where a list has an element twice."""

# Structs that Kubernetes' types always have: a manager owns what is in them, never their being there.
_ALWAYS_THERE = frozenset(
    f"f:{name}"
    for name in (
        "metadata", "spec", "status", "template", "containers", "resources", "strategy", "updateStrategy",
        "jobTemplate",
    )
)  # fmt: skip

_ABSENT: Any = object()


def is_map(kind: Schema, value: Any) -> bool:
    """Whether the value is a struct or map whose parts can have different owners."""
    return isinstance(value, dict) and kind.parts in {"fields", "entries"}


def is_list(kind: Schema, value: Any) -> bool:
    return isinstance(value, list) and kind.parts in {"values", "elements"}


def child_of(kind: Schema, name: str) -> Schema | None:
    """The type of a field or entry; None for a field that the kind does not have."""
    if kind.parts == "fields":
        return kind.properties.get(name) or kind.others
    return kind if kind.shape == "deduced" else kind.items


def is_named(kind: Schema, name: str) -> bool:
    """Whether the schema itself names the field: then its being there is nobody's."""
    return kind.parts == "fields" and name in kind.properties


def step_of(kind: Schema, item: Any) -> str:
    """The step to an element of a list; elements without any of the keys share one."""
    if kind.parts == "values":
        return f"v:{orjson.dumps(item).decode()}"
    keys: Object = {}
    if isinstance(item, dict):
        for key, default in kind.key_defaults:
            value = item.get(key, default)
            if value is not None:
                keys[key] = value
    return f"k:{orjson.dumps(keys).decode()}"


def indexed(kind: Schema, items: list[Any]) -> Indexed:
    found: Indexed = {}
    for item in items:
        found.setdefault(step_of(kind, item), []).append(item)
    return found


def fields_of(kind: Schema, value: Any) -> Fields:
    """The fields that an intent sets: leaves, empty maps, entries of maps and elements of lists; no structs between."""
    found: Fields = {}
    if is_list(kind, value):
        for step, items in indexed(kind, value).items():
            found[step] = _with_itself(fields_of(kind.items, items[0])) if len(items) == 1 else LEAF
    elif is_map(kind, value):
        for name, item in value.items():
            child = child_of(kind, name)
            if child is None:
                continue
            below = fields_of(child, item)
            if not is_named(kind, name):
                found[f"f:{name}"] = _with_itself(below)
            elif below:
                found[f"f:{name}"] = below
            elif not (is_list(child, item) or (item and is_map(child, item))):
                found[f"f:{name}"] = LEAF
    return found


def everything(kind: Schema, value: Any) -> Fields:
    """All that comes with a value that was not there before: its parts, and theirs, each a field."""
    parts = kind.parts
    found: Fields = {}
    if parts == "fields" and isinstance(value, dict):
        properties, others = kind.properties, kind.others
        for name, item in value.items():
            child = properties.get(name) or others
            if child is not None:
                found["f:" + name] = _with_itself(everything(child, item)) if item and child.parts else LEAF
    elif parts == "entries" and isinstance(value, dict):
        child = kind if kind.shape == "deduced" else kind.items
        granular = child.parts
        for name, item in value.items():
            found["f:" + name] = _with_itself(everything(child, item)) if granular and item else LEAF
    elif parts and isinstance(value, list):
        for step, items in indexed(kind, value).items():
            found[step] = _with_itself(everything(kind.items, items[0])) if len(items) == 1 else LEAF
    return found


def _with_itself(below: Fields) -> Fields:
    return {ITSELF: LEAF, **below} if below else LEAF


def compare(kind: Schema, old: Any, new: Any) -> tuple[Fields, Fields]:
    """What of a granular value was added or changed, and what was removed. Walks only what differs."""
    changed: Fields = {}
    removed: Fields = {}
    if kind.parts in {"fields", "entries"}:
        _compare_maps(kind, old or {}, new or {}, changed, removed)
    else:
        _compare_lists(kind, old or [], new or [], changed, removed)
    return changed, removed


def _compare_maps(kind: Schema, old: Object, new: Object, changed: Fields, removed: Fields) -> None:
    for name, item in new.items():
        before = old.get(name, _ABSENT)
        if before is item or before == item:
            continue
        child = child_of(kind, name)
        if child is None:
            continue
        step = "f:" + name
        if before is not _ABSENT:
            _compare_values(child, before, item, step, changed, removed)
        elif step not in _ALWAYS_THERE:
            changed[step] = _with_itself(everything(child, item)) if child.parts else LEAF
        elif item:
            _compare_values(child, None, item, step, changed, removed)
    for name, item in old.items():
        if name not in new and (child := child_of(kind, name)) is not None:
            removed["f:" + name] = _with_itself(everything(child, item))


def _compare_lists(kind: Schema, old: list[Any], new: list[Any], changed: Fields, removed: Fields) -> None:
    before, after = indexed(kind, old), indexed(kind, new)
    for step, items in after.items():
        earlier = before.get(step)
        if earlier == items:
            continue
        if earlier is None:
            changed[step] = _with_itself(everything(kind.items, items[0])) if len(items) == 1 else LEAF
        elif len(earlier) == len(items) == 1:
            _compare_values(kind.items, earlier[0], items[0], step, changed, removed)
        else:
            changed[step] = LEAF
    for step, items in before.items():
        if step not in after:
            removed[step] = _with_itself(everything(kind.items, items[0])) if len(items) == 1 else LEAF


def _compare_values(kind: Schema, old: Any, new: Any, step: str, changed: Fields, removed: Fields) -> None:
    """Two values that differ, both there (null is as good as empty)."""
    shape = dict if kind.parts in {"fields", "entries"} else list
    if not kind.parts or (not old and not new):
        changed[step] = LEAF
        return
    fits_before, fits_after = isinstance(old, shape), isinstance(new, shape)
    if (fits_before or old is None) and (fits_after or new is None):
        added, gone = compare(kind, old, new)
        if added:
            changed[step] = added
    else:
        # One became something else: it was changed as a whole.
        changed[step] = _with_itself(everything(kind, new)) if fits_after else LEAF
        gone = everything(kind, old) if fits_before else LEAF
    if gone:
        removed[step] = gone
