"""Sets of fields, in the very form in which `managedFields` records them (FieldsV1), and what can be done with them.

A set is a tree of steps: `f:NAME` a field, `k:{…}` the list element with those keys, `v:…` the element of that value. A
node without steps below is a field of the set; one with steps below is so only with the step `.`. Sets are never
changed and share what they have alike: recording a write costs what it changed, not what the object has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import orjson

from common.api.meta import Object

Fields: TypeAlias = Object
Path: TypeAlias = tuple[str, ...]

ITSELF = "."
LEAF: Fields = {}
"""A field of a set, without parts; and the set of nothing."""
MAX_DEPTH = 200  # steps of a path that a client may record; no object has more


def is_member(node: Fields) -> bool:
    return not node or ITSELF in node


def has_path(fields: Fields, path: Path) -> bool:
    """Whether a field is in the set."""
    node = fields
    for step in path:
        found = node.get(step)
        if found is None:
            return False
        node = found
    return bool(path) and is_member(node)


def of_path(path: Path) -> Fields:
    """The set of one field."""
    node = LEAF
    for step in reversed(path):
        node = {step: node}
    return node


def union(one: Fields, other: Fields) -> Fields:
    if not other or one is other:
        return one
    if not one:
        return other
    found = dict(one)
    for step, theirs in other.items():
        mine = found.get(step)
        found[step] = theirs if mine is None else _either(mine, theirs)
    return found


def _either(mine: Fields, theirs: Fields) -> Fields:
    if not mine:
        return theirs if is_member(theirs) else {ITSELF: LEAF, **theirs}
    if not theirs:
        return mine if ITSELF in mine else {ITSELF: LEAF, **mine}
    return union(mine, theirs)


def difference(one: Fields, other: Fields) -> Fields:
    """What is in `one` and not in `other`; the fields below one of `other` stay. `one` itself when that is all."""
    if not other:
        return one
    found: Fields = {}
    same = True
    for step, mine in one.items():
        theirs = other.get(step)
        left = mine if theirs is None else _left(mine, theirs)
        same = same and left is mine
        if left is not None:
            found[step] = left
    return one if same else found


def _left(mine: Fields, theirs: Fields) -> Fields | None:
    if not mine:
        return None if is_member(theirs) else mine
    if not theirs:
        return {step: node for step, node in mine.items() if step != ITSELF} if ITSELF in mine else mine
    left = difference(mine, theirs)
    return left if left is mine else _normal(left)


def without(one: Fields, other: Fields) -> Fields:
    """What is in `one`, neither in `other` nor below a field of it."""
    found: Fields = {}
    for step, mine in one.items():
        theirs = other.get(step)
        if theirs is None:
            found[step] = mine
        elif not is_member(theirs) and (left := _normal(without(mine, theirs)) if mine else mine) is not None:
            found[step] = left
    return found


def intersection(one: Fields, other: Fields) -> Fields:
    found: Fields = {}
    for step, mine in one.items():
        theirs = other.get(step)
        if theirs is not None and (both := _both(mine, theirs)) is not None:
            found[step] = both
    return found


def _both(mine: Fields, theirs: Fields) -> Fields | None:
    if not mine:
        return LEAF if is_member(theirs) else None
    if not theirs:
        return LEAF if ITSELF in mine else None
    return _normal(intersection(mine, theirs))


def _normal(node: Fields) -> Fields | None:
    """A node as sets have it: none without fields, and a field without parts does not say that it is one."""
    if not node:
        return None
    return LEAF if len(node) == 1 and ITSELF in node else node


def contains(one: Fields, other: Fields) -> bool:
    """Whether all of `other` is in `one`."""
    for step, theirs in other.items():
        mine = one.get(step)
        if mine is None or not ((not theirs and is_member(mine)) or (theirs and _contains_below(mine, theirs))):
            return False
    return True


def _contains_below(mine: Fields, theirs: Fields) -> bool:
    if not mine:
        return len(theirs) == 1 and ITSELF in theirs
    return contains(mine, theirs)


def paths(fields: Fields, prefix: Path = ()) -> Iterator[Path]:
    """All fields: those of one node by name before those below them, as Kubernetes lists them."""
    steps = sorted(step for step in fields if step != ITSELF)
    for step in steps:
        if is_member(fields[step]):
            yield (*prefix, step)
    for step in steps:
        yield from paths(fields[step], (*prefix, step))


def of_paths(fields: Iterable[Path]) -> Fields:
    found: Fields = {}
    for path in fields:
        found = union(found, of_path(path))
    return found


def parse(document: Any, depth: int = 0) -> Fields | None:
    """A FieldsV1 document that a client sent; None when it is none."""
    if not isinstance(document, dict) or depth > MAX_DEPTH:
        return None
    found: Fields = {}
    for step, below in document.items():
        node = parse(below, depth + 1)
        if node is None or not _is_step(step) or (step == ITSELF and (node or not depth)):
            return None
        found[step] = node
    return (_normal(found) or LEAF) if depth else found


def _is_step(step: str) -> bool:
    mark, colon, rest = step.partition(":")
    if not colon:
        return step == ITSELF
    if mark == "f":
        return True
    try:
        value = orjson.loads(rest)
    except orjson.JSONDecodeError:
        return False
    return {"k": isinstance(value, dict), "v": True, "i": isinstance(value, int)}.get(mark, False)


def shown(path: Path) -> str:
    """A path as messages have it: `.spec.template.spec.containers[name="web"].image`."""
    text = ""
    for step in path:
        mark, _, rest = step.partition(":")
        if mark == "f":
            text += f".{rest}"
        elif mark == "k":
            keys = orjson.loads(rest)
            text += "[" + ",".join(f"{key}={orjson.dumps(value).decode()}" for key, value in keys.items()) + "]"
        else:
            text += f"[={rest}]"
    return text
