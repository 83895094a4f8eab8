"""Keys that are typed faster than the screen follows: they mean what they would mean to who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from common.api import kinds
from common.api.kinds import Resource
from console.tui.screens.dialogs import Confirm
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet

DEPLOYMENTS = ("colon", "d", "p", "enter", "slash", "l", "e", "d", "enter")


def deployments(fleet: Fleet) -> set[str]:
    return {item["metadata"]["name"] for item in fleet.api.items(kinds.DEPLOYMENTS)}


def hold(fleet: Fleet, resource: Resource) -> asyncio.Event:
    """From now on who lists these gets no answer before the event."""
    answer, listed = asyncio.Event(), fleet.gateway.list

    async def late(asked: Resource, *words: Any, **more: Any) -> Any:
        if asked == resource:
            await answer.wait()
        return await listed(asked, *words, **more)

    fleet.gateway.list = late  # type: ignore[method-assign]
    return answer


async def until(holds: Callable[[], bool]) -> None:
    """Wait while the console goes on by itself: keys that wait keep it from coming to rest."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - many things are waited for, few have an event
            await asyncio.sleep(0.01)


async def asked(console: Console) -> Confirm:
    await until(lambda: isinstance(console.app.screen, Confirm))
    found = console.app.screen
    assert isinstance(found, Confirm)
    return found


async def test_a_dialog_gets_the_keys_that_were_typed_for_it(fleet: Fleet) -> None:
    async with running(fleet) as console:
        console.send(*DEPLOYMENTS)
        await until(lambda: console.names() == ["ledger"])
        console.send("ctrl+d", "tab", "enter")
        await until(lambda: "ledger" not in deployments(fleet))
        assert console.browse.view.resource == kinds.DEPLOYMENTS, "enter opened nothing"


async def test_a_verb_waits_for_the_rows_of_a_table_that_was_just_opened(fleet: Fleet) -> None:
    answer = hold(fleet, kinds.DEPLOYMENTS)
    async with running(fleet) as console:
        console.send(*DEPLOYMENTS, "ctrl+d")
        await until(lambda: console.browse.view.query == "led")
        await asyncio.sleep(0.1)  # by then the key would be lost
        assert console.names() == []
        answer.set()
        assert (await asked(console))._title == "Delete deployment"
        console.send("tab", "enter")
        await until(lambda: "ledger" not in deployments(fleet))


async def test_the_cursor_waits_for_the_rows_too(fleet: Fleet) -> None:
    answer = hold(fleet, kinds.DEPLOYMENTS)
    async with running(fleet) as console:
        console.send("colon", "d", "p", "enter", "G", "ctrl+d")
        await until(lambda: console.browse.view.resource == kinds.DEPLOYMENTS)
        answer.set()
        await asked(console)
        assert (console.browse.current() or {})["metadata"]["name"] == "pihole"


async def test_rows_that_do_not_come_are_waited_for_a_while_and_that_is_said(fleet: Fleet) -> None:
    hold(fleet, kinds.DEPLOYMENTS)
    async with running(fleet) as console:
        console.send(*DEPLOYMENTS, "ctrl+d")
        await until(lambda: console.note() == "deployments are still being read")
        console.send("colon", *"pods", "enter")
        await until(lambda: console.browse.view.resource == kinds.PODS and console.names() != [])
