"""The line at the bottom where commands (`:`) and filters (`/`) are typed, with completion beside the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from console.tui.editor import LineEditor
from console.tui.palette import Look
from console.views.status import Tone

Complete = Callable[[str], Sequence[str]]


class Outcome(Enum):
    """What a key did to the prompt."""

    NOTHING = auto()
    CHANGED = auto()
    SUBMITTED = auto()
    CANCELLED = auto()


class Prompt(Widget):
    """Hidden until `open`. What `tab` or `→` takes is both the ghost text and the highlighted entry.

    It never has the focus: its screen hands it the keys, so that what is typed faster than a focus moves arrives too,
    and in order.
    """

    def __init__(self, look: Look, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.sign = ":"
        self.line = LineEditor()
        self.display = False
        self._look = look
        self._complete: Complete | None = None
        self._choices: list[str] = []
        self._chosen = 0

    def open(self, sign: str, text: str = "", complete: Complete | None = None) -> None:
        self.sign = sign
        self.line.set(text)
        self._complete = complete
        self._suggest()
        self.display = True
        self.refresh()

    def _suggest(self) -> None:
        self._choices = list(self._complete(self.line.text)) if self._complete else []
        self._chosen = 0

    def chosen(self) -> str:
        """The completion that would be taken; empty when there is none."""
        return self._choices[self._chosen] if self._choices else ""

    def take_key(self, key: str, character: str | None) -> Outcome:
        """Edit the line. It hides itself when it is submitted or given up: the next key is not for it any more."""
        if key == "escape" or (key == "backspace" and not self.line.text):
            self.display = False
            return Outcome.CANCELLED
        if key == "enter":
            if self._chosen:  # picked with the arrows
                self.line.set(self.chosen())
            self.display = False
            return Outcome.SUBMITTED
        if key in {"down", "up", "shift+tab"} and self._choices:
            self._chosen = (self._chosen + (1 if key == "down" else -1)) % len(self._choices)
            self.refresh()
            return Outcome.NOTHING
        if key in {"tab", "right"} and self._choices and self.line.cursor == len(self.line.text):
            self.line.set(self.chosen())
        elif not self.line.press(key, character):
            return Outcome.NOTHING
        self._edited()
        return Outcome.CHANGED

    def paste(self, text: str) -> None:
        self.line.insert(text)
        self._edited()

    def _edited(self) -> None:
        self._suggest()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        styles = self._look.palette.panel_styles
        text, cursor = self.line.text, self.line.cursor
        ghost = self.chosen()[len(text) :] if self.chosen().startswith(text) and cursor == len(text) else ""
        under = (text[cursor:] or ghost or " ")[0]
        segments = [
            Segment(f" {self.sign}", styles[Tone.KEY]),
            Segment(text[:cursor], styles[Tone.BRIGHT]),
            Segment(under, styles[Tone.BRIGHT] + Style(reverse=True)),
            Segment(text[cursor + 1 :], styles[Tone.BRIGHT]),
            Segment(ghost[1:], styles[Tone.DIM]),
        ]
        segments += self._entries(width - sum(len(segment.text) for segment in segments))
        return Strip(segments).adjust_cell_length(width, styles[Tone.TEXT])

    def _entries(self, room: int) -> list[Segment]:
        styles = self._look.palette.panel_styles
        found: list[Segment] = [Segment("    ", styles[Tone.DIM])]
        room -= 4
        first = max(0, self._chosen - 3)
        for index, entry in enumerate(self._choices[first:], first):
            if len(entry) + 2 > room:
                break
            room -= len(entry) + 2
            chosen = index == self._chosen
            style = styles[Tone.LINK] + Style(underline=True, bold=True) if chosen else styles[Tone.DIM]
            found += [Segment(entry, style), Segment("  ", styles[Tone.DIM])]
        return found
