"""Dialogs: confirm, ask for a line of text, choose from a list. The safe way out has the focus from the start."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widget import Widget

from console.tui.editor import LineEditor
from console.tui.palette import Look
from console.tui.widgets.spans import Line, Span, make_strip
from console.views.status import Tone

R = TypeVar("R")
WIDTH = 66
Check = Callable[[str], str]
"""Says what is wrong with a text; empty when nothing is."""


class _Box(Widget, can_focus=True):
    """The inside of a dialog: lines that the dialog makes, keys that it handles."""

    def __init__(self, dialog: Dialog[R], look: Look) -> None:
        super().__init__()
        self._dialog = dialog
        self._look = look

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self._dialog.take_key(event.key, event.character)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self._dialog.paste(event.text)
        self.refresh()

    def get_content_height(self, _container: object, _viewport: object, width: int) -> int:
        return len(self._dialog.lines(width))

    def render_line(self, y: int):  # type: ignore[no-untyped-def]
        lines = self._dialog.lines(self.size.width)
        line = lines[y] if y < len(lines) else ()
        palette = self._look.palette
        return make_strip(line, palette.panel_styles, self.size.width)


class Dialog(ModalScreen[R], Generic[R], inherit_bindings=False):
    """A box in the middle of the screen, which shows through dimmed."""

    def __init__(self, look: Look, title: str, *, danger: bool = False, keys: str = "") -> None:
        super().__init__(classes=" ".join(["danger"] * danger + ["plain"] * look.ascii) or None)
        self.look = look
        self._title = title
        self._keys = keys

    def compose(self) -> ComposeResult:
        box = _Box(self, self.look)
        box.border_title = self._title.replace("[", "\\[")
        box.border_subtitle = self._keys
        yield box

    def on_mount(self) -> None:
        self.query_one(_Box).focus()

    def take_key(self, key: str, character: str | None) -> None:
        """A key, from the box or on its way from the screen below."""
        self.press(key, character)
        self.query_one(_Box).refresh(layout=True)

    def lines(self, width: int) -> list[Line]:
        raise NotImplementedError

    def press(self, key: str, character: str | None) -> None:
        raise NotImplementedError

    def paste(self, text: str) -> None:
        """Text from the clipboard, for dialogs that take text."""


def wrapped(text: str, width: int, tone: Tone = Tone.TEXT) -> list[Line]:
    return [[(line, tone)] for line in textwrap.wrap(text, max(width, 10)) or [""]]


class Confirm(Dialog[bool]):
    """Asks before something that cannot be taken back. Cancel is focused: enter alone does no harm."""

    def __init__(self, look: Look, title: str, body: Sequence[Line], verb: str, *, danger: bool = True) -> None:
        super().__init__(look, title, danger=danger, keys="tab choose, enter do it, esc cancel")
        self._body = body
        self._buttons = ("Cancel", verb)
        self._focused = 0
        self._danger = danger

    def lines(self, width: int) -> list[Line]:
        return [[], *self._body, [], self._button_line(width)]

    def _button_line(self, width: int) -> Line:
        spans: list[Span] = []
        for index, label in enumerate(self._buttons):
            focused = index == self._focused
            tone = (Tone.BAD if self._danger and index else Tone.KEY) if focused else Tone.DIM
            bar = self.look.cursor_bar if focused else " "
            spans.append((f"{bar}[ {label} ]", tone))
            spans.append(("   ", Tone.TEXT))
        padding = max(0, width - sum(cell_len(text) for text, _ in spans)) // 2
        return [(" " * padding, Tone.TEXT), *spans]

    def press(self, key: str, character: str | None) -> None:
        if key in {"left", "right", "tab", "shift+tab", "h", "l"}:
            self._focused = 1 - self._focused
        elif key == "enter":
            self.dismiss(self._focused == 1)
        elif key in {"escape", "q"}:
            self.dismiss(False)


class Ask(Dialog["str | None"]):
    """Asks for a line of text. `check` is asked on every key; what it says stands below the line. A `hidden` one shows
    dots; without `strip` spaces around it count."""

    def __init__(
        self, look: Look, title: str, body: Sequence[Line], initial: str = "", *, check: Check | None = None,
        steps: bool = False, hidden: bool = False, strip: bool = True,
    ) -> None:  # fmt: skip
        keys = "enter do it, esc cancel"
        super().__init__(look, title, keys=f"up/down change, {keys}" if steps else keys)
        self._body = body
        self._line = LineEditor(initial, len(initial))
        self._check = check
        self._steps = steps
        self._hidden = hidden
        self._strip = strip

    @property
    def _text(self) -> str:
        return self._line.text.strip() if self._strip else self._line.text

    @property
    def _wrong(self) -> str:
        return self._check(self._text) if self._check else ""

    def lines(self, width: int) -> list[Line]:
        text, cursor = self._line.text, self._line.cursor
        if self._hidden:
            text = ("*" if self.look.ascii else "•") * len(text)
        field: Line = [
            (f"{self.look.cursor_bar} ", Tone.KEY),
            (text[:cursor], Tone.BRIGHT),
            ("_" if self.look.ascii else "▏", Tone.KEY),
            (text[cursor:], Tone.BRIGHT),
        ]
        below = wrapped(self._wrong, width, Tone.WARN) if self._wrong else [[]]
        return [[], *self._body, [], field, [], *below]

    def press(self, key: str, character: str | None) -> None:
        if key == "escape":
            self.dismiss(None)
        elif key == "enter":
            if not self._wrong:
                self.dismiss(self._text)
        elif self._steps and key in {"up", "down"} and self._line.text.strip().isdecimal():
            self._line.set(str(max(0, int(self._line.text) + (1 if key == "up" else -1))))
        else:
            self._line.press(key, character)

    def paste(self, text: str) -> None:
        self._line.insert(text.strip() if self._strip else text)


class Choose(Dialog["int | None"]):
    """A list to pick one of; returns its index."""

    def __init__(self, look: Look, title: str, body: Sequence[Line], rows: Sequence[Line], chosen: int = 0) -> None:
        super().__init__(look, title, keys="j k choose, enter take it, esc cancel")
        self._body = body
        self._rows = rows
        self._chosen = chosen

    def lines(self, width: int) -> list[Line]:
        listed: list[Line] = []
        for index, row in enumerate(self._rows):
            chosen = index == self._chosen
            lead: Span = (f"{self.look.cursor_bar} " if chosen else "  ", Tone.KEY)
            listed.append([lead, *((text, Tone.KEY if chosen else tone) for text, tone in row)])
        return [[], *self._body, [], *listed, []]

    def press(self, key: str, character: str | None) -> None:
        if key in {"down", "j", "tab"}:
            self._chosen = (self._chosen + 1) % len(self._rows)
        elif key in {"up", "k", "shift+tab"}:
            self._chosen = (self._chosen - 1) % len(self._rows)
        elif key == "enter":
            self.dismiss(self._chosen)
        elif key in {"escape", "q"}:
            self.dismiss(None)
