"""All lines that were read, in bounded memory, and those of them that are shown: of one source, from a level up, with
or without a pattern, JSON spread over lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from console.tui.widgets.buffer import MOST_LINES, Entry, LineBuffer
from console.views.loglines import Level, continues, level_of, pretty

ALL_SOURCES = -1
LEVELS = (Level.UNKNOWN, Level.INFO, Level.WARN, Level.ERROR)
"""From which level up lines are shown, one after the other."""


class LogStore:
    """While all lines are shown as they are, `shown` is `kept`; else it is a buffer of its own. How serious a line is
    is asked only when that matters: of thousands of lines a second few are ever looked at."""

    def __init__(self) -> None:
        self.kept = LineBuffer()
        self.shown = self.kept
        self.only = ALL_SOURCES
        self.level = Level.UNKNOWN
        self.spread = False
        self.filter = ""
        self._pattern: re.Pattern[str] | None = None
        self._levels: dict[int, Level] = {}  # of the last line of each source, while they are asked for

    def extend(self, entries: Iterable[Entry]) -> None:
        found = list(entries)
        self.kept.extend(found)
        if self.shown is not self.kept:
            self.shown.extend(line for entry in found if self._passes(entry) for line in self._lines(entry))

    def clear(self) -> None:
        self.kept.clear()
        self.shown.clear()
        self._levels.clear()

    def show_only(self, source: int) -> None:
        self.only = source
        self._refill()

    def show_from(self, level: Level) -> None:
        self.level = level
        self._refill()

    def show_spread(self, spread: bool) -> None:
        self.spread = spread
        self._refill()

    def show_with(self, text: str) -> str:
        """Only lines with this regular expression, or with `!` before it those without; empty: all. What is wrong with
        it, if anything: then nothing changes."""
        try:
            pattern = re.compile(text.removeprefix("!"), re.IGNORECASE) if text.removeprefix("!") else None
        except re.error as error:
            return f"this filter means nothing: {error}"
        self.filter, self._pattern = text if pattern else "", pattern
        self._refill()
        return ""

    @property
    def narrowed(self) -> bool:
        """Whether something of what was read is not shown."""
        return self._pattern is not None or self.level is not Level.UNKNOWN or self.only != ALL_SOURCES

    def _passes(self, entry: Entry) -> bool:
        """Entries of a source come in their order: what goes on with a line is as serious as that."""
        if self.only not in {ALL_SOURCES, entry.source}:
            return False
        if entry.note:
            return True
        if self.level is not Level.UNKNOWN and self._level_of(entry) < self.level:
            return False
        if self._pattern is None:
            return True
        return (self._pattern.search(entry.text) is None) == self.filter.startswith("!")

    def _level_of(self, entry: Entry) -> Level:
        level = level_of(entry.text)
        if level is Level.UNKNOWN and continues(entry.text):
            level = self._levels.get(entry.source, level)
        self._levels[entry.source] = level
        return level

    def _lines(self, entry: Entry) -> Iterator[Entry]:
        found = pretty(entry.text) if self.spread and not entry.note else None
        if found is None:
            yield entry
            return
        for index, text in enumerate(found):
            yield entry._replace(text=text, more=index > 0)

    def _refill(self) -> None:
        self._levels.clear()
        if not self.narrowed and not self.spread:
            self.shown = self.kept
            return
        passed = [entry for entry in self.kept if self._passes(entry)]
        # From the newest back, as far as the buffer reaches: JSON that has no place is not even looked at.
        found: list[list[Entry]] = []
        count = 0
        while passed and count < MOST_LINES:
            found.append(list(self._lines(passed.pop())))
            count += len(found[-1])
        self.shown = LineBuffer(line for lines in reversed(found) for line in lines)
