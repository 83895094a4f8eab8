"""Lines of text with a bound on their number and size: what a log may cost in memory, whatever is written. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

MOST_LINES = 20_000
MOST_BYTES = 16 * 1024 * 1024  # of text; Python keeps ASCII at a byte a letter
LONGEST = 4096  # letters of a line that are kept; the rest of such a line is data, not a message


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `source` tells streams apart, `time` is RFC 3339 or empty."""

    text: str
    source: int = 0
    time: str = ""


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
        for entry in entries:
            kept = entry
            if len(entry.text) > LONGEST:
                kept = Entry(entry.text[:LONGEST] + " …", entry.source, entry.time)
            self._entries.append(kept)
            self._bytes += len(kept.text)
        while len(self._entries) > self._most_lines or self._bytes > self._most_bytes:
            self._bytes -= len(self._entries.popleft().text)
            self.start += 1

    def clear(self) -> None:
        self.start = self.end
        self._entries.clear()
        self._bytes = 0

    def get(self, number: int) -> Entry:
        return self._entries[number - self.start]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def find(self, test: Callable[[str], bool], after: int, *, backwards: bool = False) -> int | None:
        """The next line that passes, from `after` on (not itself), around the end; None when there is none."""
        count = len(self._entries)
        if not count:
            return None
        numbers = list(range(self.start, self.end))
        at = min(max(after - self.start, -1 if not backwards else 0), count)
        order = numbers[at + 1 :] + numbers[: at + 1]
        if backwards:
            order = list(reversed(numbers[:at])) + list(reversed(numbers[at:]))
        entries = list(self._entries)
        return next((number for number in order if test(entries[number - self.start].text)), None)
