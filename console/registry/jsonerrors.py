"""Why a text is no JSON, in the words of Go's reader: what clients of Kubernetes are shown, and sometimes look for.

Only texts that were refused already come here; reading what is right is for a faster library.
"""

from __future__ import annotations

import re
from typing import NoReturn

from common.api import gotext

_SPACES = re.compile(rb"[ \t\r\n]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_DIGITS = re.compile(rb"[0-9]*")
_HEXADECIMAL = re.compile(rb"[0-9a-fA-F]*")
_LITERALS = {b"t": b"true", b"f": b"false", b"n": b"null"}
_END = "unexpected end of JSON input"
_ENDS = {b"{": b"}", b"[": b"]"}
_NUMBER, _FRACTION, _EXPONENT = (
    "in numeric literal", "after decimal point in numeric literal", "in exponent of numeric literal",
)  # fmt: skip
_CODE, _HEXADECIMAL_CODE = "in string escape code", "in \\u hexadecimal character escape"
_IN_WORDS = frozenset({_NUMBER, _FRACTION, _EXPONENT, _CODE, _HEXADECIMAL_CODE})
_MAX_DEPTH = 10_000


class _Wrong(Exception):
    """The text ends being JSON here."""


def syntax_error(text: bytes) -> str:
    """What is wrong with a text; empty when nothing is."""
    try:
        _Scanner(text).document()
    except _Wrong as error:
        return str(error)
    return ""


class _Scanner:
    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0

    def document(self) -> None:
        open_ones: list[bytes] = []
        awaits_value = True
        while awaits_value or open_ones:
            awaits_value = self._value(open_ones) if awaits_value else self._behind_value(open_ones)
        self._skip()
        if self._at < len(self._text):
            self._refuse("after top-level value")

    def _value(self, open_ones: list[bytes]) -> bool:
        """One value, or the beginning of one that has others in it: whether the first of these comes now."""
        self._skip()
        first = self._peek()
        if first in (b"{", b"["):
            return self._beginning(first, open_ones)
        if first == b'"':
            self._string()
        elif first == b"-" or first.isdigit():
            self._number()
        elif first in _LITERALS:
            self._literal(_LITERALS[first])
        else:
            self._refuse("looking for beginning of value")
        return False

    def _beginning(self, first: bytes, open_ones: list[bytes]) -> bool:
        open_ones.append(first)
        if len(open_ones) > _MAX_DEPTH:
            self._refuse("exceeded max depth")
        self._at += 1
        self._skip()
        if self._peek() == _ENDS[first]:
            self._at += 1
            open_ones.pop()
            return False
        if first == b"{":
            self._key()
        return True

    def _behind_value(self, open_ones: list[bytes]) -> bool:
        """A comma, behind which a value comes, or the end of what is open."""
        self._skip()
        found = self._peek()
        if found == _ENDS[open_ones[-1]]:
            self._at += 1
            open_ones.pop()
            return False
        if found != b",":
            self._refuse("after object key:value pair" if open_ones[-1] == b"{" else "after array element")
        self._at += 1
        if open_ones[-1] == b"{":
            self._key()
        return True

    def _key(self) -> None:
        self._skip()
        if self._peek() != b'"':
            self._refuse("looking for beginning of object key string")
        self._string()
        self._skip()
        if self._peek() != b":":
            self._refuse("after object key")
        self._at += 1

    def _string(self) -> None:
        self._at += 1
        while True:
            self._run(_PLAIN)
            found = self._peek()
            if found == b'"':
                self._at += 1
                return
            if found != b"\\":
                self._refuse("in string literal")
            self._at += 1
            if self._peek() == b"u":
                self._escape()
            elif self._peek() and self._peek() in b'"\\/bfnrt':
                self._at += 1
            else:
                self._refuse(_CODE)

    def _escape(self) -> None:
        self._at += 1
        start = self._at
        self._run(_HEXADECIMAL)
        self._at = min(self._at, start + 4)
        if self._at < start + 4:
            self._refuse(_HEXADECIMAL_CODE)

    def _number(self) -> None:
        if self._peek() == b"-":
            self._at += 1
            self._require_digit(_NUMBER)
        if self._peek() == b"0":
            self._at += 1
        else:
            self._run(_DIGITS)
        if self._peek() == b".":
            self._at += 1
            self._require_digit(_FRACTION)
            self._run(_DIGITS)
        if self._peek() in (b"e", b"E"):
            self._at += 1
            if self._peek() in (b"+", b"-"):
                self._at += 1
            self._require_digit(_EXPONENT)
            self._run(_DIGITS)

    def _require_digit(self, where: str) -> None:
        if not self._peek().isdigit():
            self._refuse(where)

    def _literal(self, word: bytes) -> None:
        for index in range(1, len(word)):
            self._at += 1
            if self._peek() != word[index : index + 1]:
                self._refuse(f"in literal {word.decode()} (expecting {_shown(word[index : index + 1])})")
        self._at += 1

    def _skip(self) -> None:
        self._run(_SPACES)

    def _run(self, pattern: re.Pattern[bytes]) -> None:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _peek(self) -> bytes:
        return self._text[self._at : self._at + 1]

    def _refuse(self, where: str) -> NoReturn:
        """Go looks at a space behind the end, which is no part of a word that has begun."""
        found = self._peek() or (b" " if where in _IN_WORDS or where.startswith("in literal") else b"")
        raise _Wrong(f"invalid character {_shown(found)} {where}" if found else _END)


def _shown(letter: bytes) -> str:
    """A byte in single quotes; beyond ASCII as the letter of that number."""
    if letter == b"'":
        return "'\\''"
    text = letter.decode("latin-1")
    return f"'{text}'" if text == '"' else f"'{gotext.quoted(text)[1:-1]}'"
