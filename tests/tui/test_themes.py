"""Themes are worn at once and kept when wanted; each cluster's header has its colour."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.tui.app import QuarterdeckApp
from console.tui.clusters import Cluster
from console.tui.colours import Palette
from console.tui.looks import FILE, Settings
from console.tui.palette import Look
from console.tui.themes import MONO, NAVY, OKABE, PAPER, SIXTEEN, THEMES
from tests.tui.conftest import SIZES, Console, running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray

THEME = ("colon", *"theme", "enter")


def grounds(console: Console, line: int) -> set[str]:
    """The background colours of a line."""
    found = [segment.style.bgcolor for segment in console.strips()[line] if segment.style and segment.style.bgcolor]
    return {colour.name for colour in found}


def worn(console: Console) -> Palette:
    return console.app.session.look.palette


@pytest.mark.actions("theme.keep")
async def test_the_theme_under_the_cursor_is_worn_and_enter_keeps_it(fleet: Fleet, tmp_path: Path) -> None:
    async with running(fleet) as console:
        console.app.session.settings.path = tmp_path / FILE
        await console.press(*THEME, "down")
        assert worn(console) is PAPER
        assert grounds(console, 5) == {PAPER.background, PAPER.cursor} or grounds(console, 5) == {PAPER.background}
        await console.press("enter")
        await console.until(lambda: console.app.screen is console.browse)
        assert worn(console) is PAPER
        assert grounds(console, 0) == {PAPER.panel}
    assert json.loads((tmp_path / FILE).read_text()) == {"theme": "light"}


async def test_escape_goes_back_to_the_theme_before(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press(*THEME, "end", "escape")
        assert worn(console) is NAVY
        assert grounds(console, 0) == {NAVY.panel}
        assert console.app.session.settings.theme == ""


async def test_a_theme_can_be_named_and_a_wrong_name_is_answered_with_those_there_are(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon", *"theme", "space", *"colour", "minus", *"blind", "enter")
        assert worn(console) is OKABE
        await console.press("escape", "colon", *"theme", "space", *"pink", "enter")
        assert "there is no theme 'pink'; allowed: dark, light, colour-blind" in console.note()
        await console.press("colon", *"theme", "space", *"a", "space", *"b", "enter")
        assert console.note() == ":theme takes one name"


async def test_every_theme_leaves_nothing_of_the_one_before(fleet: Fleet) -> None:
    async with running(fleet, "120x36") as console:
        for palette in THEMES.values():
            console.app.wear(palette)
            await console.settle()
            known = {colour.removeprefix("ansi_") for colour in (palette.background, palette.panel, palette.cursor)}
            names = set().union(*(grounds(console, line) for line in range(36)))
            assert {name for name in names if not name.startswith("color(")} <= known, palette.name


async def test_a_theme_that_cannot_be_kept_says_why(fleet: Fleet, tmp_path: Path) -> None:
    async with running(fleet) as console:
        (tmp_path / "file").write_text("")
        console.app.session.settings.path = tmp_path / "file" / FILE
        await console.press(*THEME, "down", "enter")
        await console.until(lambda: str(tmp_path / "file") in console.note())


def app_of(fleet: Fleet, cluster: str, look: Look, settings: Settings) -> QuarterdeckApp:
    known = [Cluster(name, "https://10.0.4.2:6443", "admin", lambda: lambda: fleet.gateway)
             for name in ("homelab", "prod")]  # fmt: skip
    return QuarterdeckApp(
        lambda: fleet.gateway, cluster=cluster, clock=fleet.clock, look=look, settings=settings, clusters=known
    )


async def test_production_has_a_header_of_its_own_in_every_theme(fleet: Fleet) -> None:
    for palette in (NAVY, SIXTEEN, MONO):
        app = app_of(fleet, "prod", Look(palette), Settings())
        async with app.run_test(size=SIZES["80x24"]) as pilot:
            console = Console(app, pilot, fleet)
            await console.settle()
            if palette is MONO:
                assert all(segment.style is not None and segment.style.reverse for segment in console.strips()[0])
            else:
                assert grounds(console, 0) == {palette.tints["red"][0].removeprefix("ansi_")}


@pytest.mark.actions("cluster.colour")
async def test_the_colour_of_a_cluster_is_chosen_from_a_list_and_kept(fleet: Fleet, tmp_path: Path) -> None:
    app = app_of(fleet, "homelab", Look(), Settings(tmp_path / FILE))
    async with app.run_test(size=SIZES["120x36"]) as pilot:
        console = Console(app, pilot, fleet)
        await console.settle()
        await console.press("colon", *"ctx", "enter", "c")
        await portray(console, "cluster-colour")
        await console.press("down", "down", "down", "enter")
        await console.until((tmp_path / FILE).exists)
        await console.until(lambda: grounds(console, 0) != {NAVY.panel})
        assert grounds(console, 0) == {NAVY.tints["green"][0]}
        await console.press("c", "escape")
        assert grounds(console, 0) == {NAVY.tints["green"][0]}
    assert json.loads((tmp_path / FILE).read_text()) == {"clusters": {"homelab": "green"}}


async def test_the_tinted_header(fleet: Fleet) -> None:
    app = app_of(fleet, "prod", Look(), Settings())
    async with app.run_test(size=SIZES["120x36"]) as pilot:
        console = Console(app, pilot, fleet)
        await console.settle()
        await console.press("ctrl+e")
        await portray(console, "production")
