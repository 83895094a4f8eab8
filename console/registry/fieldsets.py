"""Sets of fields of an object, as `managedFields` records them (FieldsV1), and what of an object changed.

A path is a tuple of steps: `f:NAME` a field, `k:{…}` the list element with those keys, `v:…` the element of that value.
What counts as one field is in the schema: atomic maps and lists are owned as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import orjson

from common.api.meta import Object

from .schema import Schema

Path: TypeAlias = tuple[str, ...]
FieldSet: TypeAlias = set[Path]

_ITSELF = "."
_LEAF: Object = {}  # shared by all records: never changed
# Fields that Kubernetes' types always have: a manager owns what is in them, never their being there.
_ALWAYS_THERE = frozenset(
    f"f:{name}"
    for name in (
        "metadata", "spec", "status", "template", "containers", "resources", "strategy", "updateStrategy",
        "jobTemplate",
    )
)  # fmt: skip
# Keys that Kubernetes' types default, so that an element may leave them out.
_KEY_DEFAULTS: Object = {"protocol": "TCP"}


def is_granular(kind: Schema, value: Any) -> bool:
    """Whether parts of the value can have different owners."""
    match kind.shape:
        case "object" | "map" | "deduced":
            return isinstance(value, dict) and not kind.is_atomic
        case "array":
            return isinstance(value, list) and kind.list_type in {"map", "set"}
    return False


def children(kind: Schema, value: Any) -> dict[str, tuple[Schema, Any]]:
    """The parts of a granular value by step, with their types."""
    if kind.shape == "object":
        known, others = kind.properties, kind.others
        typed = {name: known.get(name) or others for name in value}
        return {f"f:{name}": (child, value[name]) for name, child in typed.items() if child is not None}
    if kind.shape == "deduced":
        return {f"f:{name}": (kind, item) for name, item in value.items()}
    if kind.shape == "map":
        return {f"f:{name}": (kind.items, item) for name, item in value.items()}
    return {step_of(kind, item): (kind.items, item) for item in value}


def step_of(kind: Schema, item: Any) -> str:
    """The step to an element of a list."""
    if kind.list_type == "set" or not isinstance(item, dict):
        return f"v:{orjson.dumps(item).decode()}"
    keys = {key: item.get(key, _default_of(kind.items, key)) for key in kind.list_keys}
    present = {key: value for key, value in keys.items() if value is not None}
    return f"k:{orjson.dumps(present, option=orjson.OPT_SORT_KEYS).decode()}"


def _default_of(kind: Schema, key: str) -> Any:
    field = kind.properties.get(key)
    return field.source.get("default", _KEY_DEFAULTS.get(key)) if field else _KEY_DEFAULTS.get(key)


def fields_of(kind: Schema, value: Any, path: Path = ()) -> Iterator[Path]:
    """All fields that a value sets: leaves, and elements of lists themselves."""
    if not is_granular(kind, value) or not value:
        yield path
        return
    if path and path[-1].startswith("k:"):
        yield path
    for step, (child, item) in children(kind, value).items():
        yield from fields_of(child, item, (*path, step))


def compare(kind: Schema, old: Any, new: Any, path: Path, changed: FieldSet, removed: FieldSet) -> None:
    """Collect what `new` added or changed and what it removed. Walks only what differs."""
    if old == new:
        return
    if not (is_granular(kind, old) and is_granular(kind, new)):
        changed.update(fields_of(kind, new, path))
        changed.add(path)
        return
    before, after = children(kind, old), children(kind, new)
    for step, (child, item) in after.items():
        where = (*path, step)
        if step in before:
            compare(child, before[step][1], item, where, changed, removed)
        else:
            changed.update(fields_of(child, item, where))
            if step not in _ALWAYS_THERE:
                changed.add(where)
    for step, (child, item) in before.items():
        if step not in after:
            removed.update(fields_of(child, item, (*path, step)))
            removed.add((*path, step))


def encode_all(kind: Schema, value: Any) -> Object:
    """FieldsV1 of everything that a value sets, as for one that was not there before."""
    node: Object = {}
    for step, (child, item) in children(kind, value).items():
        if not item or not is_granular(child, item):
            node[step] = _LEAF
            continue
        below = encode_all(child, item)
        node[step] = below if step in _ALWAYS_THERE else {_ITSELF: _LEAF, **below}
    return node


def has_path(record: Any, path: Path) -> bool:
    """Whether a FieldsV1 document has the path in its set."""
    for step in path:
        record = record.get(step) if isinstance(record, dict) else None
        if record is None:
            return False
    return not record or _ITSELF in record


def encode(fields: Iterable[Path]) -> Object:
    """FieldsV1: nested objects, `.` for a field that has parts and is in the set itself."""
    root: Object = {}
    for path in sorted(fields):
        node = root
        for depth, step in enumerate(path):
            if step not in node:
                node[step] = {}
            elif depth < len(path) - 1 and not node[step]:
                node[step][_ITSELF] = {}
            node = node[step]
    return root


def decode(node: Any, path: Path = ()) -> FieldSet:
    """The paths of a FieldsV1 document; anything malformed in it names no field."""
    if not isinstance(node, dict):
        return set()
    found: FieldSet = {path} if path and (not node or _ITSELF in node) else set()
    for step, child in node.items():
        if step != _ITSELF:
            found |= decode(child, (*path, step))
    return found


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
