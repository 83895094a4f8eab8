"""The console on clusters that are not Quarterdeck's: everything that API objects tell works, the rest says why not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from common.api import kinds
from common.client.resources import ApiResource
from common.errors import NotFound
from tests.tui.conftest import running
from tests.tui.fleet import Fleet
from tests.tui.gateway import SERVED
from tests.tui.pictures import portray

THEIRS = tuple(item for item in SERVED if item.resource.group != "quarterdeck.io")


@pytest.fixture
def theirs(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    async def discover() -> Sequence[ApiResource]:
        return THEIRS

    monkeypatch.setattr(fleet.gateway, "discover", discover)
    fleet.gateway.series.clear()
    return fleet


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("discover", "this cluster's machines are not Quarterdeck's; :nodes shows them"),
        ("history", "this cluster keeps no history of writes; :timeline has its events"),
        ("lb", "this cluster's balancers do not count; :svc shows its Services"),
        ("fit nginx x3", "this cluster's scheduler cannot be asked; :topo shows what is free"),
    ],
)
async def test_pages_of_our_control_plane_say_that_they_are(command: str, said: str, theirs: Fleet) -> None:
    async with running(theirs, "80x24") as console:
        await console.goto(command)
        assert said in console.note()
        assert said.split("; ")[1] in console.text()
        assert console.app.screen is console.browse


@pytest.mark.parametrize(
    ("kind", "key", "said"),
    [
        ("pods", "W", "this cluster's scheduler cannot be asked; its events tell why a pod waits"),
        ("pods", "U", "this cluster keeps no history of writes"),
        ("pods", "m", "this cluster keeps no figures over time"),
        ("nodes", "s", "this cluster's machines are not Quarterdeck's"),
        ("nodes", "i", "this cluster's machines are not Quarterdeck's"),
    ],
)
async def test_verbs_of_our_control_plane_are_not_offered(kind: str, key: str, said: str, theirs: Fleet) -> None:
    async with running(theirs, "200x50") as console:
        await console.goto(kind)
        footer = console.text().splitlines()[-1]
        assert "W why" not in footer
        await console.press(key)
        assert said in console.note()
        await console.press("question_mark")
        assert said in " ".join(console.text().replace("│", " ").split())


@pytest.mark.parametrize("command", ["topo", "timeline", "doctor", "xray deploy", "pods", "nodes"])
async def test_what_objects_tell_is_shown(command: str, theirs: Fleet) -> None:
    async with running(theirs, "120x36") as console:
        await console.goto(command)
        assert console.note() == ""
        assert "Reading from the API" not in console.text()


async def test_pulses_without_figures(theirs: Fleet) -> None:
    async with running(theirs) as console:
        await console.goto("pulses")
        await portray(console, "pulses-elsewhere")


async def test_a_drain_without_our_scheduler_says_what_is_not_known(theirs: Fleet) -> None:
    async with running(theirs, "120x36") as console:
        await console.goto("nodes")
        await console.press("r")
        assert "where they would go is not known: this cluster's scheduler cannot be asked" in console.text()
        assert "to evict" in console.text()


async def test_a_kind_that_the_cluster_does_not_serve_is_no_endless_wait(theirs: Fleet) -> None:
    refusal = NotFound("the server could not find the requested resource")
    theirs.api.fail(refusal, verb="list", resource=kinds.LEASES, times=99)
    async with running(theirs, "80x24") as console:
        await console.goto("leases")
        assert "This cluster has no leases.coordination.k8s.io" in console.text()


async def test_a_long_message_goes_on_in_the_line_below(theirs: Fleet) -> None:
    async with running(theirs, "60x20") as console:
        await console.goto("fit nginx")
        first, second = console.text().splitlines()[-2:]
        assert first.endswith("cannot be asked; :topo")
        assert second.split() == ["shows", "what", "is", "free"]
