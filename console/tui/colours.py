"""What a theme is made of: a colour and an emphasis for every tone, and tints that tell clusters apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

from console.views.status import Tone

TINTS = ("red", "orange", "green", "blue", "purple", "grey")
"""Colours that a cluster's header can have; every theme has its own shade of each."""
_OWN_TEXT = frozenset({Tone.TEXT, Tone.DIM})


@dataclass(frozen=True)
class Palette:
    """The colours of one theme; `ansi` ones are names of the terminal's own 16 colours.

    `tints` are pairs of background and text. `bold` and `faint` tones stand out, or back, by more than their colour.
    With `reverse` the cursor and what was found are shown in reverse, because there are no colours to do it with.
    """

    name: str
    about: str
    ansi: bool
    background: str
    panel: str
    cursor: str
    cursor_text: str
    border: str
    accent: str
    tones: Mapping[Tone, str] = field(hash=False)
    tints: Mapping[str, tuple[str, str]] = field(hash=False)
    dark: bool = True
    reverse: bool = False
    bold: frozenset[Tone] = frozenset({Tone.KEY})
    faint: frozenset[Tone] = frozenset()

    @cached_property
    def styles(self) -> dict[Tone, Style]:
        """Text styles on the background. Every one names both colours: a cell never inherits what was below it."""
        return {tone: self._style(tone, self.background) for tone in Tone}

    @cached_property
    def cursor_styles(self) -> dict[Tone, Style]:
        if not self.ansi:
            return {tone: self._style(tone, self.cursor) + Style(bold=True) for tone in Tone}
        return dict.fromkeys(Tone, self._flat(self.cursor_text, self.cursor, bold=True))

    @cached_property
    def panel_styles(self) -> dict[Tone, Style]:
        return {tone: self._style(tone, self.panel) for tone in Tone}

    def tinted_styles(self, tint: str) -> Mapping[Tone, Style]:
        """Styles of a header that has a cluster's colour. Its meanings are told by glyph, word and weight alone: hardly
        a colour could be read on all tints."""
        if not tint:
            return self.panel_styles
        background, text = self.tints[tint]
        return {tone: self._flat(text, background, bold=tone not in _OWN_TEXT) for tone in Tone}

    def _style(self, tone: Tone, background: str) -> Style:
        return Style(
            color=_rich(self.tones[tone]),
            bgcolor=_rich(background),
            bold=tone in self.bold,
            dim=True if tone in self.faint else None,
        )

    def _flat(self, text: str, background: str, *, bold: bool) -> Style:
        return Style(color=_rich(text), bgcolor=_rich(background), bold=bold, reverse=self.reverse or None)

    @cached_property
    def title(self) -> Style:
        return self._style(Tone.DIM, self.background) + Style(bold=True)

    @cached_property
    def found(self) -> Style:
        """A search hit."""
        if self.reverse:
            return self._flat(self.cursor_text, self.background, bold=False)
        if self.ansi:
            return Style(color="black", bgcolor="yellow")
        return Style(color=_rich(self.background), bgcolor=_rich(self.accent), bold=True)

    def theme(self) -> Theme:
        """The same colours for Textual's own widgets."""
        tones = self.tones
        base = BUILTIN_THEMES["ansi-dark" if self.dark else "ansi-light"].variables if self.ansi else {}
        return Theme(
            name=f"quarterdeck-{self.name}",
            dark=self.dark,
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
                **base,  # an ANSI theme needs more variables of Textual's own than we care about
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
