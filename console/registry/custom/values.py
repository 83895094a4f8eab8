"""Whether an object fits its structural schema, in Kubernetes' field paths and words.

Validation ratchets: a part of an object that an update leaves as it was is not held against the update, so that a
schema can be tightened while objects of the older one are still there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.validation import shown

from . import formats, patterns

ABSENT: Any = object()
"""In place of an old value that there is none of (null is a value)."""
_COMPOSITE = "<nil>"


def validate(schema: Object, value: Any, old: Any = ABSENT, path: str = "") -> list[Cause]:
    """Every wrong field of a value that has been pruned and defaulted; `old` is what it replaces."""
    if old is not ABSENT and old == value:
        return []
    kind = json_type(value)
    causes = _validate_type(schema, value, kind, path)
    if causes or (value is None and schema.get("nullable")):
        return causes
    causes += _enum(schema, value, path)
    causes += _BY_TYPE.get(kind, _nothing)(schema, value, path)
    if kind == "object":
        causes += _children_of_object(schema, value, old, path)
    elif kind == "array":
        causes += _children_of_array(schema, value, old, path)
    return causes + _composite(schema, value, path)


def json_type(value: Any) -> str:
    """What JSON calls the type of a value; a number without a fraction is an integer."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return {dict: "object", list: "array", str: "string", int: "integer"}.get(type(value), "null")


def _types(schema: Object) -> tuple[str, ...]:
    if schema.get("x-kubernetes-int-or-string"):
        return ("integer", "string")
    named = schema.get("type")
    return (str(named),) if named else ()


def _validate_type(schema: Object, value: Any, kind: str, path: str) -> list[Cause]:
    allowed = _types(schema)
    if not allowed or kind in allowed or (kind == "integer" and "number" in allowed):
        return _format(schema, value, kind, path)
    if value is None and schema.get("nullable"):
        return []
    return [_wrong_type(path, ",".join(allowed), kind)]


def _wrong_type(path: str, wanted: str, found: str) -> Cause:
    name = path or "<nil>"
    text = f"Invalid value: {shown(found)}: {path} in body must be of type {wanted}: {shown(found)}"
    return Cause(name, text, "FieldValueTypeInvalid")


def _format(schema: Object, value: Any, kind: str, path: str) -> list[Cause]:
    name = str(schema.get("format", ""))
    if kind == "string":
        check = formats.FORMATS.get(name)
        if check is not None and not check(value):
            text = f"Invalid value: {shown(value)}: {path} in body must be of type {name}: {shown(value)}"
            return [Cause(path, text, "FieldValueTypeInvalid")]
    elif kind == "integer" and name in {"int32", "int64"}:
        limit = 2 ** (int(name[3:]) - 1)
        if not -limit <= value < limit:
            return [_invalid(path, value, f"should be of type integer and format {name}")]
    return []


def _invalid(path: str, value: Any, what: str) -> Cause:
    return validation.wrong(path or _COMPOSITE, value, f"{path} in body {what}")


def _enum(schema: Object, value: Any, path: str) -> list[Cause]:
    allowed = schema.get("enum")
    if allowed is None or any(_same(value, item) for item in allowed):
        return []
    listed = ", ".join(shown(item if isinstance(item, str) else shown(item)) for item in allowed)
    text = f"Unsupported value: {shown(value)}: supported values: {listed}"
    return [Cause(path or _COMPOSITE, text, "FieldValueNotSupported")]


def _same(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _nothing(_schema: Object, _value: Any, _path: str) -> list[Cause]:
    return []


def _number(schema: Object, value: float, path: str) -> list[Cause]:
    causes = []
    lowest, highest, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if highest is not None and (value > highest or (schema.get("exclusiveMaximum") and value == highest)):
        word = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        causes.append(_invalid(path, value, f"should be {word} {_go(highest)}"))
    if lowest is not None and (value < lowest or (schema.get("exclusiveMinimum") and value == lowest)):
        word = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        causes.append(_invalid(path, value, f"should be {word} {_go(lowest)}"))
    if step and not float(value / step).is_integer():
        causes.append(_invalid(path, value, f"should be a multiple of {_go(step)}"))
    return causes


def _go(number: float) -> str:
    """A number as Go prints it: without a fraction that says nothing."""
    return str(int(number)) if float(number).is_integer() else str(number)


def _string(schema: Object, value: str, path: str) -> list[Cause]:
    causes = []
    shortest, longest, expression = schema.get("minLength"), schema.get("maxLength"), schema.get("pattern")
    if longest is not None and len(value) > longest:
        causes.append(validation.too_long(path, longest))
    if shortest is not None and len(value) < shortest:
        causes.append(_invalid(path, value, f"should be at least {shortest} chars long"))
    if expression and not patterns.matches(expression, value):
        causes.append(_invalid(path, value, f"should match '{expression}'"))
    return causes


def _object(schema: Object, value: Object, path: str) -> list[Cause]:
    causes = []
    fewest, most = schema.get("minProperties"), schema.get("maxProperties")
    if most is not None and len(value) > most:
        causes.append(validation.too_many(path or _COMPOSITE, len(value), most))
    if fewest is not None and len(value) < fewest:
        causes.append(_invalid(path, value, f"should have at least {fewest} properties"))
    missing = [name for name in schema.get("required") or () if name not in value]
    return causes + [validation.required(f"{path}.{name}" if path else name) for name in missing]


def _array(schema: Object, value: list[Any], path: str) -> list[Cause]:
    fewest, most = schema.get("minItems"), schema.get("maxItems")
    if most is not None and len(value) > most:
        return [validation.too_many(path, len(value), most)]
    if fewest is not None and len(value) < fewest:
        return [_invalid(path, len(value), f"should have at least {fewest} items")]
    return []


_BY_TYPE: dict[str, Callable[[Object, Any, str], list[Cause]]] = {
    "integer": _number,
    "number": _number,
    "string": _string,
    "object": _object,
    "array": _array,
}


def child_of(schema: Object, name: str) -> Object | None:
    """The schema of a field of an object; None when nothing is said about it."""
    found = (schema.get("properties") or {}).get(name)
    if found is None:
        found = schema.get("additionalProperties")
    return found if isinstance(found, dict) else None


def _children_of_object(schema: Object, value: Object, old: Any, path: str) -> list[Cause]:
    causes: list[Cause] = []
    before = old if isinstance(old, dict) else {}
    for name, item in value.items():
        child = child_of(schema, name)
        if child is not None:
            causes += validate(child, item, before.get(name, ABSENT), f"{path}.{name}" if path else name)
    return causes


def _children_of_array(schema: Object, value: list[Any], old: Any, path: str) -> list[Cause]:
    items = schema.get("items")
    if not isinstance(items, dict):
        return []
    before = counterparts(schema, old)
    causes: list[Cause] = []
    for index, item in enumerate(value):
        causes += validate(items, item, before(item), f"{path}[{index}]")
    return causes


def counterparts(schema: Object, old: Any) -> Callable[[Any], Any]:
    """From an element of a list to the element that it replaces: only lists of type map know that."""
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(old, list):
        return lambda _item: ABSENT

    def key(item: Any) -> str:
        return shown([item.get(name) for name in keys]) if isinstance(item, dict) else ""

    known = {key(item): item for item in old}
    return lambda item: known.get(key(item), ABSENT)


def _composite(schema: Object, value: Any, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for part in schema.get("allOf") or ():
        causes += validate(part, value, path=path)
    if causes:
        causes.append(_rule(path, "must validate all the schemas (allOf)"))
    choices = schema.get("anyOf")
    if choices:
        failures = [validate(part, value, path=path) for part in choices]
        if all(failures):
            causes += [_rule(path, "must validate at least one schema (anyOf)"), *min(failures, key=len)]
    choices = schema.get("oneOf")
    if choices:
        causes += _one_of([validate(part, value, path=path) for part in choices], path)
    forbidden = schema.get("not")
    if isinstance(forbidden, dict) and not validate(forbidden, value, path=path):
        causes.append(_rule(path, "must not validate the schema (not)"))
    return causes


def _one_of(failures: list[list[Cause]], path: str) -> list[Cause]:
    valid = sum(not failed for failed in failures)
    rule = "must validate one and only one schema (oneOf)"
    if valid == 1:
        return []
    if valid:
        return [_rule(path, f"{rule}. Found {valid} valid alternatives")]
    return [_rule(path, f"{rule}. Found none valid"), *min(failures, key=len)]


def _rule(path: str, what: str) -> Cause:
    return validation.wrong(_COMPOSITE, "", f"{shown(path)} {what}")
