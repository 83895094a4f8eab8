"""Reaching into pods from the console: port-forwards and copies, keys in, connections and messages out."""

from __future__ import annotations

import asyncio

import pytest

from console.tui.screens.dialogs import Ask, Choose
from console.tui.screens.forwards import ForwardsScreen
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray

SMALL = ("60x20", "80x24", "120x36")


async def forward_first_service(console: Console) -> None:
    await console.press("colon", *"svc", "enter", "F")
    assert isinstance(console.app.screen, Ask)
    await console.press("enter")
    await console.until(lambda: bool(console.app.session.forwards.running))
    await console.settle()


@pytest.mark.actions("forward", "forward.stop", "forwards")
async def test_a_forward_is_opened_listed_and_stopped(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await forward_first_service(console)
        forward = next(iter(console.app.session.forwards.running.values()))
        assert f"{forward.listening[0]} leads to service/checkout-api port" in console.note()
        _, writer = await asyncio.open_connection("127.0.0.1", forward.port)
        writer.close()
        await console.press("f")
        assert isinstance(console.app.screen, ForwardsScreen)
        await console.until(lambda: "the API in memory has no streams" in console.text())
        assert "failing" in console.text()
        await console.press("x")
        await console.until(lambda: "is free again" in console.note())
        assert "No port-forward runs." in console.text()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", forward.port)


async def test_forwards_end_with_the_console(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await forward_first_service(console)
        port = next(iter(console.app.session.forwards.running.values())).port
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_ports_that_mean_nothing_are_refused_in_the_dialog_and_others_with_the_reason(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon", *"svc", "enter", "F", *["backspace"] * 8)
        await console.type("1:2:3")
        await console.press("enter")
        assert isinstance(console.app.screen, Ask)
        assert "a forward is REMOTE, LOCAL:REMOTE or :REMOTE" in console.text()
        await console.press(*["backspace"] * 8, "colon", "9", "enter")
        await console.until(lambda: "does not have a service port 9" in console.note())


@pytest.mark.actions("container.copy")
async def test_a_copy_asks_which_way_what_and_where_and_tells_why_it_failed(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("c")
        assert isinstance(console.app.screen, Choose)
        await console.press("enter", *"/etc/hosts", "enter")
        assert "./hosts" in console.text()
        await console.press("enter")
        await console.until(lambda: "the API in memory has no streams" in console.note())
        await console.press("c", "j", "enter", *"/no/such", "enter", "enter")
        await console.until(lambda: "/no/such does not exist on this machine" in console.note())


@pytest.mark.parametrize(
    ("name", "keys"),
    [("forward", ("colon", *"svc", "enter", "F")), ("forwards-none", ("colon", *"forwards", "enter")), ("copy", ("c",)),
     ("copy-what", ("c", "enter", *"/etc/hosts"))],
)  # fmt: skip
async def test_screens(name: str, keys: tuple[str, ...], fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press(*keys)
        # What stands behind a dialog is painted when there is time for it.
        await console.until(lambda: console.text().lstrip().startswith("homelab"))
        await portray(console, name)


async def test_the_list_of_forwards(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await forward_first_service(console)
        forward = next(iter(console.app.session.forwards.running.values()))
        forward.listening[:] = ["127.0.0.1:8080", "[::1]:8080"]  # which port is free differs
        forward.figures.open, forward.figures.total, forward.figures.received = 2, 17, 5_400_000
        await console.press("f")
        await portray(console, "forwards")
