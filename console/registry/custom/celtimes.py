"""Times and durations in rules: fields of these formats are texts in an object, and times to expressions.

The evaluator takes no time inside an object. So what reads such a field is put inside a conversion, in the tree that
the evaluator has made (`timestamp(self.t)` for `self.t`), and the tree is given back to it. Pure but for that.
"""

from __future__ import annotations

from typing import Any

from . import celast, celcost
from .celshapes import Shape

_CONVERSIONS = {
    "date-time": ("timestamp", "string_to_timestamp"),
    "date": ("timestamp", "string_to_timestamp"),
    "duration": ("duration", "string_to_duration"),
}
_CHILDREN = {5: (1,), 6: (1, 3), 7: (1,), 9: (2, 4, 5, 6, 7)}
"""Of each kind of node, which fields are nodes."""
_MAP, _ENTRIES = 8, (3, 4)


def with_times(environment: Any, compiled: Any, variables: dict[str, Shape]) -> Any:
    """The expression with times where its fields are times; itself where it reads none."""
    serialized = compiled.serialize()
    read = celcost.shapes(celast.parse(serialized), variables)
    found = {node: _CONVERSIONS[shape.form] for node, shape in read.items() if shape.form in _CONVERSIONS}
    return environment.deserialize(_rewritten(serialized, found)) if found else compiled


def _rewritten(serialized: bytes, found: dict[int, tuple[str, str]]) -> bytes:
    fields = celast.fields(serialized)
    return b"".join(_encoded(key, _checked(value, found) if key == 2 else value) for key, value in fields)


def _checked(data: bytes, found: dict[int, tuple[str, str]]) -> bytes:
    fresh = _Ids()
    parts = [_encoded(key, _node(value, found, fresh) if key == 4 else value) for key, value in celast.fields(data)]
    references = [
        _encoded(2, _encoded(1, number) + _encoded(2, _encoded(3, overload.encode())))
        for number, overload in fresh.given.items()
    ]
    return b"".join(references + parts)


class _Ids:
    """Ids of nodes that are new, with what they call."""

    def __init__(self) -> None:
        self.given: dict[int, str] = {}

    def new(self, overload: str) -> int:
        number = 1_000_000 + len(self.given)
        self.given[number] = overload
        return number


def _node(data: bytes, found: dict[int, tuple[str, str]], fresh: _Ids) -> bytes:
    number, made = 0, b""
    for key, value in celast.fields(data):
        if key == 2:
            number = value
        elif key in _CHILDREN:
            value = b"".join(
                _encoded(inner, _node(part, found, fresh) if inner in _CHILDREN[key] else part)
                for inner, part in celast.fields(value)
            )
        elif key == _MAP:
            value = b"".join(
                _encoded(inner, _entry(part, found, fresh) if inner == 2 else part)
                for inner, part in celast.fields(value)
            )
        made += _encoded(key, value)
    if number not in found:
        return made
    function, overload = found[number]
    call = _encoded(2, function.encode()) + _encoded(3, made)
    return _encoded(2, fresh.new(overload)) + _encoded(6, call)


def _entry(data: bytes, found: dict[int, tuple[str, str]], fresh: _Ids) -> bytes:
    return b"".join(
        _encoded(key, _node(value, found, fresh) if key in _ENTRIES else value) for key, value in celast.fields(data)
    )


def _encoded(key: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(key << 3) + _varint(value)
    return _varint(key << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
