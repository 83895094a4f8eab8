"""The tree of the console: keys in, branches out."""

from __future__ import annotations

import pytest

from common.api import kinds
from common.api.meta import name
from common.errors import Forbidden
from console.tui.screens.xray import XrayScreen
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray


def tree(console: Console) -> list[str]:
    screen = console.app.screen
    assert isinstance(screen, XrayScreen)
    return [row.obj["line"].text for row in screen.table.model.rows]


async def test_pictures(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("xray deploy default,iot")
        await console.press("j")
        await portray(console, "xray")


@pytest.mark.actions("xray", "xray.open", "xray.fold")
async def test_the_tree_of_an_object_is_folded_and_leads_to_its_parts(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("X")
        whole = tree(console)
        assert whole[0] == "deployment default/checkout-api"
        await console.press("space")
        assert tree(console) == whole[:1]
        await console.press("space")
        assert tree(console) == whole
        at = next(index for index, line in enumerate(whole) if "container" in line)
        await console.press(*["j"] * at, "enter")
        assert console.browse.view.resource == kinds.PODS
        assert f"pod {name(console.browse.current() or {})}" in whole[at - 1]


@pytest.mark.actions("xray.faults")
async def test_only_what_leads_to_a_fault_is_shown(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("xray deploy iot")
        every = tree(console)
        await console.press("ctrl+z")
        assert 0 < len(tree(console)) < len(every)
        assert all("home-assistant" not in line for line in tree(console))


async def test_a_kind_that_may_not_be_listed_says_why(fleet: Fleet) -> None:
    fleet.api.fail(Forbidden("deployments is forbidden"), verb="list", resource=kinds.DEPLOYMENTS, times=1000)
    async with running(fleet) as console:
        await console.goto("xray deploy")
        assert "deployments is forbidden" in console.text()


@pytest.mark.parametrize("words", ["xray nonsense", "xray help"])
async def test_words_that_mean_nothing_are_told(words: str, fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto(words)
        assert console.note()
        assert console.app.screen is console.browse


async def test_nothing_of_a_kind_is_said(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("xray sts nowhere")
        assert "No statefulsets here" in console.text()
