"""What is done on a machine over SSH, line by line as it happens."""

from __future__ import annotations

from collections import deque

from console.tui.session import Session
from console.tui.widgets.buffer import Entry, LineBuffer
from console.tui.widgets.spans import Line
from console.views.status import Tone

from .text import TextScreen

_STEP = "-- "  # begins what is being done


class MachineScreen(TextScreen):
    """Leaving it stops nothing: the work goes on, and the last line says how it ended."""

    def __init__(self, session: Session, title: str) -> None:
        super().__init__(session, title, ["machines", title], [], wrap=True)
        self._said: deque[str] = deque()  # filled by the thread that works
        self._planned: frozenset[str] = frozenset()
        self.state = "working"

    def hear(self, text: str) -> None:
        """A line of progress, from any thread."""
        if text.startswith(_STEP):
            self._planned = frozenset()
        if text not in self._planned:
            self._said.append(text)

    def carry_on(self) -> None:
        """What was said up to here is the plan: it is made once more before the first step, and only what is other
        then is said."""
        self._planned = frozenset([*self._lines, *self._said])

    def end(self, text: str, *, good: bool) -> None:
        self._said.append(text)
        self.state = "done" if good else "failed"
        self.frame()

    def standing(self) -> Line:
        tone = {"working": Tone.BUSY, "done": Tone.OK, "failed": Tone.BAD}[self.state]
        return [(f"{self.session.look.glyphs[tone]} {self.state} ", tone)]

    def frame(self) -> None:
        """Also called before a dialog covers the page, so that what it asks about stands behind it."""
        if not self._said:
            return
        while self._said:
            self._lines.append(self._said.popleft())
        self._view.show(LineBuffer(Entry(line) for line in self._lines), _paint)


def _paint(entry: Entry) -> Line:
    text = entry.text
    if text.startswith("error:"):
        return [(text, Tone.BAD)]
    if text.startswith(_STEP):
        return [(text, Tone.KEY)]
    if text.startswith("   done"):
        return [(text, Tone.OK)]
    step, colon, why = text.partition(": ")
    return [(step + colon, Tone.TEXT), (why, Tone.DIM)]
