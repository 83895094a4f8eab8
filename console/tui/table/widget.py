"""The table on the screen: draws only lines that changed, and moves the cursor before anything else happens.

A Line-API widget, because a repaint must cost about a millisecond however many rows there are. Strips are cached by
what they show; `flush` refreshes the visible lines among the changed ones.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from rich.segment import Segment
from textual import events
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from common.api.meta import Key
from common.clock import Clock
from console.tui.palette import Look
from console.views.status import Tone

from . import paint
from .layout import Placed, place
from .model import Change, Row, TableModel

HEADER_LINES = 1
Notice = Sequence[tuple[str, Tone]]


class Table(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows a `TableModel`. The owner feeds it with `update` and calls `flush` a few times a second."""

    class Moved(Message):
        """The cursor is on another row, or on none."""

        def __init__(self, row: Row | None) -> None:
            super().__init__()
            self.row = row

    class Opened(Message):
        """A row was chosen with the mouse."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    def __init__(
        self,
        model: TableModel,
        clock: Clock,
        look: Look,
        *,
        id: str | None = None,  # noqa: A002
        classes: str = "",
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.model = model
        self.wide = False
        self._clock = clock
        self._look = look
        self._placed: tuple[Placed, ...] = ()
        self._placed_for: tuple[object, ...] = ()
        self._strips: LRUCache[tuple[object, ...], Strip] = LRUCache(1024)
        self._dirty: set[Key] = set()
        self._notice: Notice = ()
        self._lives: dict[int, tuple[str, ...]] = {}
        self._announced: tuple[Key, int] | None = None

    # Data in

    def show(self, model: TableModel) -> None:
        """Show another model from its top (or where its cursor is)."""
        self.model = model
        self._placed, self._placed_for = (), ()  # those of another kind's columns mean nothing here
        self._strips.clear()
        self._dirty.clear()
        self.model.settle()
        self._resized()
        self.scroll_to(y=0, animate=False)
        self._follow_cursor()
        self.refresh()
        self._announce()

    def set_notice(self, notice: Notice) -> None:
        """What to say when there is no row."""
        if notice != self._notice:
            self._notice = notice
            if not self.model.rows:
                self.refresh()

    def update(self, changes: Iterable[Change]) -> None:
        self._dirty |= self.model.apply(changes, self._clock.now())

    def refigure(self, keys: Iterable[Key]) -> None:
        """Other figures are known of these objects."""
        self._dirty |= self.model.refigure(keys)

    def catch_up(self, most: int) -> None:
        """Read rows whose text is late and decides what is shown."""
        self.model.catch_up(most, self._clock.now())

    def flush(self) -> None:
        """Draw what changed since the last call, as far as it is visible."""
        if self.model.settle():
            self._resized()
            self._follow_cursor()
            self.refresh()
        elif self._dirty:
            self._refresh_rows()
        self._dirty.clear()
        self._announce()

    def _refresh_rows(self) -> None:
        if self._layout() != self._placed_for:
            self.refresh()
            return
        for line, row in enumerate(self._visible()):
            if row.key in self._dirty:
                self.refresh(Region(0, line + HEADER_LINES, self.size.width, 1))

    def tick(self) -> None:
        """Redraw the visible rows whose ages read differently now: all of them when one needs more room."""
        now = self._clock.now()
        live = [place.index for place in self._placed if self.model.columns[place.index].live]
        for line, row in enumerate(self._visible()):
            text = paint.live_text(row, self.model.columns, self._placed, now)
            if self._lives.get(line) != text:
                self.model.make_room(live, text)
                self.refresh(Region(0, line + HEADER_LINES, self.size.width, 1))
        if live and self._layout() != self._placed_for:
            self.refresh()

    def announce_again(self) -> None:
        """Tell where the cursor is to those who want to hear it anew, because they have another width now."""
        self._announced = None
        self._announce()

    def _announce(self) -> None:
        row = self.model.current()
        mark = (row.key, row.version) if row else None
        if mark != self._announced:
            self._announced = mark
            self.post_message(self.Moved(row))

    # Cursor

    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height - HEADER_LINES)

    def _visible(self) -> list[Row]:
        top = self.scroll_offset.y
        return self.model.rows[top : top + self._page()]

    def navigate(self, where: str) -> None:
        """Move the cursor: up, down, top, bottom, page-up, page-down."""
        model = self.model
        page = self._page()
        steps = {
            "up": model.cursor - 1,
            "down": model.cursor + 1,
            "top": 0,
            "bottom": len(model) - 1,
            "page-up": model.cursor - page,
            "page-down": model.cursor + page,
        }
        self.move_to(steps[where])

    def move_to(self, index: int) -> None:
        before = self.model.cursor
        if self.model.move_to(index):
            self._refresh_index(before)
            self._refresh_index(self.model.cursor)
            self._follow_cursor()
            self._announce()

    def redraw_cursor(self) -> None:
        self._refresh_index(self.model.cursor)

    def _refresh_index(self, index: int) -> None:
        line = index - self.scroll_offset.y + HEADER_LINES
        if HEADER_LINES <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def _follow_cursor(self) -> None:
        top, page = self.scroll_offset.y, self._page()
        cursor = self.model.cursor
        if cursor < top:
            self.scroll_to(y=cursor, animate=False)
        elif cursor >= top + page:
            self.scroll_to(y=cursor - page + 1, animate=False)

    # Drawing

    def _resized(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self.model.rows) + HEADER_LINES)

    def on_resize(self, _event: events.Resize) -> None:
        self._resized()
        self._follow_cursor()

    def _layout(self) -> tuple[object, ...]:
        palette = self._look.palette.name
        return (self.scrollable_content_region.width, self.wide, tuple(self.model.widths), id(self.model), palette)

    def _place(self) -> None:
        layout = self._layout()
        if layout == self._placed_for:
            return
        self._placed_for = layout
        self._strips.clear()
        width = self.scrollable_content_region.width
        self._placed = place(self.model.columns, self.model.widths, width, wide=self.wide)

    def render_lines(self, crop: Region) -> list[Strip]:
        self._read_visible()
        return super().render_lines(crop)

    def _read_visible(self) -> None:
        """Text that is late is made before any line is drawn: it may need other widths of columns."""
        now = self._clock.now()
        for row in self._visible():
            if row.late:
                self.model.read(row, now)
        if self._placed_for and self._layout() != self._placed_for:
            self.refresh()

    def render_line(self, y: int) -> Strip:
        self._place()
        width = self.size.width
        if y == 0 and self.model.rows:
            model = self.model
            titles = paint.header(model.columns, self._placed, self._look, model.sort_by, model.descending)
            return self._strip(titles, width, selected=False)
        index = self.scroll_offset.y + y - HEADER_LINES
        if 0 <= index < len(self.model.rows):
            return self._row_strip(index, y, width)
        return self._notice_strip(y, width)

    def _row_strip(self, index: int, y: int, width: int) -> Strip:
        row = self.model.rows[index]
        now = self._clock.now()
        selected, marked = index == self.model.cursor, row.key in self.model.marks
        live = paint.live_text(row, self.model.columns, self._placed, now)
        self._lives[y - HEADER_LINES] = live
        cache_key = (row.key, row.version, selected, marked, width, live)
        strip = self._strips.get(cache_key)
        if strip is None:
            segments = paint.row(
                row, self.model.columns, self._placed, self._look, now, selected=selected, marked=marked
            )
            strip = self._strip(segments, width, selected=selected)
            self._strips[cache_key] = strip
        return strip

    def _strip(self, segments: list[Segment], width: int, *, selected: bool) -> Strip:
        palette = self._look.palette
        style = (palette.cursor_styles if selected else palette.styles)[Tone.TEXT]
        return Strip(segments).adjust_cell_length(width, style)

    def _notice_strip(self, y: int, width: int) -> Strip:
        styles = self._look.palette.styles
        lines = self._wrapped_notice(width) if not self.model.rows else []
        first = 3
        if not first <= y < first + len(lines):
            return Strip.blank(width, styles[Tone.TEXT])
        text, tone = lines[y - first]
        return Strip([Segment(f"   {text}", styles[tone])]).adjust_cell_length(width, styles[Tone.TEXT])

    def _wrapped_notice(self, width: int) -> Notice:
        """Lines that are too long go on below, under the text of a numbered step."""
        found: list[tuple[str, Tone]] = []
        for text, tone in self._notice:
            indent = "   " if text[:1].isdigit() else ""
            parts = textwrap.wrap(text, max(width - 6, 20), subsequent_indent=indent, drop_whitespace=True)
            found += [(part, tone) for part in parts or [""]]
        return found

    # Mouse

    def on_click(self, event: events.Click) -> None:
        index = self.scroll_offset.y + event.y - HEADER_LINES
        if event.y >= HEADER_LINES and index < len(self.model.rows):
            self.move_to(index)
            if event.chain > 1:
                self.post_message(self.Opened(self.model.rows[index]))
