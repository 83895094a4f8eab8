"""Label and field selectors, in both of the forms that the API has: objects and query strings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_KEY = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?"
_TERMS = (
    (re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})"), "equality"),
    (re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)"), "set"),
    (re.compile(rf"({_KEY})\s*(>|<)\s*(-?\d+)"), "order"),
    (re.compile(rf"(!?)\s*({_KEY})"), "existence"),
)
_SPLIT = re.compile(r",(?![^()]*\))")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label. Operators: In NotIn Exists DoesNotExist Gt Lt; the last two compare integers."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
        return _compares(value, self.operator, self.values)


def _compares(value: str | None, operator: str, values: tuple[str, ...]) -> bool:
    if value is None or len(values) != 1:
        return False
    try:
        left, right = int(value), int(values[0])
    except ValueError:
        return False
    return left > right if operator == "Gt" else left < right


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must hold; no requirement selects everything. `NOTHING` selects nothing."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        return not self.nothing and all(requirement.matches(labels) for requirement in self.requirements)

    @property
    def is_empty(self) -> bool:
        return not self.nothing and not self.requirements


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)


def from_labels(match_labels: Mapping[str, str] | None) -> Selector:
    """A plain map of labels, as Services have. None selects nothing, as a Service without selector does."""
    if match_labels is None:
        return NOTHING
    return Selector(tuple(Requirement(key, "In", (value,)) for key, value in sorted(match_labels.items())))


def from_label_selector(selector: Mapping[str, Any] | None) -> Selector:
    """A `metav1.LabelSelector`: None selects nothing, an empty one everything."""
    if selector is None:
        return NOTHING
    expressions = selector.get("matchExpressions") or ()
    requirements = [
        *from_labels(selector.get("matchLabels") or {}).requirements,
        *(Requirement(term["key"], term["operator"], tuple(term.get("values") or ())) for term in expressions),
    ]
    return Selector(tuple(requirements))


def parse(text: str) -> Selector:
    """A label selector of a query string (`app=web,tier in (a,b),!old`); ValueError names the term that is wrong."""
    terms = [term.strip() for term in _SPLIT.split(text)] if text.strip() else []
    return Selector(tuple(_requirement(term) for term in terms))


def _requirement(term: str) -> Requirement:
    for pattern, form in _TERMS:
        match = pattern.fullmatch(term)
        if match is None:
            continue
        first, second, *rest = match.groups()
        if form == "equality":
            return Requirement(first, "NotIn" if second == "!=" else "In", (rest[0],))
        if form == "set":
            values = tuple(value.strip() for value in rest[0].split(","))
            return Requirement(first, "In" if second == "in" else "NotIn", values)
        if form == "order":
            return Requirement(first, "Gt" if second == ">" else "Lt", (rest[0],))
        return Requirement(second, "DoesNotExist" if first else "Exists")
    raise ValueError(f"unable to parse requirement: {term!r}; allowed: key=value, key!=value, key in (a,b), key, !key")


def parse_fields(text: str) -> list[tuple[str, str, bool]]:
    """A field selector as (path, value, equal) terms; ValueError names the term that is wrong."""
    terms: list[tuple[str, str, bool]] = []
    for term in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", term)
        if match is None:
            raise ValueError(f"invalid selector: '{text}'; can't understand '{term}'")
        terms.append((match[1].strip(), match[3].strip(), match[2] != "!="))
    return terms


# Where fields that can be selected by are kept, in order, when not under their own names.
_PLACES = {"status.successful": ("status.succeeded",)}
# What Go has in them when nothing was said.
_ABSENT = {
    "spec.hostNetwork": "false", "spec.unschedulable": "false", "status.replicas": "0", "status.successful": "0",
}  # fmt: skip


def field_value(obj: Mapping[str, Any], path: str) -> str:
    """The value at a dotted path as field selectors compare it: what Go has when it is absent, Go-style booleans."""
    for place in _PLACES.get(path, (path,)):
        value: Any = obj
        for part in place.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is not None and value != "":
            return str(value)
    return _ABSENT.get(path, "")


def matches_fields(
    obj: Mapping[str, Any],
    terms: Sequence[tuple[str, str, bool]],
    read: Callable[[Any, str], str] = field_value,
) -> bool:
    """`read` gives the value of a field, where it is not simply what is at its path."""
    return all((read(obj, path) == value) is equal for path, value, equal in terms)
