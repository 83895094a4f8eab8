"""A dialog that shows what would be written, line by line, and asks: do it, go back to the editor, or leave it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from rich.cells import cell_len, set_cell_size

from console.tui.palette import Look
from console.tui.widgets.spans import Line
from console.views.status import Tone

from .dialogs import Dialog

_AROUND = 10  # lines of the dialog and the screen that are not the text


class Answer(Enum):
    """What the user decided."""

    LEAVE = auto()
    APPLY = auto()
    AGAIN = auto()


class Review(Dialog[Answer]):
    """Scrolls when the text is longer than the screen. With `problems` it cannot be applied, only edited again."""

    def __init__(self, look: Look, title: str, text: Sequence[tuple[str, Tone]], problems: Sequence[Line] = ()) -> None:
        super().__init__(look, title, danger=bool(problems), keys="j k scroll, tab choose, enter do it, esc leave it")
        self._text = text
        self._problems = list(problems)
        again = ("Edit again", Answer.AGAIN)
        self._buttons = [("Leave it", Answer.LEAVE), again, *([] if problems else [("Apply", Answer.APPLY)])]
        self._focused = 0
        self._top = 0

    def lines(self, width: int) -> list[Line]:
        room = self._room()
        seen = [[(_cut(line, width), tone)] for line, tone in self._text[self._top : self._top + room]]
        below = len(self._text) - self._top - len(seen)
        more: list[Line] = [[(f"{below} more below" if below else "", Tone.DIM)]] if len(self._text) > room else []
        return [[], *self._problems, *seen, *more, [], self._button_line(width)]

    def _room(self) -> int:
        return max(self.app.size.height - _AROUND - len(self._problems), 3)

    def _button_line(self, width: int) -> Line:
        spans = []
        for index, (label, _) in enumerate(self._buttons):
            focused = index == self._focused
            bar = self.look.cursor_bar if focused else " "
            spans += [(f"{bar}[ {label} ]", Tone.KEY if focused else Tone.DIM), ("  ", Tone.TEXT)]
        padding = max(0, width - sum(cell_len(text) for text, _ in spans)) // 2
        return [(" " * padding, Tone.TEXT), *spans]

    def press(self, key: str, character: str | None) -> None:
        if key in {"tab", "right", "l"}:
            self._focused = (self._focused + 1) % len(self._buttons)
        elif key in {"shift+tab", "left", "h"}:
            self._focused = (self._focused - 1) % len(self._buttons)
        elif key in _SCROLL:
            last = max(len(self._text) - self._room(), 0)
            self._top = min(max(self._top + _SCROLL[key] * (self._room() if "page" in key else 1), 0), last)
        elif key == "e":
            self.dismiss(Answer.AGAIN)
        elif key == "enter":
            self.dismiss(self._buttons[self._focused][1])
        elif key in {"escape", "q"}:
            self.dismiss(Answer.LEAVE)


_SCROLL = {"down": 1, "j": 1, "up": -1, "k": -1, "pagedown": 1, "pageup": -1}


def _cut(line: str, width: int) -> str:
    return line if cell_len(line) <= width else set_cell_size(line, max(width - 1, 1)) + "…"
