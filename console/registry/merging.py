"""What server-side apply does to values: an intent merged into an object, and fields taken out of one.

Nothing that comes in is changed; results share with it what they have alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import typedfields
from .fieldsets import ITSELF, LEAF, Fields, is_member
from .schema import Schema
from .typedfields import child_of, is_list, is_map


def merge(kind: Schema, live: Any, intent: Any) -> Any:
    """The live value with what the intent has of it."""
    if is_map(kind, live) and (intent is None or is_map(kind, intent)) and (live or intent):
        result = dict(live)
        for name, item in (intent or {}).items():
            child = child_of(kind, name)
            result[name] = merge(child, live[name], item) if name in live and child is not None else item
        return result
    if is_list(kind, live) and (intent is None or is_list(kind, intent)) and (live or intent):
        return _merge_lists(kind, live, intent or [])
    return intent


def merge_configuration(kind: Schema, live: Any, config: Any) -> Any:
    """The live object with the fields of an apply configuration that nobody owns. Raises ValueError when it sets a part
    of what can only be replaced as a whole, which would remove the rest."""
    atomic = list(_atomic_parts(kind, config, ""))
    if atomic:
        raise ValueError(
            "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
            f"{', '.join(atomic)}"
        )
    return merge(kind, live, config)


def _atomic_parts(kind: Schema, value: Any, path: str) -> Iterator[str]:
    if is_map(kind, value):
        for name, item in value.items():
            child = child_of(kind, name)
            if child is not None:
                yield from _atomic_parts(child, item, f"{path}.{name}")
    elif is_list(kind, value):
        for index, item in enumerate(value):
            yield from _atomic_parts(kind.items, item, f"{path}[{index}]")
    elif isinstance(value, dict | list):
        yield path


def _merge_lists(kind: Schema, live: list[Any], intent: list[Any]) -> list[Any]:
    before, after = typedfields.indexed(kind, live), typedfields.indexed(kind, intent)
    result: list[Any] = []
    at: dict[str, int] = {}
    for step in _interleaved([typedfields.step_of(kind, item) for item in live], list(after)):
        if step not in after:
            # What the list had twice stays twice, each in its place.
            index = at[step] = at.get(step, -1) + 1
            result.append(before[step][index])
        elif len(before.get(step, ())) == 1:
            result.append(merge(kind.items, before[step][0], after[step][0]))
        else:
            result.append(after[step][0])
    return result


def _interleaved(live: list[str], intent: list[str]) -> list[str]:
    """What both have comes in the order of the intent; what only one side has stays behind what it was behind, that of
    the live list first."""
    known, wanted = set(live), set(intent)
    shared = iter(step for step in intent if step in known)
    following = next(shared, None)
    result: list[str] = []
    done: set[str] = set()
    left = right = 0
    while left < len(live) or right < len(intent):
        if left < len(live):
            step = live[left]
            if step not in wanted:
                result.append(step)
                left += 1
                continue
            if right < len(intent) and following is not None and step not in {intent[right], following}:
                left += 1  # its place is where the intent has it
                continue
            left += step in done
        if right < len(intent):
            step = intent[right]
            result.append(step)
            done.add(step)
            right += 1
            left += left < len(live) and live[left] == step
            if step == following:
                following = next(shared, None)
    return result


def remove(kind: Schema, value: Any, fields: Fields) -> Any:
    """The value without these fields; None when nothing is left of it."""
    if is_list(kind, value):
        return _remove_elements(kind, value, fields) if value else value
    if not value or not is_map(kind, value):
        return value
    result = {}
    is_empty = True
    for name, item in value.items():
        node = fields.get(f"f:{name}")
        child = child_of(kind, name)
        if node is None or child is None:
            result[name] = item
        elif is_member(node):
            continue
        else:
            left = remove(child, item, node)
            if left is not None:
                result[name] = left
        is_empty = False
    return None if is_empty else result


def _remove_elements(kind: Schema, value: list[Any], fields: Fields) -> list[Any] | None:
    result = []
    for item in value:
        node = fields.get(typedfields.step_of(kind, item))
        if node is None:
            result.append(item)
        elif not is_member(node) and (left := remove(kind.items, item, node)) is not None:
            result.append(left)
    return result or None


def with_structs(kind: Schema, fields: Fields) -> Fields:
    """The set with all structs that have a field in it: they go when all of their fields do."""
    found: Fields = {}
    for step, below in fields.items():
        child = _type_at(kind, step) if below and step != ITSELF else None
        if child is None:
            found[step] = below
            continue
        node = with_structs(child, below)
        if ITSELF not in node and step[:2] == "f:" and typedfields.is_named(kind, step[2:]):
            node = {ITSELF: LEAF, **node}
        found[step] = node
    return found


def _type_at(kind: Schema, step: str) -> Schema | None:
    if kind.parts in {"values", "elements"}:
        return kind.items
    return child_of(kind, step[2:]) if kind.parts else None
