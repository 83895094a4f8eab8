"""JSONPath as Kubernetes uses it in printer columns, scale paths and selectable fields.

A path is parsed once and then finds values in any number of objects. What is understood: fields (dotted, with escaped
dots, or quoted in brackets), indices, wildcards, slices, recursive descent and filters of one comparison. Anything else
is refused when the path is parsed, so that a definition with a path that never finds anything is not accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

Step: TypeAlias = Callable[[Any], Iterator[Any]]

_FIELD = re.compile(r"(?:[^.\[\]\\'\"(){}\s]|\\.)+")
_INDEX = re.compile(r"\[(-?\d+)\]")
_SLICE = re.compile(r"\[(-?\d*):(-?\d*)(?::(\d+))?\]")
_QUOTED = re.compile(r"\[(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")\]")
_FILTER = re.compile(r"\[\?\(\s*@(\S*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?)\s*)?\)\]")
_SIMPLE = re.compile(r"(?:\.(?:[A-Za-z0-9_$-]|\\[./-])(?:[A-Za-z0-9_$/-]|\\[./-])*|\['[^']+'\])+")
_LITERALS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A parsed path; `text` is how it was written."""

    text: str
    steps: tuple[Step, ...]

    def find(self, value: Any) -> list[Any]:
        """All values at the path, in order; empty when there are none."""
        found = [value]
        for step in self.steps:
            found = [item for each in found for item in step(each)]
        return found

    def first(self, value: Any) -> Any:
        """The first value at the path, None when there is none."""
        return next(iter(self.find(value)), None)


def parse(text: str) -> JsonPath:
    """The path of a text such as `.status.conditions[?(@.type=="Ready")].status`, with or without braces. Raises
    ValueError."""
    source = text.strip()
    if source.startswith("{") and source.endswith("}"):
        source = source[1:-1].strip()
    position = 1 if source.startswith("$") else 0
    steps: list[Step] = []
    while position < len(source):
        step, position = _next(source, position)
        if step is not None:
            steps.append(step)
    return JsonPath(text, tuple(steps))


def is_simple(text: str) -> bool:
    """Whether the path is a chain of fields from the root, without lists, filters and wildcards."""
    return _SIMPLE.fullmatch(text) is not None


def fields(text: str) -> tuple[str, ...]:
    """The field names of a simple path; ValueError when it is none."""
    if not is_simple(text):
        raise ValueError(f"{text!r} is no simple path: a chain of fields such as .spec.replicas is")
    names: list[str] = []
    position = 0
    while position < len(text):
        name, position = _field_at(text, position)
        names.append(name)
    return tuple(names)


def _field_at(text: str, position: int) -> tuple[str, int]:
    quoted = _QUOTED.match(text, position)
    if quoted:
        return _unescaped(quoted[1] if quoted[1] is not None else quoted[2]), quoted.end()
    start = position + 1 if text[position] == "." else position
    named = _FIELD.match(text, start)
    if not named:
        raise ValueError(f"{text!r} is no path: a field name must follow at position {start}")
    return _unescaped(named[0]), named.end()


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _next(source: str, position: int) -> tuple[Step | None, int]:
    """The step that begins at a position, and where the next one begins."""
    if source.startswith("..", position):
        return _descend, position + (1 if source[position + 2 : position + 3] not in {"[", ""} else 2)
    for token, step in ((".*", _wildcard), ("[*]", _wildcard)):
        if source.startswith(token, position):
            return step, position + len(token)
    if source[position] == "." and position + 1 == len(source):
        return None, position + 1
    if source[position] != "[" or _QUOTED.match(source, position):
        name, end = _field_at(source, position)
        return _field(name), end
    return _bracket(source, position)


def _bracket(source: str, position: int) -> tuple[Step, int]:
    if match := _INDEX.match(source, position):
        return _index(int(match[1])), match.end()
    if match := _SLICE.match(source, position):
        bounds = [int(part) if part else None for part in match.groups()]
        return _slice(slice(*bounds)), match.end()
    if match := _FILTER.match(source, position):
        return _filter(parse(match[1]), match[2], match[3]), match.end()
    raise ValueError(f"{source!r} is no path: unexpected {source[position : position + 20]!r} at position {position}")


def _field(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _index(number: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= number < len(value):
            yield value[number]

    return step


def _slice(bounds: slice) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[bounds]

    return step


def _wildcard(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _descend(value: Any) -> Iterator[Any]:
    yield value
    for item in _wildcard(value):
        yield from _descend(item)


def _filter(path: JsonPath, operator: str | None, literal: str | None) -> Step:
    wanted = _literal(literal) if literal is not None else None

    def step(value: Any) -> Iterator[Any]:
        for item in _wildcard(value):
            found = path.find(item)
            if found and (operator is None or _holds(found[0], operator, wanted)):
                yield item

    return step


def _literal(text: str) -> Any:
    if text[:1] in {"'", '"'} and text[-1:] == text[:1] and len(text) > 1:
        return _unescaped(text[1:-1])
    if text in _LITERALS:
        return _LITERALS[text]
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        raise ValueError(f"{text!r} is nothing to compare with: a quoted text, a number, true or false is") from None


def _holds(found: Any, operator: str, wanted: Any) -> bool:
    if isinstance(found, bool) != isinstance(wanted, bool) or isinstance(found, str) != isinstance(wanted, str):
        return operator == "!="
    try:
        return bool(_COMPARISONS[operator](found, wanted))
    except TypeError:
        return False


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
