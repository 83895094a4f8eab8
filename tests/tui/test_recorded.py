"""What was recorded of objects: timelines, and writes that are taken back."""

from __future__ import annotations

import pytest

from common.api import kinds
from console.tui.screens.dialogs import Confirm
from console.tui.screens.timeline import TimelineScreen
from tests.tui.conftest import running
from tests.tui.fleet import Fleet


@pytest.mark.actions("write.undo")
async def test_undo_shows_the_last_write_to_the_object_and_takes_it_back(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("slash")
        await console.type("checkout")
        await console.press("enter", "U")
        assert isinstance(console.app.screen, Confirm)
        assert "shop/checkout:2.4.1 -> shop/checkout:2.5.0" in " ".join(console.text().replace("│", "").split())
        await console.press("tab", "enter")
        (write,) = fleet.written()
        assert (write[0], write[2]) == ("post", "undo")
        assert "undone" in console.note()


@pytest.mark.actions("change.undo")
async def test_undo_is_cancelled_by_enter_alone(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("history")
        await console.press("U", "enter")
        assert fleet.written() == []


async def test_undo_says_when_nothing_is_recorded(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("nodes")
        await console.press("U")
        assert "no write to berth-1 is recorded" in console.note()


@pytest.mark.actions("history")
async def test_the_history_of_an_object_is_a_timeline_of_events_and_writes(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("slash")
        await console.type("checkout")
        await console.press("enter", "H")
        assert isinstance(console.app.screen, TimelineScreen)
        shown = console.text()
        assert "ScalingReplicaSet" in shown
        assert "update" in shown
        assert "mqtt-bridge" not in shown


async def test_the_timeline_goes_from_fault_to_fault_and_to_their_objects(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("timeline iot")
        await console.press("n", "n")
        assert "no more faults" in console.note()
        await console.press("enter")
        assert (console.browse.view.resource, len(console.names())) == (kinds.PODS, 1)
        assert console.names()[0].startswith("mqtt-bridge")


async def test_a_timeline_of_nothing_known_is_refused(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("timeline pods/")
        assert "no KIND/NAME" in console.note()
        await console.goto("timeline a b")
        assert "one word" in console.note()
