"""The log screen: what is chosen, narrowed, spread, read anew and saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.api import kinds
from common.api.meta import Object, name
from console.tui.screens.dialogs import Ask
from console.tui.screens.logs import LogsScreen
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray

ALL = ("60x20", "80x24", "120x36", "200x50")
JSON = '{"level":"error","ts":1763802840.5,"msg":"payment refused","order":{"id":4711,"total":"12.40"},"retry":false}'


@pytest.fixture
def fleet() -> Fleet:
    """Two frontends have logs; one of them speaks JSON now and then."""
    fleet = Fleet().fill()
    for source in [source for source in fleet.gateway.logs if source.startswith("web-frontend")][1:]:
        fleet.gateway.logs[source].append(f"2026-11-22T09:14:01.500000000Z {JSON}")
    return fleet


async def opened(console: Console) -> LogsScreen:
    await console.press("enter", "l")
    await console.fleet.clock.advance(1)  # some pods of the fleet have nothing to say
    await console.settle()
    screen = console.app.screen
    assert isinstance(screen, LogsScreen)
    return screen


async def of_frontends(console: Console) -> LogsScreen:
    await console.press("colon", *"deploy", "enter", "slash")
    await console.type("web-frontend")
    return await opened(console)


async def test_logs_of_a_workload(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await of_frontends(console)
        await portray(console, "logs-workload")
        await console.press("J", "l", "l", "l", "t")
        await portray(console, "logs-errors")


async def test_marked_pods_are_read_side_by_side(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("slash")
        await console.type("web-frontend|mqtt.*crash")
        await console.press("enter", "space", "space", "space", "l")
        await fleet.clock.advance(1)
        await console.settle()
        assert isinstance(console.app.screen, LogsScreen)
        assert console.app.screen.trail()[-2:] == ["3 pods", "logs"]
        assert "GET /" in console.text()


async def test_pods_are_chosen_by_labels(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon")
        await console.type("logs app=web-frontend")
        await console.press("enter")
        await fleet.clock.advance(1)
        await console.settle()
        assert isinstance(console.app.screen, LogsScreen)
        assert "GET /" in console.text()
        await console.press("escape", "colon")
        await console.type("logs")
        await console.press("enter")
        assert "takes labels" in console.note()


async def test_a_new_pod_joins_and_one_that_goes_is_told(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await of_frontends(console)
        old = fleet.pods_of("web-frontend")[0]
        new: Object = {**old, "metadata": {**old["metadata"], "name": "web-frontend-0000000000-fresh", "uid": "new"}}
        fleet.gateway.feed(f"{name(new)}/web-frontend", "2026-11-22T09:14:03.000000000Z INFO  I am new")
        fleet.api.seed(kinds.PODS, new)
        await console.settle()
        assert "joins" in console.text()
        assert "INFO  I am new" in console.text()


async def test_a_filter_a_level_and_a_source_narrow_what_is_shown(fleet: Fleet) -> None:
    async with running(fleet) as console:
        screen = await of_frontends(console)
        everything = len(screen._store.kept)
        await console.press("f")
        await console.type("503")
        assert all("503" in entry.text or entry.note for entry in screen._store.shown)
        await console.press("enter")
        assert f"of {everything} lines" in console.text()
        await console.press("escape")
        assert len(screen._store.shown) == everything
        await console.press("l", "l", "l")
        assert "error and worse" in console.text()
        assert " 200 " not in console.text()
        await console.press("l", "tab")
        assert {entry.source for entry in screen._store.shown} == {0}
        assert len(screen._store.kept) == everything


async def test_a_filter_that_means_nothing_is_said(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await of_frontends(console)
        await console.press("f")
        await console.type("(")
        await console.press("enter")
        assert "this filter means nothing" in console.note()


async def test_digits_choose_how_far_back(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await of_frontends(console)
        for digit, wanted in (
            ("4", ("sinceSeconds", "900")),
            ("1", ("limitBytes", "1000000")),
            ("0", ("tailLines", "500")),
        ):
            fleet.gateway.asked.clear()
            await console.press(digit)
            assert fleet.gateway.asked
            assert all(asked[wanted[0]] == wanted[1] for _, asked in fleet.gateway.asked)
            assert all(("follow" in asked) == (digit != "1") for _, asked in fleet.gateway.asked)


async def test_search_goes_from_hit_to_hit_and_counts_what_comes(fleet: Fleet) -> None:
    async with running(fleet) as console:
        screen = await of_frontends(console)
        await console.press("slash")
        await console.type("payment")
        await console.press("enter")
        assert "1 lines have it" in console.text()
        assert not screen._view.following
        source = next(source for source in fleet.gateway.logs if source.startswith("web-frontend"))
        fleet.gateway.feed(source, "2026-11-22T09:14:03.000000000Z payment accepted")
        await console.settle()
        assert "2 lines have it" in console.text()
        first = screen._view._hit
        await console.press("n")
        assert screen._view._hit > first
        await console.press("n")
        assert screen._view._hit == first
        await console.press("N")
        assert screen._view._hit > first


async def test_what_is_shown_is_saved_to_a_new_file(fleet: Fleet, tmp_path: Path) -> None:
    async with running(fleet) as console:
        await of_frontends(console)
        await console.press("f")
        await console.type("payment")
        await console.press("enter", "ctrl+s")
        dialog = console.app.screen
        assert isinstance(dialog, Ask)
        target = tmp_path / "it.log"
        await console.press("ctrl+u")
        await console.type(str(target))
        await console.press("enter")
        for _ in range(200):
            if "saved to" in console.note():
                break
            await console.settle()
        assert console.note() == f"saved to {target}"
        assert JSON in target.read_text()
        assert target.stat().st_mode & 0o077 == 0
        before = target.read_text()
        await console.press("ctrl+s", "ctrl+u")
        await console.type(str(target))
        await console.press("enter")
        for _ in range(200):
            if "exists already" in console.note():
                break
            await console.settle()
        assert "exists already" in console.note()
        assert target.read_text() == before
