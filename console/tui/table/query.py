"""What the `/` prompt means: a regular expression, `/!` its opposite, `/-l` labels, `/-f` letters in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from common.api.selectors import parse as parse_selector

Test = Callable[[str, Mapping[str, str]], bool]
"""Gets a row's lower-case text and its object's labels."""

_PLAIN = re.compile(r"[\w\s/:@,-]*")


@dataclass(frozen=True, slots=True)
class Query:
    """`text` is what was typed; `error` says why it means nothing yet (then every row passes)."""

    text: str = ""
    test: Test | None = None
    error: str = ""

    def matches(self, haystack: str, labels: Mapping[str, str]) -> bool:
        return self.test is None or self.test(haystack, labels)


def parse(text: str) -> Query:
    """The query of a prompt's text; one that cannot be understood has `error` set and filters nothing."""
    try:
        return Query(text, _test(text))
    except (ValueError, re.error) as error:
        return Query(text, None, str(error))


def _test(text: str) -> Test | None:
    if text.startswith("-l"):
        wanted = text.removeprefix("-l").strip()
        selector = parse_selector(wanted)
        return (lambda _row, labels: selector.matches(labels)) if wanted else None
    if text.startswith("-f"):
        wanted = text.removeprefix("-f").strip().lower()
        return (lambda row, _labels: is_subsequence(wanted, row)) if wanted else None
    inverse = text.startswith("!")
    wanted = text.removeprefix("!").lower()
    if not wanted:
        return None
    if _PLAIN.fullmatch(wanted):  # a substring search is ten times quicker than a pattern
        return (lambda row, _labels: wanted not in row) if inverse else (lambda row, _labels: wanted in row)
    search = re.compile(wanted, re.IGNORECASE).search
    return (lambda row, _labels: search(row) is None) if inverse else (lambda row, _labels: search(row) is not None)


def is_subsequence(letters: str, text: str) -> bool:
    """Whether the letters occur in the text in this order, with anything between them."""
    position = -1
    for letter in letters:
        position = text.find(letter, position + 1)
        if position < 0:
            return False
    return True
