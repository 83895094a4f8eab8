"""Label selectors of query strings (`app=web,tier in (a,b),!old`), read as Kubernetes reads them.

Tokens first, then requirements; what is wrong is said in the words of its parser, which clients show to their users.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn

from .formats import label_value, qualified_name
from .gotext import quoted

_SYMBOLS = "=!(),><"
_OPERATORS = {"in": "In", "notin": "NotIn", "=": "In", "==": "In", "!=": "NotIn", ">": "Gt", "<": "Lt"}
_SPACES = " \t\r\n"
_TOKENS = re.compile(rf"[^{re.escape(_SYMBOLS)}{_SPACES}]+|==|!=|[{re.escape(_SYMBOLS)}]")
_WHOLE = re.compile("[+-]?[0-9]+")
_LIMIT = 2**63
_WRONG_REQUIREMENT = "unable to parse requirement: "
END = ""
"""Stands behind the last token."""

Found = tuple[str, str, tuple[str, ...]]
"""Key, operator (In NotIn Exists DoesNotExist Gt Lt) and values of one requirement."""


def parse(text: str) -> list[Found]:
    """Raises ValueError with what was found and what was expected."""
    reader = _Reader(_TOKENS.findall(text.partition("\0")[0]))
    found: list[Found] = []
    while not reader.at(END):
        if not (reader.at_word or reader.at("!")):
            _refuse(f"found '{reader.next}', expected: !, identifier, or 'end of string'")
        found.append(_requirement(reader))
        separator = reader.take()
        if separator == END:
            break
        if separator != ",":
            _refuse(f"found '{separator}', expected: ',' or 'end of string'")
        if not (reader.at_word or reader.at("!")):
            _refuse(f"found '{reader.next}', expected: identifier after ','")
    return found


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = [*tokens, END]
        self._position = 0

    @property
    def next(self) -> str:
        return self._tokens[self._position]

    def at(self, *tokens: str) -> bool:
        return self.next in tokens

    @property
    def at_word(self) -> bool:
        """At a key or a value, not at a symbol and not at the end."""
        return self.next != END and self.next[0] not in _SYMBOLS

    def take(self) -> str:
        token = self.next
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token


def _refuse(why: str) -> NoReturn:
    raise ValueError(why)


def _wrong(why: str) -> NoReturn:
    raise ValueError(_WRONG_REQUIREMENT + why)


def _requirement(reader: _Reader) -> Found:
    negated = reader.at("!")
    if negated:
        reader.take()
    if not reader.at_word:
        _wrong(f"found '{reader.next}', expected: identifier")
    key = reader.take()
    if problems := qualified_name(key):
        _wrong(f"<nil>: Invalid value: {quoted(key)}: {'; '.join(problems)}")
    if negated or reader.at(END, ","):
        return key, "DoesNotExist" if negated else "Exists", ()
    word = reader.take()
    if word not in _OPERATORS:
        _wrong(f"found '{word}', expected: in, notin, =, ==, !=, gt, lt")
    read: Callable[[_Reader], set[str]] = _set if word in {"in", "notin"} else _single
    values = tuple(sorted(read(reader)))
    if problem := ", ".join(_problems(key, _OPERATORS[word], values)):
        _wrong(problem if problem.count("Invalid value: ") < 2 else f"[{problem}]")
    return key, _OPERATORS[word], values


def _problems(key: str, operator: str, values: tuple[str, ...]) -> list[str]:
    problems = []
    if operator in {"Gt", "Lt"}:
        whole = "for 'Gt', 'Lt' operators, the value must be an integer"
        problems = [f"values[0]: Invalid value: {quoted(value)}: {whole}" for value in values if not _is_whole(value)]
    for index, value in enumerate(values):
        if found := label_value(value):
            problems.append(f"values[{index}][{key}]: Invalid value: {quoted(value)}: {'; '.join(found)}")
    return problems


def _is_whole(text: str) -> bool:
    return _WHOLE.fullmatch(text) is not None and len(text) <= 20 and -_LIMIT <= int(text) < _LIMIT


def _set(reader: _Reader) -> set[str]:
    if not reader.at("("):
        _wrong(f"found '{reader.next}' expected: '('")
    reader.take()
    if reader.at(")"):
        reader.take()
        return {""}
    if not (reader.at_word or reader.at(",")):
        _wrong(f"found '{reader.next}', expected: ',', ')' or identifier")
    values: set[str] = set()
    while not reader.at(")"):
        _element(reader, values)
    reader.take()
    return values


def _element(reader: _Reader, values: set[str]) -> None:
    """One value, or one comma: beside a comma nothing means the empty value."""
    if reader.at_word:
        values.add(reader.take())
        if not reader.at(",", ")"):
            _wrong(f"found '{reader.next}', expected: ',' or ')'")
    elif reader.at(","):
        reader.take()
        if not values or reader.at(")", ","):
            values.add("")
        if not reader.at(","):
            return
        reader.take()
        if not reader.at(")"):
            return
        _wrong("found ')', expected: ',', or identifier")
    else:
        _wrong(f"found '{reader.next}', expected: ',', or identifier")


def _single(reader: _Reader) -> set[str]:
    if reader.at(END, ","):
        return {""}
    if not reader.at_word:
        _wrong(f"found '{reader.next}', expected: identifier")
    return {reader.take()}
