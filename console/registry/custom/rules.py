"""Rules in CEL (`x-kubernetes-validations`): compiled once with their schema, evaluated for each write.

The evaluator is the package `cel-expr-python`. On machines that it does not exist for, definitions with rules are
accepted with a warning that says that the rules are not enforced: refusing them would keep out operators whose rules
only repeat what they check themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from common.api.meta import Object, parse_time
from common.errors import Cause
from console.registry.validation import shown

from . import celfunctions
from .values import ABSENT, child_of, counterparts

RULES = "x-kubernetes-validations"
NOT_ENFORCED = "x-kubernetes-validations are not enforced: the package cel-expr-python is not installed"
_UNCHECKED = (
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation"
)
_BLOCKING = frozenset({"FieldValueRequired", "FieldValueTypeInvalid", "FieldValueTooLong", "FieldValueTooMany"})
_REASONS = {
    "FieldValueForbidden": "Forbidden",
    "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
    "FieldValueInvalid": "Invalid value",
}
# Words that a field may be called but an expression cannot say; such fields are written __word__.
_RESERVED = frozenset({
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "return",
})  # fmt: skip
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_OLD_SELF = re.compile(r"\boldSelf\b")
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, compiled; `message` is the expression that makes its message, if any. One that does not compile, as it
    was written when nothing could, has an `error` instead: no object passes it."""

    source: Object
    expression: Any = None
    message: Any = None
    error: str = ""

    @property
    def is_transition(self) -> bool:
        """Whether it compares with what was before, and so says nothing of a new value."""
        return _OLD_SELF.search(str(self.source["rule"])) is not None


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
    """The rules of a schema that `check` has nothing against; None when it has none or nothing can evaluate them."""
    return _compile(schema) if is_available() else None


def _compile(schema: Object) -> Node | None:
    rules = tuple(_rule(source) for source in schema.get(RULES) or ())
    fields = {name: node for name, child in (schema.get("properties") or {}).items() if (node := _compile(child))}
    below = schema.get("items") or schema.get("additionalProperties")
    items = _compile(below) if isinstance(below, dict) else None
    return Node(schema, rules, fields, items) if rules or fields or items else None


def _rule(source: Object) -> Rule:
    environment = celfunctions.environment()
    message = source.get("messageExpression")
    try:
        compiled = environment.compile(_text_of(source, "rule"))
        return Rule(source, compiled, environment.compile(_text_of(source, "messageExpression")) if message else None)
    except RuntimeError as error:
        return Rule(source, error=str(error))


def _text_of(source: Object, field: str) -> str:
    """An expression; where the old value is optional, `oldSelf` stands for the optional of it."""
    text = str(source[field])
    return _OLD_SELF.sub(celfunctions.OPTIONAL_OLD_SELF, text) if source.get("optionalOldSelf") else text


def check(schema: Any, path: str) -> list[Cause]:
    """What is wrong with the rules themselves."""
    if not isinstance(schema, dict):
        return []
    causes: list[Cause] = []
    for index, source in enumerate(schema.get(RULES) or ()):
        causes += _check_rule(source, f"{path}.{RULES}[{index}]")
    for name, child in (schema.get("properties") or {}).items():
        causes += check(child, f"{path}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        causes += check(schema.get(name), f"{path}.{name}")
    return causes


def _check_rule(source: Object, path: str) -> list[Cause]:
    rule = str(source.get("rule", ""))
    if not rule.strip():
        return [Cause(f"{path}.rule", "Required value: rule is not specified", "FieldValueRequired")]
    causes = _check_expression(_text_of(source, "rule"), "BOOL", "a bool", f"{path}.rule")
    if source.get("messageExpression"):
        text = _text_of(source, "messageExpression")
        causes += _check_expression(text, "STRING", "a string", f"{path}.messageExpression")
    reason = source.get("reason")
    if reason and reason not in _REASONS:
        listed = ", ".join(f'"{word}"' for word in _REASONS)
        text = f"Unsupported value: {shown(reason)}: supported values: {listed}"
        causes.append(Cause(f"{path}.reason", text, "FieldValueNotSupported"))
    return causes


def _check_expression(text: str, wanted: str, said: str, path: str) -> list[Cause]:
    environment = celfunctions.environment()
    if environment is None:
        return []
    try:
        kind = environment.compile(text).return_type().name()
    except RuntimeError as error:
        why = str(error).removeprefix("INVALID_ARGUMENT: ").removesuffix(" [INVALID_ARGUMENT]")
        return [Cause(path, f"Invalid value: {shown(text)}: compilation failed: {why}")]
    if kind.upper() in {wanted, "DYN", "ANY"}:
        return []
    return [Cause(path, f"Invalid value: {shown(text)}: cel expression must evaluate to {said}")]


def evaluate(node: Node | None, value: Any, old: Any, causes: list[Cause]) -> list[Cause]:
    """What the rules have against a value. `causes` are what its schema has against it: where they say that parts are
    missing or of a wrong type, rules are not asked."""
    if node is None:
        return []
    if any(cause.kind in _BLOCKING for cause in causes):
        return [Cause("<nil>", _UNCHECKED)]
    return list(_evaluate(node, value, old, ""))


def _evaluate(node: Node, value: Any, old: Any, path: str) -> Iterator[Cause]:
    if value is None or (old is not ABSENT and old == value and not _has_transitions(node)):
        return
    for rule in node.rules:
        yield from _apply(rule, node.schema, value, old, path)
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for name, item in value.items():
            child = node.fields.get(name) or (node.items if name not in (node.schema.get("properties") or {}) else None)
            if child is not None:
                yield from _evaluate(child, item, before.get(name, ABSENT), f"{path}.{name}" if path else name)
    elif isinstance(value, list) and node.items is not None:
        earlier = counterparts(node.schema, old)
        for index, item in enumerate(value):
            yield from _evaluate(node.items, item, earlier(item), f"{path}[{index}]")


def _has_transitions(node: Node) -> bool:
    below = [*node.fields.values(), *([node.items] if node.items else [])]
    return any(rule.is_transition for rule in node.rules) or any(_has_transitions(child) for child in below)


def _apply(rule: Rule, schema: Object, value: Any, old: Any, path: str) -> Iterator[Cause]:
    if rule.is_transition and old is ABSENT and not rule.source.get("optionalOldSelf"):
        return
    if not rule.is_transition and old is not ABSENT and old == value:
        return
    if rule.error:
        yield Cause(path or "<nil>", f"Invalid value: {shown(_kind(schema))}: rule compile error: {rule.error}")
        return
    data = {"self": to_cel(schema, value)}
    if rule.is_transition:
        before = [] if old is ABSENT else [to_cel(schema, old)]
        data |= {celfunctions.BEFORE: before} if rule.source.get("optionalOldSelf") else {"oldSelf": before[0]}
    result = rule.expression.eval(data=data)
    found = result.value()
    if found is True:
        return
    kind = _kind(schema)
    text = str(rule.source.get("message") or f"failed rule: {str(rule.source['rule']).strip()}")
    if found is not False:
        yield Cause(path or "<nil>", f"Invalid value: {shown(kind)}: {_error(found)} evaluating rule: {text}")
        return
    if rule.message is not None:
        said = rule.message.eval(data=data)
        made = said.value().strip() if said.type().name().upper() == "STRING" else ""
        text = made if made and "\n" not in made else text
    reason = str(rule.source.get("reason") or "FieldValueInvalid")
    words = _REASONS.get(reason, "Invalid value")
    quoted = f": {shown(kind)}" if reason in {"FieldValueInvalid", "FieldValueDuplicate"} else ""
    detail = "" if reason == "FieldValueDuplicate" else f": {text}"
    yield Cause(_place(path, rule.source), f"{words}{quoted}{detail}", reason)


def _error(found: Any) -> str:
    text = re.sub(r"^[A-Z_]+: ", "", str(found))
    return re.sub(r'^Key not found in map : "(.*)"$', r"no such key: \1", text)


def _place(path: str, source: Object) -> str:
    return f"{path}{source['fieldPath']}".lstrip(".") if source.get("fieldPath") else path or "<nil>"


def _kind(schema: Object) -> str:
    return "" if schema.get("x-kubernetes-int-or-string") else str(schema.get("type") or "")


def to_cel(schema: Object | None, value: Any) -> Any:
    """A value as expressions see it: fields by their escaped names, times and durations as such."""
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
    if form == "date-time":
        return parse_time(value)
    if form == "duration":
        sign = -1 if value.startswith("-") else 1
        return timedelta(seconds=sign * sum(float(count) * _SECONDS[unit] for count, unit in _DURATION.findall(value)))
    return value


def escape(name: str) -> str:
    """A field's name as expressions write it, by Kubernetes' rules."""
    if name in _RESERVED:
        return f"__{name}__"
    return re.sub(r"__|[./-]", lambda found: _ESCAPES[found[0]], name)
