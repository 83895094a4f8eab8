"""Rules in CEL (`x-kubernetes-validations`): compiled once with their schema, evaluated for each write.

The evaluator is the package `cel-expr-python`. On machines that it does not exist for, definitions with rules are
accepted with a warning that says that the rules are not enforced: refusing them would keep out operators whose rules
only repeat what they check themselves.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common.api.meta import Object
from common.errors import Cause
from console.registry.validation import shown

from . import celast, celcost, celfunctions, celshapes, celtimes
from .celast import Tree
from .celshapes import Shape
from .fieldnames import escape
from .values import ABSENT, child_of, counterparts

RULES = "x-kubernetes-validations"
NOT_ENFORCED = "x-kubernetes-validations are not enforced: the package cel-expr-python is not installed"
_UNCHECKED = (
    'Invalid value: "null": some validation rules were not checked because the object was invalid; correct the '
    "existing errors to complete validation"
)
_BLOCKING = frozenset({"FieldValueRequired", "FieldValueTypeInvalid", "FieldValueTooLong", "FieldValueTooMany"})
REASONS = {
    "FieldValueForbidden": "Forbidden",
    "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
    "FieldValueInvalid": "Invalid value",
}
CALL_COST = 1_000_000
"""Kubernetes' limit for evaluating one rule once: about a tenth of a second."""
OBJECT_COST = 10_000_000
"""Its limit for all rules of one object."""
_LEAST_COST = 400  # of an evaluation, which takes 20 µs and more here even when the rule is nothing
OLD_SELF = re.compile(r"\boldSelf\b")
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Cost:
    """What evaluating a rule may cost: `most` by its schema, or as worked out for a value."""

    most: int
    tree: Tree
    shape: Shape

    def of(self, value: Any) -> int:
        return celcost.estimate(self.tree, variables(celshapes.of_value(value, self.shape)))


class _Budget:
    """What the rules of one object may cost together. As long as there is enough for the most that they may cost, no
    value is looked at; from then on there is as much again for what they cost by their values."""

    def __init__(self) -> None:
        self._ahead = self._left = OBJECT_COST

    def take(self, cost: Cost | None, value: Any) -> int:
        """What the next evaluation costs."""
        most = max(_LEAST_COST if cost is None else cost.most, _LEAST_COST)
        if most <= min(CALL_COST, self._ahead):
            self._ahead -= most
            return most
        spent = max(_LEAST_COST if cost is None else cost.of(value), _LEAST_COST)
        self._left -= spent
        return spent

    @property
    def is_overdrawn(self) -> bool:
        return self._left < 0


def variables(shape: Shape) -> dict[str, Shape]:
    """What the expressions of a rule may name."""
    return {"self": shape, "oldSelf": shape, celfunctions.BEFORE: celshapes.listed(shape, 1)}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, compiled; `message` is the expression that makes its message, if any. One that does not compile, as it
    was written when nothing could, has an `error` instead: no object passes it."""

    source: Object
    expression: Any = None
    message: Any = None
    error: str = ""
    cost: Cost | None = None

    @property
    def is_transition(self) -> bool:
        """Whether it compares with what was before, and so says nothing of a new value."""
        return OLD_SELF.search(str(self.source["rule"])) is not None


@dataclass(frozen=True, slots=True)
class Node:
    """The rules of one place in a schema, and those below it."""

    schema: Object
    rules: tuple[Rule, ...]
    fields: dict[str, Node]
    items: Node | None  # of a list's elements, or of a map's values


def is_available() -> bool:
    return celfunctions.environment() is not None


def has_rules(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(has_rules(item) for item in schema)
    if not isinstance(schema, dict):
        return False
    return bool(schema.get(RULES)) or any(has_rules(item) for item in schema.values())


def compile_rules(schema: Object) -> Node | None:
    """The rules of a schema that was checked; None when it has none or nothing can evaluate them."""
    return _compile(schema, root=True) if is_available() else None


def _compile(schema: Object, *, root: bool = False) -> Node | None:
    found = schema.get(RULES) or ()
    shape = (celshapes.of_schema(schema, root=root) if found else None) or celshapes.DYN
    rules = tuple(_rule(source, shape) for source in found)
    fields = {name: node for name, child in (schema.get("properties") or {}).items() if (node := _compile(child))}
    below = schema.get("items") or schema.get("additionalProperties")
    items = _compile(below) if isinstance(below, dict) else None
    return Node(schema, rules, fields, items) if rules or fields or items else None


def _rule(source: Object, shape: Shape) -> Rule:
    try:
        compiled = _expression(text_of(source, "rule"), shape)
        said = _expression(text_of(source, "messageExpression"), shape) if source.get("messageExpression") else None
    except RuntimeError as error:
        return Rule(source, error=str(error))
    return Rule(source, compiled, said, cost=_cost(celast.parse(compiled.serialize()), shape))


def _expression(text: str, shape: Shape) -> Any:
    environment = celfunctions.environment()
    compiled = environment.compile(text)
    try:
        return celtimes.with_times(environment, compiled, variables(shape))
    except celcost.UndefinedField:
        return compiled  # it was accepted when nobody looked: evaluating it fails there, and says so


def _cost(tree: Tree, shape: Shape) -> Cost | None:
    try:
        return Cost(celcost.estimate(tree, variables(shape)), tree, shape)
    except celcost.UndefinedField:
        return None


def text_of(source: Object, field: str) -> str:
    """An expression; where the old value is optional, `oldSelf` stands for the optional of it."""
    text = str(source[field])
    return OLD_SELF.sub(celfunctions.OPTIONAL_OLD_SELF, text) if source.get("optionalOldSelf") else text


def evaluate(node: Node | None, value: Any, old: Any, causes: list[Cause]) -> list[Cause]:
    """What the rules have against a value. `causes` are what its schema has against it: where they say that parts are
    missing or of a wrong type, rules are not asked."""
    if node is None:
        return []
    if any(cause.kind in _BLOCKING for cause in causes):
        return [Cause("<nil>", _UNCHECKED)]
    found: list[Cause] = []
    try:
        found.extend(_evaluate(node, value, old, "", _Budget()))
    except _Exceeded as exceeded:
        found.append(exceeded.cause)
    return found


class _Exceeded(Exception):
    """The rules would take too long for this object: nothing more is asked about it."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.message)
        self.cause = cause


def _evaluate(node: Node, value: Any, old: Any, path: str, budget: _Budget) -> Iterator[Cause]:
    if value is None or (old is not ABSENT and old == value and not _has_transitions(node)):
        return
    for rule in node.rules:
        yield from _apply(rule, node.schema, value, old, path, budget)
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for name, item in value.items():
            child = node.fields.get(name) or (node.items if name not in (node.schema.get("properties") or {}) else None)
            if child is not None:
                below = f"{path}.{name}" if path else name
                yield from _evaluate(child, item, before.get(name, ABSENT), below, budget)
    elif isinstance(value, list) and node.items is not None:
        earlier = counterparts(node.schema, old)
        for index, item in enumerate(value):
            yield from _evaluate(node.items, item, earlier(item), f"{path}[{index}]", budget)


def _has_transitions(node: Node) -> bool:
    below = [*node.fields.values(), *([node.items] if node.items else [])]
    return any(rule.is_transition for rule in node.rules) or any(_has_transitions(child) for child in below)


def _apply(rule: Rule, schema: Object, value: Any, old: Any, path: str, budget: _Budget) -> Iterator[Cause]:
    if rule.is_transition and old is ABSENT and not rule.source.get("optionalOldSelf"):
        return
    if not rule.is_transition and old is not ABSENT and old == value:
        return
    if rule.error:
        yield Cause(path or "<nil>", f"Invalid value: {shown(_kind(schema))}: rule compile error: {rule.error}")
        return
    if why := _unaffordable(rule, value, budget):
        raise _Exceeded(Cause(path or "<nil>", f"Invalid value: {shown(_kind(schema))}: {why}"))
    data = {"self": to_cel(schema, value)}
    if rule.is_transition:
        before = [] if old is ABSENT else [to_cel(schema, old)]
        data |= {celfunctions.BEFORE: before} if rule.source.get("optionalOldSelf") else {"oldSelf": before[0]}
    result = rule.expression.eval(data=data)
    found = result.value()
    if found is True:
        return
    kind = _kind(schema)
    text = _said(rule)
    if found is not False:
        yield Cause(path or "<nil>", f"Invalid value: {shown(kind)}: {_error(found)} evaluating rule: {text}")
        return
    if rule.message is not None:
        said = rule.message.eval(data=data)
        made = said.value().strip() if said.type().name().upper() == "STRING" else ""
        text = made if made and "\n" not in made else text
    reason = str(rule.source.get("reason") or "FieldValueInvalid")
    words = REASONS.get(reason, "Invalid value")
    quoted = f": {shown(kind)}" if reason in {"FieldValueInvalid", "FieldValueDuplicate"} else ""
    detail = "" if reason == "FieldValueDuplicate" else f": {text}"
    yield Cause(_place(path, rule.source), f"{words}{quoted}{detail}", reason)


def _unaffordable(rule: Rule, value: Any, budget: _Budget) -> str:
    """Why a rule must not be asked about a value any more; empty when it may."""
    if budget.take(rule.cost, value) > CALL_COST:
        return f"no further validation rules will be run due to call cost exceeds limit for rule: {_said(rule)}"
    if budget.is_overdrawn:
        return "validation failed due to running out of cost budget, no further validation rules will be run"
    return ""


def _said(rule: Rule) -> str:
    return str(rule.source.get("message") or f"failed rule: {str(rule.source['rule']).strip()}")


def _error(found: Any) -> str:
    text = re.sub(r"^[A-Z_]+: ", "", str(found))
    return re.sub(r'^Key not found in map : "(.*)"$', r"no such key: \1", text)


def _place(path: str, source: Object) -> str:
    return f"{path}{source['fieldPath']}".lstrip(".") if source.get("fieldPath") else path or "<nil>"


def _kind(schema: Object) -> str:
    return "" if schema.get("x-kubernetes-int-or-string") else str(schema.get("type") or "")


def to_cel(schema: Object | None, value: Any) -> Any:
    """A value as expressions see it: fields by their escaped names, bytes as such."""
    if schema is None:
        return value
    if isinstance(value, dict):
        known = schema.get("properties") or {}
        return {
            (escape(name) if name in known or schema.get("x-kubernetes-embedded-resource") else name): to_cel(
                child_of(schema, name), item
            )
            for name, item in value.items()
        }
    if isinstance(value, list):
        items = schema.get("items")
        return [to_cel(items if isinstance(items, dict) else None, item) for item in value]
    if schema.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if schema.get("type") == "integer" and isinstance(value, float):
        return int(value)
    return _text(str(schema.get("format", "")), value) if isinstance(value, str) else value


def _text(form: str, value: str) -> Any:
    """Times are texts still, that the conversions of `celtimes` can read."""
    if form == "byte":
        return base64.b64decode(value)
    if form == "date":
        return f"{value}T00:00:00Z"
    if form == "duration":
        sign = -1 if value.startswith("-") else 1
        return f"{sign * sum(float(count) * _SECONDS[unit] for count, unit in _DURATION.findall(value)):.9f}s"
    return value
