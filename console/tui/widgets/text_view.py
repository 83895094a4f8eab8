"""Text that scrolls: descriptions, YAML and logs. A Line-API widget that draws only what is on the screen."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.tui.palette import Look
from console.views.status import Tone

from .buffer import Entry, LineBuffer
from .spans import Line

Paint = Callable[[Entry], Line]
"""Colours one line of the buffer."""


def plain(entry: Entry) -> Line:
    return [(entry.text, Tone.TEXT)]


class TextView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows a buffer; `following` keeps the end in sight until somebody scrolls up."""

    def __init__(self, buffer: LineBuffer, look: Look, paint: Paint = plain, *, wrap: bool = False) -> None:
        super().__init__(id="text")
        self.buffer = buffer
        self.following = False
        self.wrap = wrap
        self.pattern: re.Pattern[str] | None = None
        self._hit = -1
        # Numbers of lines with a hit, and up to which line they were looked for: a log that grows is not searched
        # again.
        self._hits: deque[int] = deque()
        self._searched = 0
        self._look = look
        self._paint = paint
        # With wrapping: the first row of each line, counted from when this began, and how many of them are of lines
        # that were dropped since; they are cut off together, now and then.
        self._firsts: list[int] = []
        self._gone = 0
        self._next_row = 0
        self._first_line = buffer.start
        self._wrapped_for: tuple[int, bool] | None = None

    # Rows: a line is one row, or several when it is wrapped

    def _width(self) -> int:
        return max(8, self.scrollable_content_region.width - 1)

    def _height_of(self, entry: Entry) -> int:
        if not self.wrap:
            return 1
        return max(1, -(-sum(cell_len(text) for text, _ in self._paint(entry)) // self._width()))

    def measure(self) -> None:
        """Count rows again after the buffer, the width or the wrapping changed."""
        state = (self._width() if self.wrap else 0, self.wrap)
        went = self.buffer.start - self._first_line  # lines, or their rows
        if state != self._wrapped_for:
            self._wrapped_for = state
            self._firsts, self._gone, self._next_row = [], 0, 0
            went = 0
        if self.wrap:
            went = self._wrap_news(went)
        self._first_line = self.buffer.start
        if went and not self.following:
            self.scroll_to(y=max(0, self.scroll_offset.y - went), animate=False, force=True)
        self._find_hits()
        self.virtual_size = Size(self.scrollable_content_region.width, self._rows)

    def _wrap_news(self, went: int) -> int:
        """Count the rows of lines that came; how many rows the lines had that went."""
        zero = self._zero
        self._gone = min(self._gone + went, len(self._firsts))
        rows = self._zero - zero
        for _, entry in self.buffer.since(self.buffer.start + len(self._firsts) - self._gone):
            self._firsts.append(self._next_row)
            self._next_row += self._height_of(entry)
        if self._gone > len(self.buffer):
            del self._firsts[: self._gone]
            self._gone = 0
        return rows

    @property
    def _zero(self) -> int:
        """The row of the first line that is there still, on the scale that only grows."""
        return self._firsts[self._gone] if self._gone < len(self._firsts) else self._next_row

    @property
    def _rows(self) -> int:
        return self._next_row - self._zero if self.wrap else len(self.buffer)

    def _row_of(self, number: int) -> int:
        """The first row of a line, from the top of what is there."""
        index = number - self.buffer.start
        return self._firsts[self._gone + index] - self._zero if self.wrap else index

    def _line_at(self, row: int) -> tuple[int, int]:
        """The line of a row, and which of its rows that is."""
        if not self.wrap:
            return self.buffer.start + row, 0
        place = row + self._zero
        at = bisect_right(self._firsts, place, lo=self._gone) - 1
        return self.buffer.start + at - self._gone, place - self._firsts[at]

    def grown(self) -> None:
        """The buffer changed: show it."""
        self.measure()
        if self.following:
            self.scroll_to(y=self._rows, animate=False, force=True)
        self.refresh()

    def repaint(self) -> None:
        """Lines are painted differently from now on, so that wrapped ones may need other rows."""
        self._wrapped_for = None
        self.grown()

    def show(self, buffer: LineBuffer, paint: Paint) -> None:
        """Show another text from its top."""
        self.buffer, self._paint = buffer, paint
        self._first_line, self._wrapped_for = buffer.start, None
        self._forget_hits()
        self.grown()

    def on_resize(self, _event: events.Resize) -> None:
        self.grown()

    # Moving

    def navigate(self, where: str) -> None:
        page = max(1, self.scrollable_content_region.height - 1)
        steps = {"up": -1, "down": 1, "page-up": -page, "page-down": page, "top": -self._rows, "bottom": self._rows}
        target = max(0, min(self.scroll_offset.y + steps[where], self._last_top()))
        self.following = self.following and target >= self._last_top()
        self.scroll_to(y=target, animate=False, force=True)

    def _last_top(self) -> int:
        return max(0, self._rows - self.scrollable_content_region.height)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.following = False

    def set_wrap(self, wrap: bool) -> None:
        self.wrap = wrap
        self.grown()

    # Searching

    def search(self, text: str) -> str:
        """Mark a regular expression and go to its first hit from here; returns what is wrong, if anything."""
        self._hit = self._top_line() - 1
        self._forget_hits()
        if not text:
            self.pattern = None
            self.refresh()
            return ""
        try:
            self.pattern = re.compile(text, re.IGNORECASE)
        except re.error as error:
            return f"this search means nothing: {error}"
        self._find_hits()
        self.refresh()
        return "" if self.next_hit() else f"no line has {text!r}"

    def _forget_hits(self) -> None:
        self._hits.clear()
        self._searched = self.buffer.start

    def _find_hits(self) -> None:
        """Look for hits in lines that came, and forget those of lines that went."""
        while self._hits and self._hits[0] < self.buffer.start:
            self._hits.popleft()
        if self.pattern is None:
            return
        search = self.pattern.search
        self._hits.extend(number for number, entry in self.buffer.since(self._searched) if search(entry.text))
        self._searched = self.buffer.end

    def next_hit(self, *, backwards: bool = False) -> bool:
        """Go to the next line with a hit, around the end; whether there is one."""
        if not self._hits:
            return False
        numbers = list(self._hits)
        at = bisect_left(numbers, self._hit) - 1 if backwards else bisect_right(numbers, self._hit) % len(numbers)
        found = self._hit = numbers[at]
        self.following = False
        row = self._row_of(found)
        height = self.scrollable_content_region.height
        if not self.scroll_offset.y <= row < self.scroll_offset.y + height:
            self.scroll_to(y=max(0, row - height // 3), animate=False, force=True)
        self.refresh()
        return True

    def hits(self) -> int:
        """How many lines have a hit."""
        return len(self._hits)

    def _top_line(self) -> int:
        return self._line_at(min(self.scroll_offset.y, self._rows - 1))[0] if self._rows else self.buffer.start

    # Drawing

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        style = self._look.palette.styles[Tone.TEXT]
        row = self.scroll_offset.y + y
        if row >= self._rows:
            return Strip.blank(width, style)
        number, part = self._line_at(row)
        strip = self._line_strip(self.buffer.get(number))
        if self.wrap:
            strip = strip.crop(part * self._width(), (part + 1) * self._width())
        lead = self._look.cursor_bar if number == self._hit and self.pattern is not None else " "
        styles = self._look.palette.styles
        return Strip([Segment(lead, styles[Tone.KEY]), *strip]).adjust_cell_length(width, style)

    def _line_strip(self, entry: Entry) -> Strip:
        styles = self._look.palette.styles
        segments = [Segment(text, styles[tone]) for text, tone in self._paint(entry) if text]
        strip = Strip(segments)
        if self.pattern is None:
            return strip
        text = strip.text
        for match in self.pattern.finditer(text):
            start, end = cell_len(text[: match.start()]), cell_len(text[: match.end()])
            if end > start:
                middle = strip.crop(start, end).text
                hit = Strip([Segment(middle, self._look.palette.found)])
                strip = Strip.join([strip.crop(0, start), hit, strip.crop(end)])
        return strip
