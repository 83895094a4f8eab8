"""What expressions know of a value: its fields, its elements, and how much of it there may be at most. Pure.

Sizes are Kubernetes': where a schema names no limit, it is what fits into the largest request. Unknown fields are no
fields to expressions, whatever a schema says of keeping them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.api.meta import Object

from .fieldnames import escape

REQUEST_BYTES = 3 * 1024 * 1024
_LONGEST = REQUEST_BYTES - 2
_STRINGS = {"duration": 32, "date": 10, "date-time": 20}
_SMALLEST = {"boolean": 4, "integer": 1, "number": 1}  # bytes of JSON; of all else two quotes or brackets


@dataclass(frozen=True, slots=True)
class Shape:
    """`kind` is object, map, list, string, scalar or dyn (nothing is known). `size` is the greatest number of elements
    or letters, `smallest` how many bytes it takes at least, `form` the format of a string."""

    kind: str
    size: int = 1
    fields: Mapping[str, Shape] = field(default_factory=dict)
    items: Shape | None = None
    smallest: int = 2
    form: str = ""


DYN = Shape("dyn")
SCALAR = Shape("scalar")


def text(size: int) -> Shape:
    return Shape("string", size)


def listed(items: Shape, size: int) -> Shape:
    return Shape("list", size, items=items)


def of_schema(schema: Object, *, root: bool = False) -> Shape | None:
    """The shape of what fits a structural schema; None for what expressions do not see."""
    if schema.get("x-kubernetes-int-or-string"):
        return DYN
    match schema.get("type"):
        case "array":
            items = _below(schema.get("items"))
            return items and listed(items, _limit(schema, "maxItems", _LONGEST // (items.smallest + 1)))
        case "object":
            more = schema.get("additionalProperties")
            if isinstance(more, dict):
                items = _below(more)
                size = _limit(schema, "maxProperties", _LONGEST // (items.smallest + 6)) if items else 0
                return items and Shape("map", size, items=items)
            return _object(schema, root=root or bool(schema.get("x-kubernetes-embedded-resource")))
        case "string":
            return Shape("string", _length(schema), form=str(schema.get("format") or ""))
        case "boolean" | "integer" | "number" as kind:
            return Shape("scalar", smallest=_SMALLEST[kind])
    return None


def of_value(value: Any, shape: Shape) -> Shape:
    """The shape of a value that is there: no larger than it is."""
    if isinstance(value, list) and shape.items is not None:
        return listed(_of_each(value, shape.items), len(value))
    if isinstance(value, dict) and shape.kind == "map" and shape.items is not None:
        return Shape("map", len(value), items=_of_each(value.values(), shape.items))
    if isinstance(value, dict) and shape.kind == "object":
        known = {escape(name): item for name, item in value.items()}
        return Shape("object", fields={
            name: of_value(known[name], child) if name in known else child for name, child in shape.fields.items()
        })  # fmt: skip
    return Shape(shape.kind, len(value)) if isinstance(value, str) else Shape(shape.kind)


def _of_each(values: Collection[Any], shape: Shape) -> Shape:
    """One shape that none of the values exceeds."""
    if shape.items is None and not shape.fields:
        longest = max((len(value) for value in values if isinstance(value, str)), default=1)
        return Shape(shape.kind, longest)
    return _largest([of_value(value, shape) for value in values], shape)


def _largest(found: list[Shape], pattern: Shape) -> Shape:
    """What none of these exceeds."""
    if not found:
        return Shape(pattern.kind, 0, pattern.fields, pattern.items)
    fields = {name: _largest([one.fields[name] for one in found], child) for name, child in pattern.fields.items()}
    items = pattern.items and _largest([one.items for one in found if one.items is not None], pattern.items)
    return Shape(pattern.kind, max(one.size for one in found), fields, items)


def _below(schema: Any) -> Shape | None:
    return of_schema(schema) if isinstance(schema, dict) else None


def _object(schema: Object, *, root: bool) -> Shape:
    fields = {
        escape(name): shape
        for name, child in (schema.get("properties") or {}).items()
        if (shape := of_schema(child)) is not None
    }
    if root:
        named = {name: text(_LONGEST) for name in ("name", "generateName")}
        fields |= {"apiVersion": text(_LONGEST), "kind": text(_LONGEST), "metadata": Shape("object", fields=named)}
    smallest = 2 + sum(
        len(name) + 4 + fields[escape(name)].smallest
        for name in schema.get("required") or ()
        if escape(name) in fields and ((schema.get("properties") or {}).get(name) or {}).get("default") is None
    )
    return Shape("object", fields=fields, smallest=smallest)


def _limit(schema: Object, name: str, otherwise: int) -> int:
    found = schema.get(name)
    return otherwise if found is None else int(found)


def _length(schema: Object) -> int:
    form = str(schema.get("format") or "")
    if form in _STRINGS:
        return _STRINGS[form]
    if schema.get("maxLength") is not None:
        return int(schema["maxLength"]) * (1 if form == "byte" else 4)  # letters may be of four bytes
    longest = [len(item) for item in schema.get("enum") or () if isinstance(item, str)]
    return max(longest) if longest else _LONGEST
