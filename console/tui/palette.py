"""How a terminal is drawn on: glyphs, and the theme that is worn. Every meaning has a word or a glyph too, so that any
terminal, and any eye, can do without colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.views.status import Tone

from .colours import Palette
from .themes import NAVY

UNICODE_GLYPHS: Mapping[Tone, str] = {
    Tone.OK: "●", Tone.BUSY: "◔", Tone.WARN: "▲", Tone.BAD: "✖", Tone.DONE: "✔", Tone.LEAVING: "◍",
    Tone.BRIGHT: "○", Tone.DIM: "·",
}  # fmt: skip
ASCII_GLYPHS: Mapping[Tone, str] = {
    Tone.OK: "+", Tone.BUSY: "~", Tone.WARN: "!", Tone.BAD: "x", Tone.DONE: "-", Tone.LEAVING: "%",
    Tone.BRIGHT: "o", Tone.DIM: ".",
}  # fmt: skip


@dataclass
class Look:
    """Shared by all that draws; `palette` changes when another theme is put on, `ascii` never."""

    palette: Palette = NAVY
    ascii: bool = False

    @property
    def glyphs(self) -> Mapping[Tone, str]:
        return ASCII_GLYPHS if self.ascii else UNICODE_GLYPHS

    @property
    def ellipsis(self) -> str:
        return "~" if self.ascii else "…"

    @property
    def cursor_bar(self) -> str:
        return ">" if self.ascii else "▌"

    @property
    def mark(self) -> str:
        return "*" if self.ascii else "◆"

    @property
    def arrow(self) -> tuple[str, str]:
        """Signs of ascending and descending order."""
        return ("^", "v") if self.ascii else ("↑", "↓")

    @property
    def dot(self) -> str:
        return "-" if self.ascii else "·"

    def bar(self, share: float, width: int) -> tuple[str, str]:
        """A bar of `width` cells as its filled and its empty part. A little is never none of it, and less than all is
        never full."""
        filled = min(width, max(0, round(share * width)))
        if 0 < share < 1:
            filled = max(1, min(filled, width - 1))
        full, empty = ("#", ".") if self.ascii else ("█", "░")
        return full * filled, empty * (width - filled)
