"""What every action that changes something does: keys in, requests and messages out."""

from __future__ import annotations

import pytest

from common.api import kinds
from common.api.meta import Key, name
from common.errors import Conflict, Forbidden
from console.tui.screens.dialogs import Ask, Choose, Confirm
from tests.tui.conftest import running
from tests.tui.fleet import Fleet


@pytest.mark.actions("scale")
async def test_scale_asks_and_uses_the_scale_subresource(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("s")
        assert isinstance(console.app.screen, Ask)
        await console.press("backspace", "7", "enter")
        assert fleet.written() == [("patch", "deployments/checkout-api", "scale")]
        assert (fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {})["spec"]["replicas"] == 7


async def test_scale_refuses_what_is_not_a_number(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("s", "x", "enter")
        assert isinstance(console.app.screen, Ask)
        assert "whole number" in console.text()
        await console.press("escape")
        assert fleet.written() == []


@pytest.mark.actions("scale.down", "scale.up")
async def test_plus_and_minus_scale_by_one(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("plus")
        assert (fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {})["spec"]["replicas"] == 4
        await console.press("minus", "minus")
        assert (fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {})["spec"]["replicas"] == 2


async def test_delete_does_nothing_on_a_single_enter(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("ctrl+d")
        assert isinstance(console.app.screen, Confirm)
        await console.press("enter")
        assert fleet.written() == []


@pytest.mark.actions("delete")
async def test_delete_takes_all_marked_pods_by_their_uids(fleet: Fleet) -> None:
    async with running(fleet) as console:
        marked = console.names()[:2]
        await console.press("space", "space", "ctrl+d", "tab", "enter")
        assert fleet.written() == [("delete", f"pods/{pod}", "") for pod in marked]
        assert not console.browse.table.model.marks


async def test_what_the_api_refuses_is_shown(fleet: Fleet) -> None:
    async with running(fleet) as console:
        fleet.api.fail(Forbidden("pods is forbidden: this cluster is read-only"), verb="delete")
        await console.press("ctrl+d", "tab", "enter")
        assert "read-only" in console.note()


@pytest.mark.actions("undo")
async def test_undo_chooses_a_revision(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("ctrl+l")
        assert isinstance(console.app.screen, Choose)
        await console.press("enter")
        deployment = fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {}
        assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "shop/checkout:2.4.1"


@pytest.mark.actions("restart")
async def test_restart_annotates_the_template(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("r", "tab", "enter")
        deployment = fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {}
        assert "kubectl.kubernetes.io/restartedAt" in deployment["spec"]["template"]["metadata"]["annotations"]


@pytest.mark.actions("image")
async def test_set_image_asks_with_the_present_one(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("i", "ctrl+u")
        await console.type("shop/checkout:3")
        await console.press("enter")
        patches = [call.body for call in fleet.api.calls if call.verb == "patch"]
        assert patches == [
            {"spec": {"template": {"spec": {"containers": [{"name": "checkout-api", "image": "shop/checkout:3"}]}}}}
        ]


@pytest.mark.actions("cordon", "uncordon")
async def test_cordon_and_uncordon(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("nodes")
        await console.press("c")
        assert (fleet.api.find(kinds.NODES, Key("", "berth-1")) or {})["spec"]["unschedulable"] is True
        assert "SchedulingDisabled" in console.text()
        await console.press("u")
        assert not (fleet.api.find(kinds.NODES, Key("", "berth-1")) or {})["spec"].get("unschedulable")


@pytest.mark.actions("adopt")
async def test_adopt_sends_the_pairing_code_and_shows_a_wrong_one(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("discover")
        fleet.api.fail(Forbidden("the pairing code is wrong; the agent has printed a new one"), subresource="adopt")
        await console.press("a")
        await console.type("4821")
        await console.press("enter")
        assert "code is wrong" in console.note()
        call = next(call for call in fleet.api.calls if call.subresource == "adopt")
        assert (call.key.name, call.body) == ("attic-pi", {"code": "4821"})


async def test_a_conflict_leaves_everything_as_it_was(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        fleet.api.fail(Conflict("the object has been modified"), verb="patch")
        await console.press("plus")
        assert "modified" in console.note()


@pytest.mark.actions("trigger")
async def test_a_cronjob_is_run_by_key_after_a_question(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("cronjobs")
        await console.press("t", "enter")
        assert fleet.written() == [], "Cancel is focused"
        await console.press("t", "tab", "enter")
        made = [job for job in fleet.api.items(kinds.JOBS) if name(job).startswith("nightly-backup-manual-")]
        assert len(made) == 1
        assert made[0]["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
        assert made[0]["metadata"]["ownerReferences"][0]["name"] == "nightly-backup"
        assert name(made[0]) in console.text()


@pytest.mark.actions("suspend")
@pytest.mark.parametrize(
    ("command", "row", "resource"), [("jobs", "import", kinds.JOBS), ("cj", "night", kinds.CRONJOBS)]
)
async def test_a_job_is_suspended_and_resumed_by_key(
    command: str, row: str, resource: kinds.Resource, fleet: Fleet
) -> None:
    async with running(fleet) as console:
        await console.goto(command)
        await console.press("slash")
        await console.type(row)
        await console.press("enter")
        found = console.names()[0]
        for wanted in (True, False):
            await console.press("s", "tab", "enter")
            obj = fleet.api.find(resource, Key("default", found))
            assert obj is not None
            assert obj["spec"]["suspend"] is wanted
