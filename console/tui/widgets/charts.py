"""Charts of a few lines: a title with the newest value, bars below it. Pure: a load and a size in, spans out."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from common.api import ages
from console.tui.palette import Look
from console.views import pulses
from console.views.pulses import Load
from console.views.status import Tone

from .spans import Span, width_of

WARM, HOT = 0.75, 0.90  # of what there is: cells above are in another colour
RANGES = (("15 min", 900), ("1 hour", 3600), ("6 hours", 6 * 3600), ("1 day", 86400), ("2 days", 2 * 86400))
"""How far back charts go by digit, 0 to 4: words and seconds."""
_TALLEST = 12  # lines of bars
_LEAST_TALL = 3  # below which charts stand side by side
_LEAST_WIDE = 22  # cells of a chart that has one beside it
_BETWEEN = 3  # cells


def title(load: Load, width: int, *, more: Sequence[Span] = ()) -> list[Span]:
    """`CPU 412m of 8  5%` and how far back it goes."""
    share = "" if load.percent is None else f"{load.percent}%"
    heat = tone((load.newest or 0.0) / load.offered if load.offered else 0.0)
    left: list[Span] = [(f"{load.title} ", Tone.KEY), (f"{load.text}  ", Tone.TEXT), (share, heat), *more]
    text = span(load)
    room = width - width_of(left) - len(text)
    return [*left, (" " * room, Tone.TEXT), (text, Tone.DIM)] if room > 0 else left


def span(load: Load) -> str:
    """How far back it goes."""
    seconds = len(load.values) * load.step
    return f"{max(seconds // 60, 1)} min" if seconds < 2 * 3600 else ages.duration(seconds)


def bars(load: Load, width: int, height: int, look: Look) -> list[list[Span]]:
    """Lines of bars; only what rises above a threshold has its colour."""
    levels = pulses.ASCII_LEVELS if look.ascii else pulses.LEVELS
    drawn = pulses.chart(load.values, load.top, width, height, levels)
    share = load.top / load.offered if load.offered else 0.0
    return [[(text, tone(share * (height - row) / height))] for row, text in enumerate(drawn)]


def tone(share: float) -> Tone:
    return Tone.BAD if share > HOT else Tone.WARN if share > WARM else Tone.LINK


def stacked(loads: Sequence[Load], width: int, height: int, look: Look) -> list[list[Span]]:
    """Charts below each other, or two in a row where that leaves each too few lines."""
    if not loads:
        return []
    columns = 1
    if height // len(loads) - 2 < _LEAST_TALL and width >= 2 * _LEAST_WIDE + _BETWEEN:
        columns = 2
    rows = -(-len(loads) // columns)
    wide = (width - _BETWEEN * (columns - 1)) // columns
    airy = height // rows >= 4
    tall = max(min(height // rows - 1 - airy, _TALLEST), 1)
    lines: list[list[Span]] = []
    for first in range(0, len(loads), columns):
        blocks = [
            [title(load, wide), *bars(load, wide, tall, look)] if load.top else [title(load, wide)]
            for load in loads[first : first + columns]
        ]
        lines += side_by_side(blocks, wide)
        if airy:
            lines.append([])
    return lines[:-1] if airy else lines


def refused(why: str, width: int) -> list[list[Span]]:
    """In place of charts: why the API does not tell."""
    return [[(text, Tone.BAD)] for text in textwrap.wrap(f"You may not look at figures over time: {why}", width)]


def side_by_side(blocks: Sequence[Sequence[Sequence[Span]]], width: int) -> list[list[Span]]:
    """Blocks of lines beside each other; all but the last are filled to `width`."""
    lines: list[list[Span]] = []
    for row in range(max(map(len, blocks), default=0)):
        line: list[Span] = []
        for index, block in enumerate(blocks):
            part = block[row] if row < len(block) else ()
            line += part
            if index < len(blocks) - 1:
                line.append((" " * max(width + _BETWEEN - width_of(part), 0), Tone.TEXT))
        lines.append(line)
    return lines
