"""Only what changed goes to the terminal, cell by cell: a clock that ticks costs bytes, not lines.

Textual sends whole pieces of lines, with a colour for every word of them: tens of kilobytes a second where ages tick in
every row. Over a slow line that is what makes a console unusable. We know what the terminal shows, so we need to say
only what differs. Whoever else writes to the terminal must have us `forget` that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

from rich.cells import cell_len
from rich.color import Color, ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

Cell = tuple[str, Style | None]
Piece = tuple[int, int, Strip]
"""A line of the terminal, where in it, and what is to stand there."""
_UNKNOWN: Cell = ("", None)
_SKIP = 5  # cells: going past so few unchanged ones costs as much as writing them again
_COLORS = {"standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR}


class Terminal:
    """What a terminal shows, as far as we know."""

    def __init__(self) -> None:
        self._size = Size(0, 0)
        self._lines: list[list[Cell]] = []

    def forget(self) -> None:
        """From now on nothing is known: the next frame is written as a whole."""
        self._size = Size(0, 0)

    def thrifty(self, update: CompositorUpdate, size: Size) -> CompositorUpdate:
        """The update in fewer bytes; one of a sort that we do not know stays as it is."""
        if isinstance(update, (LayoutUpdate, ChopsUpdate)):
            return _Difference(self, update, size)
        self.forget()
        return update

    def write(self, pieces: Iterable[Piece], size: Size, console: Console) -> str:
        """What must be sent so that the terminal shows these pieces. They count as shown from here on."""
        if size != self._size:
            self._size = size
            self._lines = [[_UNKNOWN] * size.width for _ in range(size.height)]
        colors = _COLORS.get(console.color_system or "")
        pen = _Pen(colors)
        for y, x, strip in pieces:
            if y < size.height:
                self._put(y, x, strip, pen)
        return pen.finished()

    def _put(self, y: int, x: int, strip: Strip, pen: _Pen) -> None:
        line = self._lines[y]
        text = strip.text
        cells: list[Cell] = [(letter, style) for part, style, _ in strip for letter in part]
        if cell_len(text) != len(text):
            # How wide a terminal draws these letters is a matter of its font: nothing behind them is certain.
            pen.draw(y, x, cells)
            line[x : x + cell_len(text)] = [_UNKNOWN] * cell_len(text)
            return
        cells = cells[: len(line) - x]
        old = line[x : x + len(cells)]
        if cells != old:
            line[x : x + len(cells)] = cells
            for start, end in _changed(old, cells):
                pen.draw(y, x + start, cells[start:end])


def _changed(old: list[Cell], new: list[Cell]) -> Iterator[tuple[int, int]]:
    """Where cells differ; stretches with hardly a gap between them are one."""
    places = [place for place, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
    start = places[0]
    for place, following in pairwise([*places, len(new) + _SKIP + 1]):
        if following - place > _SKIP:
            yield start, place + 1
            start = following


class _Pen:
    """Writes cells, naming place and colour only where they are not what the terminal has anyway."""

    def __init__(self, colors: ColorSystem | None) -> None:
        self._colors = colors
        self._style: Style | None = None
        self._parts: list[str] = []

    def draw(self, y: int, x: int, cells: list[Cell]) -> None:
        self._parts.append(f"\x1b[{y + 1};{x + 1}H")
        for letter, style in cells:
            if style is not self._style and not (letter == " " and _same_ground(self._style, style)):
                self._parts.append(_codes(self._style, style, self._colors))
                self._style = style
            self._parts.append(letter)

    def finished(self) -> str:
        return "".join([*self._parts, "\x1b[0m"]) if self._parts else ""


@lru_cache(2048)
def _same_ground(style: Style | None, other: Style | None) -> bool:
    """Whether a space looks the same in both."""
    if style is None or other is None or style.bgcolor != other.bgcolor:
        return False
    return not any(item.reverse or item.underline or item.underline2 or item.strike for item in (style, other))


@lru_cache(4096)
def _codes(before: Style | None, style: Style | None, colors: ColorSystem | None) -> str:
    """The escape sequence that makes the style the terminal's: what differs of the colours from the one before, or
    everything anew."""
    if style is None or before is None or colors is None or before.without_color != style.without_color:
        return _whole(style, colors)
    codes: list[str] = []
    for foreground, old, new in ((True, before.color, style.color), (False, before.bgcolor, style.bgcolor)):
        if old != new:
            codes += (new or Color.default()).downgrade(colors).get_ansi_codes(foreground)
    return f"\x1b[{';'.join(codes)}m" if codes else ""


def _whole(style: Style | None, colors: ColorSystem | None) -> str:
    """The sequence that needs to know nothing of what was before."""
    codes = style.render("\0", color_system=colors).partition("\0")[0] if style else ""
    return f"\x1b[0;{codes[2:]}" if codes.startswith("\x1b[") else "\x1b[0m"


class _Difference(CompositorUpdate):
    """Worked out when it is written, and only then: until then it may still be dropped."""

    def __init__(self, terminal: Terminal, update: LayoutUpdate | ChopsUpdate, size: Size) -> None:
        self._terminal, self._update, self._size = terminal, update, size

    def render_segments(self, console: Console) -> str:
        update = self._update
        pieces = _of_layout(update) if isinstance(update, LayoutUpdate) else _of_chops(update)
        return self._terminal.write(pieces, self._size, console)


def _of_layout(update: LayoutUpdate) -> Iterator[Piece]:
    for y, line in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in line:
            yield y, x, strip
            x += strip.cell_length


def _of_chops(update: ChopsUpdate) -> Iterator[Piece]:
    """As Textual itself chooses and cuts them."""
    for y, x1, x2 in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x <= x2 and end > x1:
                yield y, x, strip if x >= x1 and end <= x2 else strip.crop(0, min(end, x2) - x)
