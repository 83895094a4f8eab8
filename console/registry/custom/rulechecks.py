"""What may be wrong with the rules of a definition (`x-kubernetes-validations`), in Kubernetes' words. Pure.

A rule must compile, ask only for fields that there are, compare with the old value only where that can be found again,
and stay within a budget in the worst case that its schema allows.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from common.api import jsonpath
from common.api.meta import Object
from common.errors import Cause
from console.registry.schema import Schema
from console.registry.validation import forbidden, required, unsupported, wrong

from . import celast, celcost, celfunctions, celshapes, celtypes
from .celast import Tree
from .celshapes import REQUEST_BYTES, Shape
from .rules import OLD_SELF, REASONS, RULES, text_of, variables

RULE_COST, TOTAL_COST = 10_000_000, 100_000_000
"""Kubernetes' limits for one rule and for all of a schema."""
TOLERANCE = 2.0
"""How far beyond them our estimate may go: it is made by the same rules, but is not the same program, and a definition
that Kubernetes takes must not be refused. What is meant to be kept out exceeds them by far."""
_TOTAL = "estimated rule & messageExpression cost total"
_LONGEST_MESSAGE = 2048
_OBJECT_FIELDS: Object = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}},
    },
}
_BREAKS = re.compile(r"[\n\r]")
_LIST_TYPE = "x-kubernetes-list-type"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a schema: its path, how many of it an object may have at most (None: no limit is set), and the list
    within which old values cannot be told apart, if any."""

    path: str
    count: int | None = 1
    uncorrelated: str = ""
    root: bool = False


def check(schema: Object, path: str) -> list[Cause]:
    """What is wrong with the rules of a whole schema."""
    costs: dict[str, int] = {}
    causes = list(_check(schema, Place(path, root=True), costs))
    total = sum(costs.values())
    if total > TOTAL_COST * TOLERANCE:
        said = f"x-kubernetes-validations {_TOTAL} for entire OpenAPIv3 schema"
        dear = sorted(costs, key=lambda one: -costs[one])[:4]
        why = f"contributed to {_TOTAL} exceeding cost limit for entire OpenAPIv3 schema"
        causes += [forbidden(one, why) for one in dear]
        causes.append(forbidden(path, _exceeding(said, total, TOTAL_COST)))
    return causes


def _check(schema: Any, place: Place, costs: dict[str, int]) -> Iterator[Cause]:
    if not isinstance(schema, dict):
        return
    rules = schema.get(RULES) or ()
    shape = celshapes.of_schema(schema, root=place.root) if rules else None
    for index, source in enumerate(rules):
        where = replace(place, path=f"{place.path}.{RULES}[{index}]")
        yield from _check_words(source, schema, where.path)
        yield from _check_rule(source, _whole(schema, root=place.root), shape or celshapes.DYN, where, costs)
    for name, child in (schema.get("properties") or {}).items():
        yield from _check(child, replace(place, path=f"{place.path}.properties[{name}]", root=False), costs)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _check(schema[name], _inside(schema, name, place), costs)


def _whole(schema: Object, *, root: bool) -> Object:
    """A schema with what every object has, where it is about objects."""
    if not root and not schema.get("x-kubernetes-embedded-resource"):
        return schema
    return {**schema, "properties": {**(schema.get("properties") or {}), **_OBJECT_FIELDS}}


def _inside(schema: Object, name: str, place: Place) -> Place:
    limit = schema.get("maxItems" if name == "items" else "maxProperties")
    count = None if limit is None or place.count is None else place.count * int(limit)
    lost = name == "items" and schema.get(_LIST_TYPE) != "map"
    uncorrelated = place.uncorrelated or (place.path if lost else "")
    return Place(f"{place.path}.{name}", count, uncorrelated)


def _check_words(source: Object, schema: Object, path: str) -> Iterator[Cause]:
    rule, message = str(source.get("rule", "")), str(source.get("message") or "")
    if not rule.strip():
        yield required(f"{path}.rule", "rule is not specified")
    elif message and not message.strip():
        yield wrong(f"{path}.message", message, "message must be non-empty if specified")
    elif len(message) > _LONGEST_MESSAGE:
        why = f"message must have a maximum length of {_LONGEST_MESSAGE} characters"
        yield wrong(f"{path}.message", f"{message[:10]}...", why)
    elif _BREAKS.search(message.strip()):
        yield wrong(f"{path}.message", message, "message must not contain line breaks")
    elif _BREAKS.search(rule.strip()) and not message.strip():
        yield required(f"{path}.message", "message must be specified if rule contains line breaks")
    expression = str(source.get("messageExpression") or "")
    if expression and not expression.strip():
        yield required(f"{path}.messageExpression", "messageExpression must be non-empty if specified")
    if source.get("reason") and source["reason"] not in REASONS:
        yield unsupported(f"{path}.reason", source["reason"], sorted(REASONS))
    if source.get("fieldPath"):
        yield from _check_field_path(str(source["fieldPath"]), schema, f"{path}.fieldPath")
    if source.get("optionalOldSelf") is not None and not OLD_SELF.search(rule):
        why = "may not be set if oldSelf is not used in rule"
        yield wrong(f"{path}.optionalOldSelf", source["optionalOldSelf"], why)


def _check_field_path(text: str, schema: Object, path: str) -> Iterator[Cause]:
    if not text.strip():
        yield wrong(path, text, "fieldPath must be non-empty if specified")
        return
    if _BREAKS.search(text):
        yield wrong(path, text, "fieldPath must not contain line breaks")
        return
    try:
        names = jsonpath.fields(text)
    except ValueError:
        yield wrong(path, text, "fieldPath must be a valid path: expected a chain of fields such as .spec.replicas")
        return
    found: Any = schema
    for name in names:
        child = (found.get("properties") or {}).get(name)
        found = child if child is not None else found.get("additionalProperties")
        if not isinstance(found, dict):
            yield wrong(path, text, f"fieldPath must be a valid path: does not refer to a valid field: {name}")
            return


def _check_rule(source: Object, schema: Object, shape: Shape, place: Place, costs: dict[str, int]) -> Iterator[Cause]:
    if celfunctions.environment() is None or not str(source.get("rule", "")).strip():
        return
    where = f"{place.path}.rule"
    tree = yield from _check_expression(text_of(source, "rule"), (schema, shape), "BOOL", "a bool", where)
    if tree is not None:
        cost = celcost.estimate(tree, variables(shape)) * _count(place.count, shape)
        costs[where] = cost
        if cost > RULE_COST * TOLERANCE:
            yield forbidden(where, _exceeding("estimated rule cost", cost, RULE_COST))
    if str(source.get("messageExpression") or "").strip():
        said = f"{place.path}.messageExpression"
        tree = yield from _check_expression(
            text_of(source, "messageExpression"), (schema, shape), "STRING", "a string", said
        )
        if tree is not None:
            costs[said] = celcost.estimate(tree, variables(shape))
    if OLD_SELF.search(str(source["rule"])) and place.uncorrelated:
        why = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {place.uncorrelated}"
        yield wrong(where, source["rule"], why)


def _count(limit: int | None, shape: Shape) -> int:
    """How often a value may be in an object; without limits, as often as it fits into a request."""
    return REQUEST_BYTES // (shape.smallest + 1) if limit is None else limit


def _check_expression(
    text: str, about: tuple[Object, Shape], wanted: str, said: str, path: str
) -> Generator[Cause, None, Tree | None]:
    """What is wrong with an expression; returns its tree when it has one."""
    schema, shape = about
    try:
        compiled = celfunctions.environment().compile(text)
    except RuntimeError as error:
        why = str(error).removeprefix("INVALID_ARGUMENT: ").removesuffix(" [INVALID_ARGUMENT]")
        yield wrong(path, text, f"compilation failed: {why}")
        return None
    tree = celast.parse(compiled.serialize())
    try:
        celcost.estimate(tree, variables(shape))
    except celcost.UndefinedField as error:
        why = celtypes.placed(text, str(error), tree.places.get(error.node, 0))
        yield wrong(path, text, f"compilation failed: {why}")
        return None
    kind, problem = _typed(text, schema)
    if problem:
        yield wrong(path, text, f"compilation failed: {problem}")
        return None
    if any(one.name().upper() not in {wanted, "DYN", "ANY"} for one in (compiled.return_type(), kind)):
        yield wrong(path, text, f"cel expression must evaluate to {said}")
        return None
    return tree


def _typed(text: str, schema: Object) -> tuple[Any, str]:
    """The type of an expression by the types of its fields, and what these are against, empty when they fit."""
    kind = Schema("", schema, schema)
    own = celtypes.cel_type(kind)
    known = {"self": own, "oldSelf": own, celfunctions.BEFORE: celfunctions.types().List(own)}
    return celtypes.type_of(text, {"self": kind, "oldSelf": kind}, known)


def _exceeding(what: str, cost: int, limit: int) -> str:
    factor = cost / limit
    times = "more than 100x" if factor > 100 else f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    return (
        f"{what} exceeds budget by factor of {times} (try simplifying the rule, or adding maxItems, maxProperties, and "
        "maxLength where arrays, maps, and strings are declared)"
    )
