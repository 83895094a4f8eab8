"""A debugger in a running pod: what is asked for, what is waited for, and what is said when it does not come."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import PODS
from common.api.meta import Key, Object, key
from console.tui.screens.dialogs import Ask
from console.tui.shell import Ended, Wish
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray


@pytest.fixture
def wishes(monkeypatch: pytest.MonkeyPatch) -> list[Wish]:
    """What the terminal was lent to."""
    found: list[Wish] = []

    async def leave_for(_app: object, wish: Wish) -> Ended:
        found.append(wish)
        return Ended("the shell has ended", orderly=True)

    monkeypatch.setattr("console.tui.app.QuarterdeckApp.leave_for", leave_for)
    return found


async def to_pod(console: Console) -> Key:
    await console.type("/running")
    await console.press("enter")
    row = console.browse.table.model.current()
    assert row is not None
    return row.key


def added(console: Console, pod: Key) -> list[Object]:
    found: list[Object] = console.fleet.api.get(PODS, pod)["spec"].get("ephemeralContainers") or []
    return found


async def becomes(console: Console, pod: Key, **state: Any) -> None:
    """The agent says how the debugger is; the console looks again."""
    obj = console.fleet.api.get(PODS, pod)
    status = [{"name": item["name"], "state": state} for item in added(console, pod)]
    console.fleet.api.seed(PODS, {**obj, "status": {**obj["status"], "ephemeralContainerStatuses": status}})
    await console.fleet.clock.advance(1)
    await console.settle()


@pytest.mark.actions("debug")
async def test_a_container_of_the_image_joins_the_pod_and_gets_the_terminal(fleet: Fleet, wishes: list[Wish]) -> None:
    async with running(fleet) as console:
        pod = await to_pod(console)
        await console.press("D")
        assert isinstance(console.app.screen, Ask)
        await console.type(":1.36")
        await console.press("enter")
        (container,) = added(console, pod)
        first = fleet.api.get(PODS, pod)["spec"]["containers"][0]["name"]
        assert (container["image"], container["targetContainerName"]) == ("busybox:1.36", first)
        assert container["command"][0] == "/bin/sh"
        assert container["tty"]
        assert container["stdin"]
        assert console.note() == f"{container['name']}: not begun"
        await becomes(console, pod, waiting={"reason": "ContainerCreating"})
        assert console.note() == f"{container['name']}: ContainerCreating"
        assert not wishes
        await becomes(console, pod, running={})
        await console.until(lambda: bool(wishes))
        assert wishes[0].path == PODS.path(pod.namespace, pod.name, "attach")
        assert ("container", container["name"]) in wishes[0].params
        assert "leaving its shell ends it" in wishes[0].label
        assert console.note() == "the shell has ended"


async def test_a_row_of_a_container_says_whose_processes_are_seen(fleet: Fleet, wishes: list[Wish]) -> None:
    async with running(fleet) as console:
        pod = await to_pod(console)
        await console.press("enter", "G")
        row = console.browse.table.model.current()
        assert row is not None
        await console.press("D", "enter")
        (container,) = added(console, pod)
        assert container["targetContainerName"] == row.key.name


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"waiting": {"reason": "ErrImagePull", "message": "no such image"}}, "ErrImagePull: no such image"),
        ({"terminated": {"exitCode": 127}}, "ended with exit code 127"),
    ],
)
async def test_what_does_not_start_says_why(fleet: Fleet, wishes: list[Wish], state: dict[str, Any], said: str) -> None:
    async with running(fleet) as console:
        pod = await to_pod(console)
        await console.press("D", "enter")
        await becomes(console, pod, **state)
        await console.until(lambda: said in console.note())
        assert not wishes


async def test_a_pod_that_goes_meanwhile_ends_the_waiting(fleet: Fleet, wishes: list[Wish]) -> None:
    async with running(fleet) as console:
        pod = await to_pod(console)
        await console.press("D", "enter")
        fleet.api.vanish(PODS, pod)
        await fleet.clock.advance(1)
        await console.until(lambda: "not found" in console.note())
        assert not wishes


async def test_an_image_is_needed_and_escape_adds_nothing(fleet: Fleet, wishes: list[Wish]) -> None:
    async with running(fleet) as console:
        pod = await to_pod(console)
        await console.press("D", *["backspace"] * 7, "enter")
        assert "an image is a name such as busybox" in console.text()
        await console.press("escape")
        assert not added(console, pod)


async def test_a_pod_without_a_node_has_nothing_to_look_into(fleet: Fleet, wishes: list[Wish]) -> None:
    async with running(fleet) as console:
        console.browse.search("pending", final=True)
        await console.settle()
        await console.press("D")
        assert "has no node yet" in console.note()
        assert all(not added(console, key(pod)) for pod in fleet.api.items(PODS))


async def test_picture(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await to_pod(console)
        await console.press("D")
        await portray(console, "debug-dialog")
