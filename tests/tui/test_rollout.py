"""The rollout's page: how it goes, how it went, and what its keys do."""

from __future__ import annotations

import pytest

from common.api import kinds, meta
from common.api.meta import Key, key
from console.tui.screens.dialogs import Confirm
from console.tui.screens.rollout import RolloutScreen
from tests.tui.conftest import running
from tests.tui.fleet import Fleet


@pytest.mark.actions("rollout", "rollout.pause", "rollout.resume")
async def test_the_rollout_screen_pauses_and_resumes(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("v", "p")
        assert isinstance(console.app.screen, RolloutScreen)
        deployment = fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {}
        assert deployment["spec"]["paused"] is True
        assert "Paused" in console.text()
        await console.press("u")
        deployment = fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {}
        assert "paused" not in deployment["spec"]


@pytest.mark.actions("rollout.undo")
async def test_the_rollout_screen_takes_the_last_write_back(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("slash", *"checkout", "enter", "v", "U")
        assert isinstance(console.app.screen, Confirm)
        assert "shop/checkout:2.4.1 -> shop/checkout:2.5.0" in " ".join(console.text().replace("│", "").split())
        await console.press("tab", "enter")
        (write,) = fleet.written()
        assert (write[0], write[2]) == ("post", "undo")
        assert isinstance(console.app.screen, RolloutScreen)


async def test_the_rollout_screen_shows_how_it_went(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("v")
        await fleet.clock.advance(30)
        await console.settle()
        old = [pod for pod in fleet.api.items(kinds.PODS) if meta.name(pod).startswith("checkout-api-4g8v9")]
        for pod in old[:2]:
            fleet.api.vanish(kinds.PODS, meta.key(pod))
        await console.settle()
        line = next(line for line in console.text().splitlines() if "So far" in line)
        bars = line.partition(" ready  ")[2].partition(" old")[0].strip()
        assert line.split("│")[-2].split()[0:3] == ["So", "far", "102s"], "it began before the page was opened"
        assert bars[0] > bars[-1], "fewer old ones are left than when it began"


async def test_a_statefulset_rolls_out_restarts_and_goes_back(fleet: Fleet) -> None:
    owner = fleet.stateful("default", "orders-db", 3, ("db:1", "db:2"))
    async with running(fleet) as console:
        await console.goto("sts")
        await console.press("v")
        assert isinstance(console.app.screen, RolloutScreen)
        assert "StatefulSet default/orders-db" in console.text()
        assert console.text().count("orders-db-") >= 3
        await console.press("p")
        assert "only a Deployment can be held" in console.note()
        await console.press("ctrl+l")
        assert "db:1" in console.text()
        await console.press("enter")
        found = fleet.api.find(kinds.STATEFULSETS, key(owner)) or {}
        assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "db:1"


async def test_the_rollout_screen_tells_why_a_deployment_went_back(fleet: Fleet) -> None:
    deployment = fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {}
    message = "Rolled back from revision 2 to revision 1: container main of pod x ended 2 times, last with Error"
    condition = {"type": "RolledBack", "status": "True", "reason": "CrashLoop", "message": message}
    status = {**deployment["status"], "conditions": [condition]}
    notes = {**deployment["metadata"]["annotations"], "quarterdeck.io/auto-rollback": "true"}
    metadata = {**deployment["metadata"], "annotations": notes}
    fleet.api.seed(kinds.DEPLOYMENTS, {**deployment, "metadata": metadata, "status": status})
    async with running(fleet, "80x24") as console:
        await console.goto("deploy")
        await console.press("v")
        shown = " ".join(console.text().replace("│", " ").split())
        assert "Rolled back Rolled back from revision 2 to revision 1" in shown
        assert "last with Error" in shown
