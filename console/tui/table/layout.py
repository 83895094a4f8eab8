"""Which columns fit a width, how wide each is, and how text is cut to fit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from console.views.columns import KEEP, Column

GAP = 2
MOST_GAP = 5  # beyond this the eye loses the row between two columns
TAIL = 6  # a generated name's random end and its hyphen
MARGIN = 3  # cursor bar and mark on the left, air on the right


@dataclass(frozen=True, slots=True)
class Placed:
    """A column that is shown: its index among all columns, its width and the gap behind it, in cells."""

    index: int
    width: int
    gap: int


def place(columns: Sequence[Column], wanted: Sequence[int], width: int, *, wide: bool = False) -> tuple[Placed, ...]:
    """Columns for a table of `width` cells. `wanted` are the widths that cut nothing.

    Columns go by priority until the rest fits with flexible ones at their least; what is then left over goes to the
    flexible ones first and between the columns last.
    """
    shown = [index for index, column in enumerate(columns) if wide or not column.wide]
    room = width - MARGIN
    while len(shown) > 1 and _least(columns, wanted, shown) > room:
        droppable = [index for index in shown if columns[index].drop != KEEP]
        if not droppable:
            break
        shown.remove(max(droppable, key=lambda index: (columns[index].drop, index)))
    widths = {index: _shortest(columns[index], wanted[index]) for index in shown}
    spare = room - sum(widths.values()) - GAP * (len(shown) - 1)
    for index in shown:
        more = min(max(spare, 0), wanted[index] - widths[index])
        widths[index] += more
        spare -= more
    if spare < 0:
        _squeeze(widths, columns, -spare)
    gap = GAP + min(MOST_GAP - GAP, max(spare, 0) // max(len(shown) - 1, 1))
    return tuple(Placed(index, widths[index], gap if index != shown[-1] else 0) for index in shown)


def _shortest(column: Column, wanted: int) -> int:
    return min(wanted, column.least) if column.flexible else wanted


def _least(columns: Sequence[Column], wanted: Sequence[int], shown: Sequence[int]) -> int:
    return sum(_shortest(columns[index], wanted[index]) for index in shown) + GAP * (len(shown) - 1)


def _squeeze(widths: dict[int, int], columns: Sequence[Column], missing: int) -> None:
    """Even the columns that must stay are too wide: take from the flexible ones, then from all."""
    for index in sorted(widths, key=lambda index: (not columns[index].flexible, -widths[index])):
        taken = min(missing, max(widths[index] - 4, 0))
        widths[index] -= taken
        missing -= taken


def cut(text: str, width: int, ellipsis: str = "…", *, middle: bool = False) -> str:
    """The text in at most `width` cells. `middle` keeps the end, where generated names differ."""
    if len(text) <= width and text.isascii():
        return text
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return _head(text, width)
    if not middle or width < 8:
        return _head(text, width - 1) + ellipsis
    tail = _head(text[::-1], min(TAIL, (width - 1) // 2))[::-1]
    return _head(text, width - 1 - cell_len(tail)) + ellipsis + tail


def _head(text: str, width: int) -> str:
    if text.isascii():
        return text[:width]
    taken = ""
    for letter in text:
        if cell_len(taken + letter) > width:
            break
        taken += letter
    return taken


def fit(text: str, width: int, ellipsis: str = "…", *, right: bool = False, middle: bool = False) -> str:
    """The text in exactly `width` cells."""
    short = cut(text, width, ellipsis, middle=middle)
    padding = " " * (width - cell_len(short))
    return padding + short if right else short + padding
