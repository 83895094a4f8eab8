"""Whether an expression fits the types of what it speaks of: fields that there are not, operators on the wrong types.

The evaluator's checker knows no types of ours. It resolves a chain of names as one variable, though, so each chain that
an expression has (`object.spec.replicas`) is declared with the type that the schema has for it; what the checker then
says is what Kubernetes says. Fields that no schema has are found by walking the chains themselves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from console.registry.schema import Schema

from . import celfunctions
from .fieldnames import escape

_STRING = re.compile(r"\"\"\".*?\"\"\"|'''.*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_CHAIN = re.compile(r"(?<![\w.?])[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)+")
_HAS = re.compile(r"\bhas\(\s*[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)+\s*\)")


@dataclass(frozen=True, slots=True)
class Found:
    """A chain of names in an expression: where it begins, its names, and where the dot before each but the first is."""

    start: int
    names: tuple[str, ...]
    dots: tuple[int, ...]


def type_of(text: str, roots: Mapping[str, Schema], known: Mapping[str, Any]) -> tuple[Any, str]:
    """The type of an expression (None when it has none), and what is wrong with it, empty when nothing is. `roots` are
    the types of variables, `known` those of chains that are no part of them (`variables.x`)."""
    environment = celfunctions.typed({**known, **_declared(text, roots)})
    if environment is None:
        return None, ""
    for chain in _chains(text):
        problem = _undefined(chain, roots)
        if problem:
            return None, placed(text, *problem)
    # A chain that is asked for is no variable: what matters of the question is its type.
    plain = _HAS.sub(lambda found: _padded("true", found[0]), text)
    try:
        return environment.compile(plain).return_type(), ""
    except RuntimeError as error:
        message = str(error).removeprefix("INVALID_ARGUMENT: ").removesuffix(" [INVALID_ARGUMENT]")
        for before, after in zip(plain.split("\n"), text.split("\n"), strict=True):
            message = message.replace(f" | {before}\n", f" | {after}\n")
        return None, message


def undeclared(text: str, root: str, names: Collection[str]) -> str:
    """What is wrong when `root` has no other fields than these, empty when nothing is."""
    for chain in _chains(text):
        if chain.names[0] == root and len(chain.names) > 1 and chain.names[1] not in names:
            return placed(text, f"undefined field '{chain.names[1]}'", chain.dots[0])
    return ""


def _padded(word: str, found: str) -> str:
    """The word in the place of what was found, so that whatever stands behind stays where it is."""
    return word + re.sub(r"[^\n]", " ", found[len(word) :])


def _chains(text: str) -> Iterator[Found]:
    bare = _STRING.sub(lambda found: _padded("''", found[0]), text)
    for found in _CHAIN.finditer(bare):
        dots = [found.start() + index for index, letter in enumerate(found[0]) if letter == "."]
        names = [name.strip() for name in found[0].split(".")]
        if bare[found.end() :].lstrip().startswith("("):  # the last is a function
            names, dots = names[:-1], dots[:-1]
        yield Found(found.start(), tuple(names), tuple(dots))


def _undefined(chain: Found, roots: Mapping[str, Schema]) -> tuple[str, int] | None:
    """The first name that its type has not, and where."""
    kind = roots.get(chain.names[0])
    for name, dot in zip(chain.names[1:], chain.dots, strict=True):
        if kind is None or kind.shape not in {"object", "map"}:
            return None
        below = _field(kind, name)
        if below is None and kind.others is None:
            return f"undefined field '{name}'", dot
        kind = below
    return None


def _field(kind: Schema, name: str) -> Schema | None:
    if kind.shape == "map":
        return kind.items
    return next((child for own, child in kind.properties.items() if own == name or escape(own) == name), None)


def _declared(text: str, roots: Mapping[str, Schema]) -> dict[str, Any]:
    """The type of each chain, and of all that it goes through."""
    found: dict[str, Any] = {}
    for chain in _chains(text):
        kind = roots.get(chain.names[0])
        path = chain.names[0]
        for name in chain.names[1:]:
            kind = None if kind is None or kind.shape not in {"object", "map"} else _field(kind, name)
            if kind is None:
                break
            path = f"{path}.{name}"
            found[path] = kind
    return {path: cel_type(kind) for path, kind in found.items()}


def cel_type(kind: Schema) -> Any:
    types = celfunctions.types()
    match kind.shape:
        case "string":
            special = {"date-time": types.TIMESTAMP, "date": types.TIMESTAMP, "duration": types.DURATION,
                       "byte": types.BYTES}  # fmt: skip
            return special.get(kind.format, types.STRING)
        case "integer":
            return types.INT
        case "number":
            return types.DOUBLE
        case "boolean":
            return types.BOOL
        case "array":
            return types.List(cel_type(kind.items))
        case "map":
            return types.Map(types.STRING, cel_type(kind.items))
    return types.DYN


def placed(text: str, problem: str, offset: int) -> str:
    """A problem with the place in the text that it is about, as the evaluator's own are written."""
    line = text.count("\n", 0, offset)
    column = offset - (text.rfind("\n", 0, offset) + 1)
    return f"ERROR: <input>:{line + 1}:{column + 1}: {problem}\n | {text.splitlines()[line]}\n | {'.' * column}^"
