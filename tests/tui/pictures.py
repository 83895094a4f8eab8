"""Golden pictures: what a screen shows, as text that people can review.

`golden/SIZE/NAME.txt` has the characters of a screen at one size, `golden/ascii/SIZE/NAME.txt` those that it is drawn
with when only ASCII may be used, `golden/styles/NAME.txt` the colours of every cell in three themes. UPDATE_GOLDEN=1
writes them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from string import ascii_letters, digits

from rich.cells import cell_len
from rich.style import Style

from console.tui.colours import Palette
from console.tui.themes import MONO, NAVY, SIXTEEN
from tests.tui.conftest import SIZES, Console

GOLDEN = Path(__file__).parent / "golden"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
LOOKS = 50
BETWEEN_LOOKS = 0.1  # seconds
STYLED = "80x24"  # the size at which colours are kept
COLOURS: tuple[Palette, ...] = (NAVY, SIXTEEN, MONO)
SCREEN = "screen: "
_LETTERS = ascii_letters + digits


async def portray(console: Console, name: str) -> None:
    """Compare the screen with its golden pictures: every size, every set of colours, ASCII."""
    before = f"{console.app.size.width}x{console.app.size.height}"
    for size in SIZES:
        await console.resize(size)
        await _becomes(GOLDEN / size / f"{name}.txt", console, _text)
        if size == STYLED:
            await _becomes(GOLDEN / "styles" / f"{name}.txt", console, _styles)
    with _plain(console):
        for size in reversed(SIZES):
            await console.resize(size)
            await _becomes(GOLDEN / "ascii" / size / f"{name}.txt", console, _text)
            assert console.text().isascii()
    await console.resize(before)


async def _becomes(path: Path, console: Console, picture: Callable[[Console], Awaitable[str]]) -> None:
    """What stands behind a dialog shows through it, and Textual draws it anew only when it has time for that."""
    wanted = path.read_text(encoding="utf-8") if path.exists() and not UPDATE else ""
    shown = await picture(console)
    for _ in range(LOOKS if wanted else 0):
        if shown + "\n" == wanted:
            break
        await asyncio.sleep(BETWEEN_LOOKS)
        shown = await picture(console)
    compare(path, shown)


async def _text(console: Console) -> str:
    await console.settle()
    return console.text()


def compare(path: Path, shown: str) -> None:
    shown += "\n"
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert path.exists(), f"{path} is missing: look at the screen, then run with UPDATE_GOLDEN=1"
    assert shown == path.read_text(encoding="utf-8")


@contextmanager
def _plain(console: Console) -> Iterator[None]:
    look = console.app.session.look
    look.ascii = True
    for screen in console.app.screen_stack:
        screen.add_class("plain")
    console.app.wear(look.palette)
    yield
    look.ascii = False
    for screen in console.app.screen_stack:
        screen.remove_class("plain")
    console.app.wear(look.palette)


async def _styles(console: Console) -> str:
    """A letter for each cell, and what it stands for in each theme."""
    layers, shown = [], console.text()
    for palette in COLOURS:
        console.app.wear(palette)
        await console.settle()
        assert console.text() == shown, "a meaning rests on a colour"
        layers.append(_cells(console))
    console.app.wear(NAVY)
    await console.settle()
    letters: dict[tuple[str, ...], str] = {}
    rows = []
    for lines in zip(*layers, strict=True):
        row = "".join(letters.setdefault(cell, _LETTERS[len(letters)]) for cell in zip(*lines, strict=True))
        rows.append(_without_tail(row))
    names = " | ".join(palette.name for palette in COLOURS)
    legend = [f"{letter}: {' | '.join(styles)}" for styles, letter in letters.items()]
    return "\n".join([f"{SCREEN}{type(console.app.screen).__name__}", f"styles: {names}", *legend, "", *rows])


def _without_tail(row: str) -> str:
    """The last letter of a row stands for all that follow."""
    runs = [(letter, len(list(run))) for letter, run in groupby(row)]
    return "".join(letter * count for letter, count in runs[:-1]) + runs[-1][0]


def _cells(console: Console) -> list[list[str]]:
    return [
        [_described(segment.style) for segment in strip for _ in range(cell_len(segment.text))]
        for strip in console.strips()
    ]


def _described(style: Style | None) -> str:
    if style is None:
        return "none"
    words = [word for word in ("bold", "dim", "italic", "underline", "reverse") if getattr(style, word)]
    color = style.color.name if style.color else "default"
    ground = style.bgcolor.name if style.bgcolor else "default"
    return " ".join([color, "on", ground, *words])
