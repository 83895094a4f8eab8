"""Expressions as trees: what the evaluator's parser made of a text. Pure.

The evaluator shows its trees only as a protobuf message (`cel.expr.CheckedExpr`, in an `Any`); its field numbers are
those of the specification of CEL. Macros are expanded in it: `all` and the like are comprehensions.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from console.registry import wire


@dataclass(frozen=True, slots=True)
class Const:
    """A literal: null, a truth value, a number, a text or bytes."""

    id: int
    value: Any


@dataclass(frozen=True, slots=True)
class Ident:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`; with `test` the question `has(operand.field)`."""

    id: int
    operand: Node
    field: str
    test: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator (`_+_`); `target` is what a method is called on."""

    id: int
    function: str
    target: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A list, or a map or message, with all that is said in it."""

    id: int
    is_list: bool
    elements: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """A comprehension over `range`: `step` makes the next of the variable `result_name`, which begins as `start`."""

    id: int
    variables: tuple[str, ...]
    range: Node
    result_name: str
    start: Node
    condition: Node
    step: Node
    result: Node


Node: TypeAlias = Const | Ident | Select | Call | Literal | Loop


@dataclass(frozen=True, slots=True)
class Tree:
    """`places` are offsets in the text by the ids of nodes."""

    root: Node
    places: dict[int, int] = field(default_factory=dict)


def parse(serialized: bytes) -> Tree:
    """The tree of an expression that the evaluator has serialized."""
    (checked,) = _all(serialized, 2)
    (root,) = _all(checked, 4)
    places: dict[int, int] = {}
    for source in _all(checked, 5):
        for entry in _all(source, 4):
            places[_number(entry, 1)] = _number(entry, 2)
    return Tree(_node(root), places)


def children(node: Node) -> Iterator[Node]:
    """The nodes right below."""
    match node:
        case Select(operand=operand):
            yield operand
        case Call(target=target, arguments=arguments):
            if target is not None:
                yield target
            yield from arguments
        case Literal(elements=elements):
            yield from elements
        case Loop():
            yield from (node.range, node.start, node.condition, node.step, node.result)


def _node(data: bytes) -> Node:
    found = dict(fields(data))
    number = int(found.get(2, 0))
    if 4 in found:
        return Ident(number, _text(found[4], 1))
    if 5 in found:
        return Select(number, _node(_one(found[5], 1)), _text(found[5], 2), bool(_number(found[5], 3)))
    if 6 in found:
        target = [_node(part) for part in _all(found[6], 1)]
        arguments = tuple(_node(part) for part in _all(found[6], 3))
        return Call(number, _text(found[6], 2), target[0] if target else None, arguments)
    if 7 in found:
        return Literal(number, True, tuple(_node(part) for part in _all(found[7], 1)))
    if 8 in found:
        said = [part for entry in _all(found[8], 2) for key in (3, 4) for part in _all(entry, key)]
        return Literal(number, False, tuple(_node(part) for part in said))
    if 9 in found:
        names = tuple(name for name in (_text(found[9], 1), _text(found[9], 8)) if name)
        over, start, condition, step, result = (_node(_one(found[9], key)) for key in (2, 4, 5, 6, 7))
        return Loop(number, names, over, _text(found[9], 3), start, condition, step, result)
    return Const(number, _constant(found.get(3, b"")))


def _constant(data: bytes) -> Any:
    for key, value in fields(data):
        match key:
            case 2:
                return bool(value)
            case 3:
                return value - 2**64 if value >= 2**63 else value
            case 5:
                return struct.unpack("<d", value)[0]
            case 6:
                return value.decode()
            case 4 | 7:
                return value
    return None


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and values of the evaluator's own message, whose types are known."""
    return wire.fields(data)


def _all(data: bytes, number: int) -> list[bytes]:
    return [value for key, value in fields(data) if key == number]


def _one(data: bytes, number: int) -> bytes:
    return next(iter(_all(data, number)), b"")


def _text(data: bytes, number: int) -> str:
    return _one(data, number).decode()


def _number(data: bytes, number: int) -> int:
    return next((int(value) for key, value in fields(data) if key == number), 0)
