"""A line of text being typed: the pure part of the prompt and of dialog fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class LineEditor:
    """Text and cursor. `press` takes Textual's key names and says whether it used the key."""

    text: str = ""
    cursor: int = 0

    def set(self, text: str) -> None:
        self.text = text
        self.cursor = len(text)

    def insert(self, text: str) -> None:
        clean = "".join(letter for letter in text if letter.isprintable())
        self.text = self.text[: self.cursor] + clean + self.text[self.cursor :]
        self.cursor += len(clean)

    def press(self, key: str, character: str | None) -> bool:
        if key in _MOVES:
            self.cursor = _MOVES[key](self)
        elif key in _CUTS:
            start, end = _CUTS[key](self)
            self.text = self.text[:start] + self.text[end:]
            self.cursor = start
        elif character is not None and character.isprintable() and len(character) == 1:
            self.insert(character)
        else:
            return False
        return True

    def word_start(self) -> int:
        before = self.text[: self.cursor].rstrip()
        return before.rfind(" ") + 1


_MOVES: dict[str, Callable[[LineEditor], int]] = {
    "left": lambda line: max(line.cursor - 1, 0),
    "right": lambda line: min(line.cursor + 1, len(line.text)),
    "home": lambda _line: 0,
    "ctrl+a": lambda _line: 0,
    "end": lambda line: len(line.text),
    "ctrl+e": lambda line: len(line.text),
}
_CUTS: dict[str, Callable[[LineEditor], tuple[int, int]]] = {
    "backspace": lambda line: (max(line.cursor - 1, 0), line.cursor),
    "ctrl+h": lambda line: (max(line.cursor - 1, 0), line.cursor),
    "delete": lambda line: (line.cursor, line.cursor + 1),
    "ctrl+u": lambda line: (0, line.cursor),
    "ctrl+k": lambda line: (line.cursor, len(line.text)),
    "ctrl+w": lambda line: (line.word_start(), line.cursor),
}
