"""What was worked out for parts of objects that come again: the pods of a workload come from one template, by the
thousand.

A part is looked up by its encoding, which costs a tenth of walking it. That is for answers that depend on the part
alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import orjson

from common.encoding import fitted

FIELD = "spec"
"""What of objects comes again. Nothing else is to be remembered: the data of Secrets stays where it is stored."""
MAX_PART = 16 * 1024  # bytes of an encoded part; larger ones seldom come again
MAX_BYTES = 1024 * 1024  # of all parts together, which is some hundred templates; beyond that all are forgotten

MAX_NOTED = 16 * 1024  # parts of which something is noted, some hundred bytes of memory each

T = TypeVar("T")
_ABSENT: Any = object()


class Recurring(Generic[T]):
    """Answers are shared by all who ask: nobody changes one."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], T] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._known)

    def find(
        self, about: str, part: Any, work: Callable[[Any], T], *, lasts: Callable[[T], bool] = lambda _answer: True
    ) -> T:
        """What `work` makes of the part, or made of an equal one under the same `about`; remembered if it `lasts`. The
        part must be one that JSON can hold."""
        encoded = orjson.dumps(part)
        known = self._known.get((about, encoded), _ABSENT)
        if known is not _ABSENT:
            found: T = known
            return found
        answer = work(part)
        if len(encoded) <= MAX_PART and lasts(answer):
            if self._bytes + len(encoded) > MAX_BYTES:
                self._known.clear()
                self._bytes = 0
            self._known[about, fitted(encoded)] = answer
            self._bytes += len(encoded)
        return answer


class Noted:
    """What holds of parts, by the hashes of their encodings: of so many parts as a cluster has pods nothing else can be
    kept."""

    def __init__(self) -> None:
        self._known: set[int] = set()

    def holds(self, about: str, part: Any, test: Callable[[Any], bool]) -> bool:
        """What `test` says of the part; when it said yes before to an equal one under the same `about`, it is not
        asked."""
        digest = hash((about, orjson.dumps(part)))
        if digest in self._known:
            return True
        if not test(part):
            return False
        if len(self._known) >= MAX_NOTED:
            self._known.clear()
        self._known.add(digest)
        return True
