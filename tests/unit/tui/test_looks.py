"""Themes that every eye can read, and the settings that choose one."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.color import Color
from rich.style import Style

from console.tui.colours import TINTS, Palette
from console.tui.looks import FILE, LookError, Settings, choose, load
from console.tui.palette import ASCII_GLYPHS, UNICODE_GLYPHS, Look
from console.tui.plain import plainly
from console.tui.themes import MONO, NAVY, OKABE, PAPER, SIXTEEN, SIXTEEN_LIGHT, THEMES
from console.views.status import Tone

FULL = [palette for palette in THEMES.values() if not palette.ansi]
READABLE, STATED = 4.5, 3.0  # WCAG 2.2: contrast of text, and of what is told by a glyph and a word as well


def _light(color: Color) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return float(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(part) for part in color.get_truecolor())
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(style: Style) -> float:
    """As WCAG 2.2 has it: 1 for the same colour, 21 for black on white."""
    assert style.color is not None
    assert style.bgcolor is not None
    low, high = sorted((_light(style.color), _light(style.bgcolor)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", FULL, ids=lambda palette: palette.name)
def test_every_tone_can_be_read_wherever_it_stands(palette: Palette) -> None:
    for styles, least in (
        (palette.styles, READABLE),
        (palette.panel_styles, READABLE),
        (palette.cursor_styles, STATED),
    ):
        poor = {tone: round(contrast(style), 2) for tone, style in styles.items() if contrast(style) < least}
        assert not poor


@pytest.mark.parametrize("palette", FULL, ids=lambda palette: palette.name)
def test_a_tinted_header_can_be_read_and_differs_from_every_other(palette: Palette) -> None:
    assert set(palette.tints) == set(TINTS)
    for tint in TINTS:
        assert all(contrast(style) >= READABLE for style in palette.tinted_styles(tint).values()), tint
    grounds = [palette.panel, *(ground for ground, _ in palette.tints.values())]
    assert len(set(grounds)) == len(grounds)


@pytest.mark.parametrize("palette", THEMES.values(), ids=lambda palette: palette.name)
def test_a_theme_has_a_colour_for_every_tone_and_tint(palette: Palette) -> None:
    assert palette.tones.keys() == set(Tone)
    assert palette.tints.keys() == set(TINTS)


def _seen(color: str, matrix: tuple[tuple[float, float, float], ...]) -> tuple[float, ...]:
    triplet = [part / 255 for part in Color.parse(color).get_truecolor()]
    return tuple(sum(weight * part for weight, part in zip(row, triplet, strict=True)) for row in matrix)


# What eyes without red, and without green, receptors see: Machado, Oliveira and Fernandes (2009), severity 1.
BLIND = {
    "protanopia": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deuteranopia": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
}


@pytest.mark.parametrize("sight", BLIND)
def test_states_stay_apart_for_colour_blind_eyes(sight: str) -> None:
    states = (Tone.OK, Tone.WARN, Tone.BAD)
    for one, other in combinations(states, 2):
        first, second = (_seen(OKABE.tones[tone], BLIND[sight]) for tone in (one, other))
        distance = sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5
        assert distance > 0.25, f"{one} and {other} look alike"


def test_without_colours_there_are_none() -> None:
    for styles in (MONO.styles, MONO.panel_styles, MONO.cursor_styles, MONO.tinted_styles("red")):
        for style in styles.values():
            assert style.color is not None
            assert style.color.is_default
            assert style.bgcolor is not None
            assert style.bgcolor.is_default
    assert MONO.cursor_styles[Tone.TEXT].reverse
    assert MONO.tinted_styles("red")[Tone.TEXT].reverse
    assert not MONO.tinted_styles("")[Tone.TEXT].reverse


@pytest.mark.parametrize(
    ("environment", "look"),
    [
        ({"TERM": "xterm-256color"}, Look(NAVY)),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, Look(NAVY)),
        ({"TERM": "xterm"}, Look(SIXTEEN)),
        ({"TERM": "rxvt", "COLORFGBG": "0;15"}, Look(SIXTEEN_LIGHT)),
        ({"TERM": "rxvt", "COLORFGBG": "15;0"}, Look(SIXTEEN)),
        ({"TERM": "xterm", "NO_COLOR": "1"}, Look(MONO)),
        ({"TERM": "xterm", "NO_COLOR": ""}, Look(SIXTEEN)),
        ({"TERM": "linux", "LANG": "C"}, Look(SIXTEEN, ascii=True)),
        ({"TERM": "linux", "LANG": "de_DE.UTF-8"}, Look(SIXTEEN)),
    ],
)
def test_the_look_suits_the_terminal(environment: dict[str, str], look: Look) -> None:
    assert choose(environment) == look


def test_what_was_asked_for_comes_before_no_color_and_that_before_the_settings() -> None:
    light = Settings(theme="light")
    assert choose({"TERM": "xterm-256color"}, light) == Look(PAPER)
    assert choose({"TERM": "xterm"}, light) == Look(SIXTEEN_LIGHT)
    assert choose({"TERM": "xterm-256color", "NO_COLOR": "1"}, light) == Look(MONO)
    assert choose({"NO_COLOR": "1"}, light, theme="colour-blind") == Look(OKABE)
    assert choose({"TERM": "xterm-256color"}, Settings(ascii=True)) == Look(NAVY, ascii=True)
    with pytest.raises(LookError, match="there is no theme 'pink'; allowed: dark, light"):
        choose({}, theme="pink")


def test_settings_come_back_as_they_were_kept(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings(tmp_path / FILE)
    kept = Settings(tmp_path / FILE, "light", True, {"prod": "purple"})
    kept.save()
    assert load(tmp_path) == kept


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "must hold an object"),
        ('{"thema": "light"}', "there is no setting 'thema'; allowed: theme, ascii, clusters"),
        ('{"theme": "pink"}', "there is no theme 'pink'; allowed: dark, "),
        ('{"theme": ["dark"]}', "there is no theme"),
        ('{"ascii": 1}', "ascii must be true or false, not 1"),
        ('{"clusters": []}', "clusters must be an object"),
        ('{"clusters": {"a": "pink"}}', "the colour of cluster 'a' is 'pink'; allowed: red, .*none"),
        ('{"clusters": {"a": ["red"]}}', "the colour of cluster 'a'"),
    ],
)
def test_settings_that_mean_nothing_are_refused_by_name(tmp_path: Path, data: str, problem: str) -> None:
    (tmp_path / FILE).write_text(data)
    with pytest.raises(LookError, match=problem) as refused:
        load(tmp_path)
    assert FILE in str(refused.value)


@pytest.mark.parametrize(
    ("cluster", "tint"),
    [
        ("prod", "red"),
        ("eu-prod-1", "red"),
        ("Production", "red"),
        ("homelab", ""),
        ("products", ""),
        ("stage", "blue"),
    ],
)
def test_production_is_red_until_somebody_says_otherwise(cluster: str, tint: str) -> None:
    settings = Settings(clusters={"stage": "blue"})
    assert settings.tint_of(cluster) == tint
    settings.clusters[cluster] = "none"
    assert settings.tint_of(cluster) == ""


def test_settings_are_kept_as_people_write_them(tmp_path: Path) -> None:
    Settings(tmp_path / FILE, clusters={"prod": "red"}).save()
    assert json.loads((tmp_path / FILE).read_text()) == {"clusters": {"prod": "red"}}


# Glyphs


def test_every_tone_with_a_glyph_has_one_of_each_set_and_no_two_are_alike() -> None:
    assert UNICODE_GLYPHS.keys() == ASCII_GLYPHS.keys()
    for glyphs in (UNICODE_GLYPHS, ASCII_GLYPHS):
        assert len(set(glyphs.values())) == len(glyphs)
    assert "".join(ASCII_GLYPHS.values()).isascii()


@pytest.mark.parametrize("text", ["plain", "● Running", "Grüße", "日本", "▁▂▃▅█", "naïve — “so”", "🚀 up"])
def test_plain_text_takes_as_many_cells(text: str) -> None:
    assert plainly(text).isascii()
    assert len(plainly(text)) == cell_len(text)
