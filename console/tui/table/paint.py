"""Rows as coloured segments. Every segment names its background, so nothing below shines through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.segment import Segment
from rich.style import Style

from console.tui.palette import Look
from console.views.columns import Column
from console.views.status import Status, Tone

from .layout import Placed, fit
from .model import Row

_PLAIN = str.maketrans("█░", "#.")
_TINTED = frozenset({Tone.BUSY, Tone.WARN, Tone.BAD, Tone.DONE, Tone.LEAVING})


def header(
    columns: Sequence[Column], placed: Sequence[Placed], look: Look, sort_by: int, descending: bool
) -> list[Segment]:
    """The line of titles; the one that rows are sorted by is marked."""
    style = look.palette.title
    sorted_style = look.palette.styles[Tone.KEY]
    segments = [Segment("  ", style)]
    for place in placed:
        column = columns[place.index]
        if place.index != sort_by:
            segments.append(Segment(fit(column.title, place.width, look.ellipsis, right=column.right), style))
            segments.append(Segment(" " * place.gap, style))
            continue
        # The arrow stands right behind the title, in the gap when the column is no wider.
        arrow = look.arrow[descending]
        title = fit(column.title, place.width, right=True) + arrow if column.right else column.title + arrow
        segments.append(Segment(fit(title, place.width + max(place.gap, 1)), sorted_style))
    return segments


def row(
    item: Row,
    columns: Sequence[Column],
    placed: Sequence[Placed],
    look: Look,
    now: datetime,
    *,
    selected: bool = False,
    marked: bool = False,
) -> list[Segment]:
    """One row. The cursor is a bar and a background, a mark a glyph: neither is a colour alone."""
    styles = look.palette.cursor_styles if selected else look.palette.styles
    lead = look.cursor_bar if selected else " "
    mark = look.mark if marked else " "
    segments = [Segment(lead, styles[Tone.KEY]), Segment(mark, styles[Tone.KEY])]
    for place in placed:
        column = columns[place.index]
        text, tone = _cell(item, column, place.index, look, now)
        fitted = fit(text, place.width, look.ellipsis, right=column.right, middle=column.flexible and not column.prose)
        segments.append(Segment(fitted, styles[tone]))
        if place.gap:
            segments.append(Segment(" " * place.gap, styles[Tone.TEXT]))
    return segments


def _cell(item: Row, column: Column, index: int, look: Look, now: datetime) -> tuple[str, Tone]:
    value = column.value(item.obj, now) if column.live else item.cells[index]
    if isinstance(value, Status):
        glyph = look.glyphs.get(value.tone, " ")
        return f"{glyph} {value.word}", value.tone
    if look.ascii:
        value = value.translate(_PLAIN)
    if column.tone is not None:
        return value, column.tone(item.obj)
    if column.title == "NAME":
        return value, item.tone if item.tone in _TINTED else Tone.BRIGHT
    return value, Tone.TEXT


def live_text(item: Row, columns: Sequence[Column], placed: Sequence[Placed], now: datetime) -> tuple[str, ...]:
    """The texts of a row that change with time alone: a strip is stale when these differ."""
    return tuple(str(columns[place.index].value(item.obj, now)) for place in placed if columns[place.index].live)


def blank(width: int, style: Style) -> Segment:
    return Segment(" " * width, style)
