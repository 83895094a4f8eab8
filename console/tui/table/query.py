"""What the `/` prompt means: a regular expression, `/!` its opposite, `/-l` labels, `/-f` letters in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from common.api.meta import Object, labels
from common.api.selectors import parse as parse_selector


class Searchable(Protocol):
    """A row: its text in lower case, and its object."""

    hay: str
    obj: Object


R = TypeVar("R", bound=Searchable)
Test = Callable[[Searchable], bool]

_PLAIN = re.compile(r"[\w\s/:@,-]*")


@dataclass(frozen=True, slots=True)
class Query:
    """`text` is what was typed; `error` says why it means nothing yet (then every row passes)."""

    text: str = ""
    wanted: str = ""
    test: Test | None = None
    error: str = ""

    @property
    def filters(self) -> bool:
        return bool(self.wanted) or self.test is not None

    def keep(self, rows: Sequence[R]) -> list[R]:
        """The rows that pass, in their order. Plain text is looked for here, ten times quicker than by a call."""
        if self.wanted:
            wanted = self.wanted
            return [row for row in rows if wanted in row.hay]
        test = self.test
        return list(rows) if test is None else [row for row in rows if test(row)]


def parse(text: str) -> Query:
    """The query of a prompt's text; one that cannot be understood has `error` set and filters nothing."""
    if text[:1] not in {"!", "-"} and _PLAIN.fullmatch(text):
        return Query(text, text.lower())
    try:
        return Query(text, test=_test(text))
    except (ValueError, re.error) as error:
        return Query(text, error=str(error))


def _test(text: str) -> Test | None:
    if text.startswith("-l"):
        wanted = text.removeprefix("-l").strip()
        selector = parse_selector(wanted)
        return (lambda row: selector.matches(labels(row.obj))) if wanted else None
    if text.startswith("-f"):
        wanted = text.removeprefix("-f").strip().lower()
        return (lambda row: is_subsequence(wanted, row.hay)) if wanted else None
    inverse = text.startswith("!")
    wanted = text.removeprefix("!")
    if not wanted:
        return None
    search = re.compile(wanted, re.IGNORECASE).search
    return (lambda row: search(row.hay) is None) if inverse else (lambda row: search(row.hay) is not None)


def is_subsequence(letters: str, text: str) -> bool:
    """Whether the letters occur in the text in this order, with anything between them."""
    position = -1
    for letter in letters:
        position = text.find(letter, position + 1)
        if position < 0:
            return False
    return True
