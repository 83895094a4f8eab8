"""Lines of text with a bound on their number and size: what a log may cost in memory, whatever is written. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

MOST_LINES = 20_000
MOST_BYTES = 16 * 1024 * 1024  # of text; Python keeps ASCII at a byte a letter
LONGEST = 16 * 1024  # letters of a line that are kept: what engines take for one; the rest is data, not a message


class Entry(NamedTuple):
    """One line. `source` tells streams apart, `time` is RFC 3339 or empty. A `note` is ours, about the source; `more`
    goes on with the entry before."""

    text: str
    source: int = 0
    time: str = ""
    note: bool = False
    more: bool = False


class LineBuffer:
    """Numbers lines for good: `start` rises as old ones are dropped, so that a reader keeps its place."""

    def __init__(self, lines: Iterable[Entry] = (), most_lines: int = MOST_LINES, most_bytes: int = MOST_BYTES) -> None:
        self._entries: deque[Entry] = deque()
        self._most_lines = most_lines
        self._most_bytes = most_bytes
        self._bytes = 0
        self.start = 0
        self.extend(lines)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def end(self) -> int:
        return self.start + len(self._entries)

    def extend(self, entries: Iterable[Entry]) -> None:
        found = list(entries)
        lengths = [len(entry.text) for entry in found]
        if max(lengths, default=0) > LONGEST:
            found = [_cut(entry) for entry in found]
            lengths = [len(entry.text) for entry in found]
        self._entries.extend(found)
        self._bytes += sum(lengths)
        while len(self._entries) > self._most_lines or self._bytes > self._most_bytes:
            self._bytes -= len(self._entries.popleft().text)
            self.start += 1

    def clear(self) -> None:
        self.start = self.end
        self._entries.clear()
        self._bytes = 0

    def get(self, number: int) -> Entry:
        return self._entries[number - self.start]

    def since(self, number: int) -> Iterator[tuple[int, Entry]]:
        """Lines with their numbers, from one on."""
        first = max(number - self.start, 0)
        return enumerate(islice(self._entries, first, None), self.start + first)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __reversed__(self) -> Iterator[Entry]:
        return reversed(self._entries)


def _cut(entry: Entry) -> Entry:
    return entry._replace(text=entry.text[:LONGEST] + " …") if len(entry.text) > LONGEST else entry
