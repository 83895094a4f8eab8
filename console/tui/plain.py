"""Output in ASCII alone, whatever was drawn: the last line of defence for terminals that show nothing else.

What draws chooses characters of the right meaning itself (`palette.Look`); names, messages and logs may hold any
character, and Textual's own widgets draw with theirs.
"""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_ALIKE = str.maketrans(
    {
        "…": "~", "·": "-", "•": "*", "●": "+", "○": "o", "◔": "~", "▲": "!", "✖": "x", "✔": "-", "◍": "%", "◆": "*",
        "▌": ">", "▏": "_", "█": "#", "▓": "=", "▒": ":", "░": ".", "▚": "@", "↑": "^", "↓": "v", "→": ">", "←": "<",
        "›": ">", "‹": "<", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "×": "x", "✓": "-", "▁": "_",
        "─": "-", "━": "-", "═": "=", "│": "|", "┃": "|", "╭": "+", "╮": "+", "╰": "+", "╯": "+", "┌": "+", "┐": "+",
        "└": "+", "┘": "+", "├": "+", "┤": "+", "┬": "+", "┴": "+", "┼": "+", "▔": "-", "▎": "|", "▊": "|", "⏺": "o",
        "\u00a0": " ",
    }
)  # fmt: skip


def plainly(text: str) -> str:
    """The text in as many cells, without any character beyond ASCII."""
    if text.isascii():
        return text
    alike = text.translate(_ALIKE)
    return alike if alike.isascii() else "".join(c if c.isascii() else "?" * cell_len(c) for c in alike)


class Plain(LineFilter):
    """Textual calls it for every line that a widget draws."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(plainly(text), style, control) for text, style, control in segments]
