"""A bounded record of what changed, which many readers follow, each from a position of its own."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")
LIMIT = 65536  # entries; who is further behind works everything out anew


class ChangeLog(Generic[T]):
    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._entries: list[T] = []
        self._start = 0

    @property
    def position(self) -> int:
        """The end of the log; rises with every change."""
        return self._start + len(self._entries)

    def since(self, position: int) -> set[T] | None:
        """What changed after `position`, or None when the log does not reach back so far."""
        if position < self._start:
            return None
        return set(self._entries[position - self._start :])

    def add(self, entry: T) -> None:
        self._entries.append(entry)
        if len(self._entries) > self._limit:
            half = len(self._entries) // 2
            del self._entries[:half]
            self._start += half
