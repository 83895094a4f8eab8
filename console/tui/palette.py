"""Colours and glyphs. Every meaning has a word or a glyph too, so that any terminal, and any eye, can do without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

from console.views.status import Tone

UNICODE_GLYPHS: Mapping[Tone, str] = {
    Tone.OK: "●", Tone.BUSY: "◔", Tone.WARN: "▲", Tone.BAD: "✖", Tone.DONE: "✔", Tone.LEAVING: "◍",
    Tone.BRIGHT: "○", Tone.DIM: "·",
}  # fmt: skip
ASCII_GLYPHS: Mapping[Tone, str] = {
    Tone.OK: "+", Tone.BUSY: "~", Tone.WARN: "!", Tone.BAD: "x", Tone.DONE: "-", Tone.LEAVING: "%",
    Tone.BRIGHT: "o", Tone.DIM: ".",
}  # fmt: skip


@dataclass(frozen=True)
class Palette:
    """The colours of one look. `ansi` ones are names of the terminal's own 16 colours."""

    name: str
    ansi: bool
    background: str
    panel: str
    cursor: str
    cursor_text: str
    border: str
    accent: str
    tones: Mapping[Tone, str] = field(hash=False)

    @cached_property
    def styles(self) -> dict[Tone, Style]:
        """Text styles on the background. Every one names both colours: a cell never inherits what was below it."""
        return {tone: self._style(tone, self.background) for tone in Tone}

    @cached_property
    def cursor_styles(self) -> dict[Tone, Style]:
        if not self.ansi:
            return {tone: self._style(tone, self.cursor) + Style(bold=True) for tone in Tone}
        plain = Style(color=_rich(self.cursor_text), bgcolor=_rich(self.cursor), bold=True)
        return dict.fromkeys(Tone, plain)

    @cached_property
    def panel_styles(self) -> dict[Tone, Style]:
        return {tone: self._style(tone, self.panel) for tone in Tone}

    def _style(self, tone: Tone, background: str) -> Style:
        bold = tone is Tone.KEY
        return Style(color=_rich(self.tones[tone]), bgcolor=_rich(background), bold=bold)

    @cached_property
    def title(self) -> Style:
        return Style(color=_rich(self.tones[Tone.DIM]), bgcolor=_rich(self.background), bold=True)

    @cached_property
    def found(self) -> Style:
        """A search hit."""
        return Style(color=_rich(self.background), bgcolor=_rich(self.accent), bold=True) if not self.ansi else Style(
            color="black", bgcolor="yellow"
        )  # fmt: skip

    def theme(self) -> Theme:
        """The same colours for Textual's own widgets."""
        tones = self.tones
        return Theme(
            name=self.name,
            dark=True,
            ansi=self.ansi,
            primary=self.accent,
            secondary=tones[Tone.LINK],
            accent=self.accent,
            success=tones[Tone.OK],
            warning=tones[Tone.WARN],
            error=tones[Tone.BAD],
            foreground=tones[Tone.TEXT],
            background=self.background,
            surface=self.background,
            panel=self.panel,
            boost=self.panel,
            variables={
                # An ANSI theme needs more variables of Textual's own than we care about.
                **(BUILTIN_THEMES["ansi-dark"].variables if self.ansi else {}),
                "qd-dim": tones[Tone.DIM],
                "qd-border": self.border,
                "qd-brass": self.accent,
                "qd-sea": tones[Tone.LINK],
                "qd-cursor": self.cursor,
                "qd-bright": tones[Tone.BRIGHT],
                "scrollbar": self.border,
                "scrollbar-hover": tones[Tone.DIM],
                "scrollbar-active": self.accent,
                "scrollbar-background": self.background,
                "scrollbar-background-hover": self.background,
                "scrollbar-background-active": self.background,
                "scrollbar-corner-color": self.background,
                "input-cursor-background": self.accent,
                "input-selection-background": self.cursor,
                "border": self.accent,
                "border-blurred": self.border,
            },
        )


def _rich(color: str) -> str:
    return color.removeprefix("ansi_")


NAVY = Palette(
    name="quarterdeck",
    ansi=False,
    background="#0b1220",
    panel="#101b30",
    cursor="#1f4068",
    cursor_text="#ffffff",
    border="#2b4370",
    accent="#e5b050",
    tones={
        Tone.TEXT: "#d3dcec", Tone.BRIGHT: "#f4f7fc", Tone.DIM: "#8291b0", Tone.KEY: "#e5b050", Tone.LINK: "#5bb8e0",
        Tone.OK: "#62d391", Tone.BUSY: "#5bb8e0", Tone.WARN: "#f3c14f", Tone.BAD: "#f56d5f", Tone.DONE: "#8291b0",
        Tone.LEAVING: "#b99cf4",
    },
)  # fmt: skip
SIXTEEN = Palette(
    name="quarterdeck-16",
    ansi=True,
    background="ansi_default",
    panel="ansi_default",
    cursor="ansi_blue",
    cursor_text="ansi_bright_white",
    border="ansi_blue",
    accent="ansi_yellow",
    tones={
        Tone.TEXT: "ansi_default", Tone.BRIGHT: "ansi_bright_white", Tone.DIM: "ansi_white", Tone.KEY: "ansi_yellow",
        Tone.LINK: "ansi_cyan", Tone.OK: "ansi_green", Tone.BUSY: "ansi_cyan", Tone.WARN: "ansi_bright_yellow",
        Tone.BAD: "ansi_bright_red", Tone.DONE: "ansi_white", Tone.LEAVING: "ansi_magenta",
    },
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How this terminal is drawn on: colours, and whether only ASCII may be used."""

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
        """A bar of `width` cells as its filled and its empty part."""
        filled = min(width, max(0, round(share * width)))
        if share > 0 and filled == 0:
            filled = 1
        full, empty = ("#", ".") if self.ascii else ("█", "░")
        return full * filled, empty * (width - filled)


def choose(environment: Mapping[str, str], *, ascii_only: bool = False) -> Look:
    """The look for a terminal: full colours unless it has only 16 (`TERM=linux`, `xterm` without COLORTERM)."""
    term, color = environment.get("TERM", ""), environment.get("COLORTERM", "")
    rich_colors = color in {"truecolor", "24bit"} or "256" in term or "kitty" in term or "direct" in term
    no_color = bool(environment.get("NO_COLOR"))
    language = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or ""
    plain = ascii_only or (term == "linux" and "UTF" not in language.upper())
    return Look(NAVY if rich_colors or no_color else SIXTEEN, plain)
