"""What evaluating an expression may cost, and which fields it asks for that there are not. Pure.

The units and weights are those of CEL's cost model as Kubernetes uses it: a step is one unit, ten letters that are
looked through are one, a loop costs its body times its length. From the limits in a schema comes the worst case of a
rule, for which it may be refused; from the sizes in an object comes what a rule would cost there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from .celast import Call, Const, Ident, Literal, Loop, Node, Select, Tree
from .celshapes import DYN, SCALAR, Shape, listed, text

LETTER, PATTERN = 0.1, 0.25
_LIST, _MAP = 10, 30  # of making one
_INDEXED = frozenset({"_[_]", "_[?_]", "_?._"})
_BOTH = frozenset({"_&&_", "_||_"})
_COMPARED = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"})
_SEARCHED = frozenset({"matches", "find", "findAll"})
_SAME = frozenset({"orValue", "value", "optional.of", "optional.ofNonZeroValue", "lowerAscii", "upperAscii", "trim",
                   "substring", "replace", "dyn", "string"})  # fmt: skip
_READ = frozenset({"lowerAscii", "upperAscii", "trim", "substring", "replace", "split", "quantity", "isQuantity", "url",
                   "isURL", "ip", "isIP", "cidr", "isCIDR", "charAt", "indexOf", "lastIndexOf", "format"})  # fmt: skip
_FOLDED = frozenset({"isSorted", "sum", "min", "max", "indexOf", "lastIndexOf", "join"})


@dataclass(frozen=True, slots=True)
class Value:
    shape: Shape
    cost: int


class UndefinedField(Exception):
    """An expression asks for a field that its type does not have; `node` is the id of where."""

    def __init__(self, name: str, node: int) -> None:
        super().__init__(f"undefined field '{name}'")
        self.node = node


def estimate(tree: Tree, variables: Mapping[str, Shape]) -> int:
    """The greatest cost of an expression. Raises UndefinedField."""
    return _Walk().visit(tree.root, variables).cost


def shapes(tree: Tree, variables: Mapping[str, Shape]) -> dict[int, Shape]:
    """The shapes of the fields and elements that an expression reads, by the ids of the nodes that do. Raises
    UndefinedField."""
    walk = _Walk()
    walk.visit(tree.root, variables)
    return walk.read


class _Walk:
    """One way through a tree."""

    def __init__(self) -> None:
        self.read: dict[int, Shape] = {}
        self._shapes: dict[int, Shape] = {}  # of all nodes that were visited

    def visit(self, node: Node, known: Mapping[str, Shape]) -> Value:
        value = self._visit(node, known)
        self._shapes[node.id] = value.shape
        return value

    def _visit(self, node: Node, known: Mapping[str, Shape]) -> Value:
        match node:
            case Const(value=value):
                return Value(text(len(value)) if isinstance(value, str) else SCALAR, 0)
            case Ident(name=name):
                return self._reading(node.id, known.get(name, DYN), 1)
            case Select():
                operand = self.visit(node.operand, known)
                shape = _field(operand.shape, node.field, node.id)
                if node.test:
                    return Value(SCALAR, operand.cost)
                return self._reading(node.id, shape, operand.cost + 1)
            case Literal():
                values = [self.visit(item, known) for item in node.elements]
                cost = sum(value.cost for value in values) + (_LIST if node.is_list else _MAP)
                items = _widest([value.shape for value in values])
                return Value(listed(items, len(values)) if node.is_list else DYN, cost)
            case Loop():
                return self._loop(node, known)
        return self._call(node, known)

    def _reading(self, node: int, shape: Shape, cost: int) -> Value:
        self.read[node] = shape
        return Value(shape, cost)

    def _loop(self, loop: Loop, known: Mapping[str, Shape]) -> Value:
        over, start = self.visit(loop.range, known), self.visit(loop.start, known)
        items = over.shape.items or DYN
        key = text(items.size) if over.shape.kind in {"map", "dyn"} else SCALAR
        named = (key, items) if len(loop.variables) > 1 else (key if over.shape.kind == "map" else items,)
        inner = {**known, **dict(zip(loop.variables, named, strict=False)), loop.result_name: start.shape}
        condition, step = self.visit(loop.condition, inner), self.visit(loop.step, inner)
        made = self._collected(loop.step, loop.result_name)
        shape = listed(made, over.shape.size) if made is not None else start.shape
        result = self.visit(loop.result, {**known, loop.result_name: shape})
        rounds = over.shape.size * (condition.cost + step.cost)
        return Value(result.shape, over.cost + start.cost + rounds + result.cost)

    def _collected(self, step: Node, result: str) -> Shape | None:
        """What `map` and `filter` gather: the element that a step, visited already, appends to the result."""
        if isinstance(step, Call) and step.function == "_?_:_":
            return self._collected(step.arguments[1], result)
        if isinstance(step, Call) and step.function == "_+_" and len(step.arguments) == 2:
            first, second = step.arguments
            if first == Ident(first.id, result) and isinstance(second, Literal) and second.is_list and second.elements:
                return self._shapes[second.elements[0].id]
        return None

    def _call(self, call: Call, known: Mapping[str, Shape]) -> Value:
        if call.function == "_?_:_":
            condition, yes, no = (self.visit(item, known) for item in call.arguments)
            # Of a choice between something and nothing the something counts.
            shape = no.shape if yes.shape is DYN else yes.shape
            return Value(shape, condition.cost + max(yes.cost, no.cost))
        parts = ((call.target,) if call.target is not None else ()) + call.arguments
        values = [self.visit(item, known) for item in parts]
        below = sum(value.cost for value in values)
        if call.function in _BOTH:
            return Value(SCALAR, below)
        shape, own = _own(call, [value.shape for value in values])
        if call.function == "_[_]":
            return self._reading(call.id, shape, below + own)
        return Value(shape, below + own)


def _field(shape: Shape, name: str, node: int) -> Shape:
    if shape.kind == "object":
        if name not in shape.fields:
            raise UndefinedField(name, node)
        return shape.fields[name]
    return shape.items if shape.kind == "map" and shape.items is not None else DYN


def _widest(shapes: list[Shape]) -> Shape:
    return max(shapes, key=lambda shape: shape.size, default=DYN)


def _element(call: Call, of: Shape) -> Shape:
    last = call.arguments[-1]
    if of.kind == "object" and isinstance(last, Const):
        return _field(of, str(last.value), call.id)
    return of.items or DYN


def _own(call: Call, shapes: list[Shape]) -> tuple[Shape, int]:
    """The shape of what a function gives, and what it costs beside its arguments."""
    name, first = call.function, shapes[0] if shapes else DYN
    if name in _INDEXED:
        return _element(call, first), 1
    if name == "_+_" and len(shapes) == 2:
        sizes = first.size + shapes[1].size
        if first.kind in {"string", "list"}:
            return Shape(first.kind, sizes, items=first.items), ceil(sizes * LETTER)
    elif name == "@in":
        return SCALAR, shapes[1].size if shapes[1].kind == "list" else 1
    elif name in _COMPARED:
        return SCALAR, max(ceil(min(shape.size for shape in shapes) * LETTER), 1)
    elif name == "contains" and len(shapes) == 2:
        return SCALAR, ceil(first.size * LETTER) * ceil(shapes[1].size * LETTER)
    elif name in {"startsWith", "endsWith"} and len(shapes) == 2:
        return SCALAR, ceil(shapes[1].size * LETTER)
    elif name in _SEARCHED and len(shapes) > 1:
        pattern = max(ceil(shapes[1].size * PATTERN), 1)
        return (first if name == "find" else SCALAR), ceil((first.size + 1) * LETTER) * pattern
    elif name in _FOLDED and first.kind == "list":
        return (first.items or DYN), max(first.size, 1)
    elif name in _READ:
        read = ceil(first.size * LETTER)
        return (listed(first, first.size) if name == "split" else first if name in _SAME else SCALAR), max(read, 1)
    return (first if name in _SAME else DYN if name != "size" else SCALAR), 1
