"""Charts of a few lines: a title with the newest value, bars below it. Pure: a load and a size in, spans out."""

from __future__ import annotations

from collections.abc import Sequence

from common.api import ages
from console.tui.palette import Look
from console.views import pulses
from console.views.pulses import Load
from console.views.status import Tone

from .spans import Span, width_of

WARM, HOT = 0.75, 0.90  # of what there is: cells above are in another colour


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
