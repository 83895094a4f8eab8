"""Label and field selectors, in both of the forms that the API has: objects and query strings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import labelqueries

_ESCAPED = re.compile(r"\\(.)|([,=\\])", re.DOTALL)
_SPECIAL = re.compile(r"[,=\\]")
_TERM = re.compile(r"(?:[^\\,]|\\.?)+", re.DOTALL)  # up to the next comma that no backslash stands before
_OPERATION = re.compile("(.*?)(!=|==|=)(.*)", re.DOTALL)


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
    """A label selector of a query string (`app=web,tier in (a,b),!old`); ValueError says what is wrong."""
    return Selector(tuple(Requirement(*found) for found in labelqueries.parse(text)))


def parse_fields(text: str) -> list[tuple[str, str, bool]]:
    """A field selector as (path, value, equal) terms; ValueError names the term that is wrong. In values `\\` stands
    before a comma, an equals sign or itself."""
    terms: list[tuple[str, str, bool]] = []
    for term in sorted(_TERM.findall(text)):
        match = _OPERATION.fullmatch(term)
        if match is None:
            raise ValueError(f"invalid selector: '{text}'; can't understand '{term}'")
        if match[1] or match[3]:
            terms.append((match[1], _unescaped(match[3]), match[2] != "!="))
    return terms


def field_term(path: str, value: str) -> str:
    """The term of a field selector for objects whose field has the value."""
    return path + "=" + _SPECIAL.sub(r"\\\g<0>", value)


def _unescaped(value: str) -> str:
    def plain(found: re.Match[str]) -> str:
        if found[1] is not None and found[1] in "\\,=":
            return found[1]
        if found[1] is None and found[2] != "\\":
            raise ValueError(f"invalid field selector: unescaped character in value: {ord(found[2])}")
        raise ValueError(f"invalid field selector: invalid escape sequence: {found[0]}")

    return _ESCAPED.sub(plain, value)


# Where fields that can be selected by are kept, in order, when not under their own names.
_PLACES = {"status.successful": ("status.succeeded",), "spec.host": ("spec.nodeName",)}
# What Go has in them when nothing was said.
_ABSENT = {
    "spec.hostNetwork": "false", "spec.unschedulable": "false", "status.replicas": "0", "status.successful": "0",
}  # fmt: skip


def field_value(obj: Mapping[str, Any], path: str) -> str:
    """The value at a dotted path as field selectors compare it: what Go has when it is absent, Go-style booleans;
    lists have none."""
    for place in _PLACES.get(path, (path,)):
        value: Any = obj
        for part in place.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is not None and value != "" and not isinstance(value, list):
            return str(value)
    return _ABSENT.get(path, "")


def matches_fields(
    obj: Mapping[str, Any],
    terms: Sequence[tuple[str, str, bool]],
    read: Callable[[Any, str], str] = field_value,
) -> bool:
    """`read` gives the value of a field, where it is not simply what is at its path."""
    return all((read(obj, path) == value) is equal for path, value, equal in terms)
