"""The themes. What they say with colours they say with glyphs and words too; contrast is held by tests."""

from __future__ import annotations

from collections.abc import Mapping

from console.views.status import Tone

from .colours import TINTS, Palette

_DARK_TINTS = {
    "red": ("#8c1d2c", "#ffffff"), "orange": ("#8a4a10", "#ffffff"), "green": ("#17583a", "#ffffff"),
    "blue": ("#1c4a8c", "#ffffff"), "purple": ("#5a3494", "#ffffff"), "grey": ("#3d4757", "#ffffff"),
}  # fmt: skip
NAVY = Palette(
    name="dark",
    about="navy, brass and sea blue",
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
    tints=_DARK_TINTS,
)  # fmt: skip
PAPER = Palette(
    name="light",
    about="ink on paper, for bright rooms",
    ansi=False,
    dark=False,
    background="#fbf9f4",
    panel="#efebe1",
    cursor="#d5e3f3",
    cursor_text="#10192b",
    border="#b9b19d",
    accent="#8a5a00",
    tones={
        Tone.TEXT: "#26324a", Tone.BRIGHT: "#0c1424", Tone.DIM: "#5f687b", Tone.KEY: "#8a5a00", Tone.LINK: "#0b5d94",
        Tone.OK: "#0f6b3c", Tone.BUSY: "#0b5d94", Tone.WARN: "#8c5200", Tone.BAD: "#b3221b", Tone.DONE: "#5f687b",
        Tone.LEAVING: "#6a3fb5",
    },
    tints={
        "red": ("#b3221b", "#ffffff"), "orange": ("#9a4f00", "#ffffff"), "green": ("#12693d", "#ffffff"),
        "blue": ("#1b569c", "#ffffff"), "purple": ("#6a3fb5", "#ffffff"), "grey": ("#525c6e", "#ffffff"),
    },
)  # fmt: skip
# After Okabe and Ito: blue, yellow and vermilion stay apart for every common kind of colour blindness.
OKABE = Palette(
    name="colour-blind",
    about="blue, yellow and vermilion: apart for every eye",
    ansi=False,
    background="#101014",
    panel="#1b1b22",
    cursor="#3a3a48",
    cursor_text="#ffffff",
    border="#4a4a5a",
    accent="#f0e442",
    tones={
        Tone.TEXT: "#dedee4", Tone.BRIGHT: "#ffffff", Tone.DIM: "#9c9ca8", Tone.KEY: "#f0e442", Tone.LINK: "#8fd0f5",
        Tone.OK: "#56b4e9", Tone.BUSY: "#c9c9d2", Tone.WARN: "#f0c000", Tone.BAD: "#ff7a33", Tone.DONE: "#9c9ca8",
        Tone.LEAVING: "#e29bc4",
    },
    tints={**_DARK_TINTS, "green": ("#006a52", "#ffffff"), "orange": ("#7a5200", "#ffffff")},
)  # fmt: skip
_SIXTEEN_TINTS = {
    "red": ("ansi_red", "ansi_bright_white"), "orange": ("ansi_yellow", "ansi_black"),
    "green": ("ansi_green", "ansi_black"), "blue": ("ansi_blue", "ansi_bright_white"),
    "purple": ("ansi_magenta", "ansi_bright_white"), "grey": ("ansi_white", "ansi_black"),
}  # fmt: skip
SIXTEEN = Palette(
    name="16-dark",
    about="the terminal's own 16 colours on a dark ground",
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
    tints=_SIXTEEN_TINTS,
)  # fmt: skip
SIXTEEN_LIGHT = Palette(
    name="16-light",
    about="the terminal's own 16 colours on a bright ground",
    ansi=True,
    dark=False,
    background="ansi_default",
    panel="ansi_default",
    cursor="ansi_cyan",
    cursor_text="ansi_black",
    border="ansi_blue",
    accent="ansi_magenta",
    tones={
        Tone.TEXT: "ansi_default", Tone.BRIGHT: "ansi_black", Tone.DIM: "ansi_bright_black", Tone.KEY: "ansi_magenta",
        Tone.LINK: "ansi_blue", Tone.OK: "ansi_green", Tone.BUSY: "ansi_blue", Tone.WARN: "ansi_magenta",
        Tone.BAD: "ansi_red", Tone.DONE: "ansi_bright_black", Tone.LEAVING: "ansi_magenta",
    },
    tints=_SIXTEEN_TINTS,
    bold=frozenset({Tone.KEY, Tone.BRIGHT, Tone.WARN}),
)  # fmt: skip
MONO = Palette(
    name="mono",
    about="no colours at all: weight, reverse, glyphs and words",
    ansi=True,
    background="ansi_default",
    panel="ansi_default",
    cursor="ansi_default",
    cursor_text="ansi_default",
    border="ansi_default",
    accent="ansi_default",
    tones=dict.fromkeys(Tone, "ansi_default"),
    tints=dict.fromkeys(TINTS, ("ansi_default", "ansi_default")),
    reverse=True,
    bold=frozenset({Tone.KEY, Tone.BRIGHT, Tone.WARN, Tone.BAD}),
    faint=frozenset({Tone.DIM, Tone.DONE}),
)
THEMES: Mapping[str, Palette] = {
    palette.name: palette for palette in (NAVY, PAPER, OKABE, SIXTEEN, SIXTEEN_LIGHT, MONO)
}
