"""Lines of coloured text: pieces with a tone each, and the widget that shows such lines without any markup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from console.tui.palette import Look
from console.views.status import Status, Tone

Span: TypeAlias = tuple[str, Tone]
Line: TypeAlias = Sequence[Span]


def width_of(line: Iterable[Span]) -> int:
    return sum(cell_len(text) for text, _ in line)


def state_span(status: Status, look: Look) -> Span:
    """A status as its glyph and its word."""
    glyph = look.glyphs.get(status.tone, "")
    return (f"{glyph} {status.word}".strip(), status.tone)


def justified(left: Line, right: Line, width: int) -> list[Span]:
    """Left and right part of one line; the left one is cut when they do not both fit."""
    room = width - width_of(right)
    kept = cut_line(left, room - 1 if right else room)
    return [*kept, (" " * max(room - width_of(kept), 0), Tone.TEXT), *right]


def cut_line(line: Line, width: int) -> list[Span]:
    kept: list[Span] = []
    for text, tone in line:
        room = width - width_of(kept)
        if cell_len(text) > room:
            if room > 0:
                kept.append((set_cell_size(text, room), tone))
            break
        kept.append((text, tone))
    return kept


def make_strip(line: Line, styles: Mapping[Tone, Style], width: int) -> Strip:
    """The line in exactly `width` cells."""
    segments = [Segment(text, styles[tone]) for text, tone in line if text]
    return Strip(segments).adjust_cell_length(width, styles[Tone.TEXT])


class SpanLines(Widget):
    """Shows lines as they are; `set_lines` repaints only when they differ."""

    def __init__(self, look: Look, *, id: str | None = None, classes: str | None = None, panel: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.lines: list[Line] = []
        self._look = look
        self._panel = panel

    def set_lines(self, lines: Sequence[Line]) -> None:
        fresh: list[Line] = [list(line) for line in lines]
        if fresh != self.lines:
            self.lines = fresh
            self.refresh()

    def fit_lines(self, lines: Sequence[Line]) -> None:
        """Show lines, and be as high as they are many."""
        self.styles.height = max(len(lines), 1)
        self.set_lines(lines)

    def render_line(self, y: int) -> Strip:
        line = self.lines[y] if y < len(self.lines) else ()
        return make_strip(line, self._styles_worn(), self.size.width)

    def _styles_worn(self) -> Mapping[Tone, Style]:
        palette = self._look.palette
        return palette.panel_styles if self._panel else palette.styles
