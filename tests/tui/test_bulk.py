"""One verb on several objects, and taking back what was done last."""

from __future__ import annotations

import pytest

from common.api import kinds
from common.api.kinds import Resource
from common.api.meta import Key, Object, name
from common.client.resources import ApiResource
from common.errors import Forbidden
from console.tui.screens.dialogs import Ask, Choose, Confirm
from tests.tui import gateway
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray

SITES = Resource("example.org", "v1", "sites", "Site")


def replicas(fleet: Fleet, deployment: str) -> int:
    found = next(obj for obj in fleet.api.items(kinds.DEPLOYMENTS) if name(obj) == deployment)
    return int(found["spec"]["replicas"])


async def test_pictures(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("space", "space", "space", "r")
        await portray(console, "restart-several")


async def test_one_dialog_lists_all_that_are_restarted(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        three = console.names()[:3]
        await console.press("space", "space", "space", "r")
        assert isinstance(console.app.screen, Confirm)
        assert all(item in console.text() for item in three)
        await console.press("tab", "enter")
        assert [write[1] for write in fleet.written()] == [f"deployments/{item}" for item in three]
        assert not isinstance(console.app.screen, Confirm)


async def test_all_marked_are_scaled_and_one_that_is_refused_costs_the_others_nothing(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        first, second, third = console.names()[:3]
        fleet.api.fail(Forbidden("not this one"), verb="patch", name=second)
        await console.press("space", "space", "space", "s")
        assert isinstance(console.app.screen, Ask)
        assert all(item in console.text() for item in (first, second, third))
        await console.press("ctrl+u", "6", "enter")
        assert (replicas(fleet, first), replicas(fleet, third)) == (6, 6)
        assert console.note() == f"2 of 3 done; {second}: not this one"


async def test_an_image_is_set_where_the_container_is_and_nowhere_when_one_lacks_it(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("space", "space", "i")
        assert "has no container 'checkout-api'" in console.note()
        assert fleet.written() == []


async def test_nodes_are_drained_one_at_a_time(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("nodes")
        await console.press("space", "space", "r")
        assert "one at a time" in console.note()
        assert console.app.screen is console.browse


# Kinds of others


@pytest.fixture
def sites(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """A kind whose replicas only its scale subresource knows."""
    served = ApiResource(SITES, "site", (), (), gateway._VERBS, frozenset({"scale"}))
    monkeypatch.setattr(gateway, "SERVED", (*gateway.SERVED, served))
    site: Object = {"metadata": {"name": "front", "namespace": "default"}, "spec": {"replicas": 2, "size": 2}}
    fleet.api.seed(SITES, {"apiVersion": SITES.api_version, "kind": SITES.kind, **site})
    return fleet


async def test_a_kind_of_others_is_scaled_by_its_scale_subresource(sites: Fleet) -> None:
    async with running(sites) as console:
        await console.goto("sites")
        assert "scale" in console.text().splitlines()[-1]
        await console.press("plus")
        assert sites.written() == [("patch", "sites/front", "scale")]
        assert console.note() == "front: 3 replicas wanted"
        await console.press("minus", "s", "ctrl+u", "5", "enter")
        assert (sites.api.find(SITES, Key("default", "front")) or {})["spec"]["replicas"] == 5


async def test_minus_is_the_last_view_where_nothing_can_be_scaled(sites: Fleet) -> None:
    async with running(sites) as console:
        await console.goto("svc")
        await console.goto("sites")
        await console.press("minus")
        assert console.browse.view.resource == SITES
        await console.goto("cm")
        await console.press("minus")
        assert console.browse.view.resource == SITES


# Undo


def undone(fleet: Fleet) -> list[str]:
    return [write[1] for write in fleet.written() if write[2] == "undo"]


async def deleted(console: Console, fleet: Fleet, count: int) -> list[str]:
    """Delete the first pods, as the API records it; their names."""
    rows = console.browse.table.model.rows[:count]
    await console.press(*["space"] * count, "ctrl+d", "tab", "enter")
    for seconds, row in enumerate(rows):
        fleet.change(row.obj, "delete", "anna", -seconds - 1)
    return [row.key.name for row in rows]


async def test_undo_takes_back_all_that_was_deleted_last_the_latest_first(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("pods metrics")
        first, second = await deleted(console, fleet, 2)
        await console.press("U")
        assert isinstance(console.app.screen, Choose)
        assert f"deleted: {first}, {second}" in console.text()
        await console.press("enter")
        assert isinstance(console.app.screen, Confirm)
        assert "is created again" in console.text()
        await console.press("enter")
        assert undone(fleet) == []
        await console.press("U", "enter", "tab", "enter")
        assert undone(fleet) == sorted(undone(fleet), reverse=True)
        assert len(undone(fleet)) == 2
        assert "undone" in console.note()


async def test_undo_may_also_take_back_what_was_written_to_the_object_under_the_cursor(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("pods metrics")
        await deleted(console, fleet, 1)
        await console.goto("deploy")
        await console.press("U", "j", "enter")
        assert isinstance(console.app.screen, Confirm)
        assert "checkout-api" in console.text()
        assert "shop/checkout:2.4.1" in console.text()


async def test_undo_right_after_a_verb_asks_about_that_alone(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("plus", "U")
        assert isinstance(console.app.screen, Confirm)
