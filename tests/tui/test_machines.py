"""Machines over SSH from the console: what is asked, what is shown, what is done, and that no password stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from console.tui.machines import Act, Failed, Wanted
from console.tui.screens.dialogs import Ask, Choose, Confirm
from console.tui.screens.machine import MachineScreen
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray

FINGERPRINT = "SHA256:0vmM1lD0h4wTxJuGfpAqMNwVzXrKzj3uTTHmWmlC3Xo"
PLAN = (
    "Debian GNU/Linux 12 (bookworm), x86_64, Python 3.11.2, no engine runs",
    "  install docker.io: it runs the containers",
    "  start the Docker Engine: none answers",
    "  upload release 1.0 with its packages: it has none",
    "  adopt it: over this login, so no code is typed",
)


class Machine:
    """Plays `console.install`: a machine whose key is unknown until it is accepted."""

    def __init__(self) -> None:
        self.done: list[tuple[Wanted, bool]] = []
        self.problem = ""

    def work(self, wanted: Wanted, say: Callable[[str], None], *, dry_run: bool) -> str:
        self.done.append((wanted, dry_run))
        if self.problem:
            raise Failed(self.problem)
        if wanted.accept != FINGERPRINT:
            raise Failed("shows a key that nobody has accepted", FINGERPRINT)
        for line in (*PLAN, *(() if dry_run else ("-- install docker.io", "   done in 3.1 s", "-- adopt it"))):
            say(line)
        return "" if dry_run or wanted.act is Act.REMOVE else "berth-9"


async def ask_for(console: Console, machine: Machine, password: str = "correct horse") -> None:
    console.app.session.machines = machine
    await console.press("colon", *"discover", "enter", "i")
    await console.press(*["backspace"] * 40)
    await console.type("root@10.0.0.9")
    await console.press("enter")
    await console.type(password)


@pytest.mark.actions("machine")
async def test_a_machine_is_installed_after_its_key_and_the_plan_were_accepted(fleet: Fleet) -> None:
    machine = Machine()
    async with running(fleet) as console:
        await ask_for(console, machine)
        assert "correct horse" not in console.text()
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, Confirm))
        assert FINGERPRINT in console.text()
        await console.press("tab", "enter")
        await console.until(lambda: isinstance(console.app.screen, Confirm) and len(machine.done) == 2)
        await console.press("tab", "enter")
        await console.until(lambda: "node berth-9 is ready to run pods" in console.text())
        assert "upload release 1.0 with its packages" in console.text()
    assert [dry for _, dry in machine.done] == [True, True, False]
    wanted = machine.done[-1][0]
    assert (wanted.target, wanted.password, wanted.accept) == ("root@10.0.0.9", "correct horse", FINGERPRINT)
    assert "correct horse" not in repr(wanted)


async def test_enter_alone_trusts_nothing_and_changes_nothing(fleet: Fleet) -> None:
    machine = Machine()
    async with running(fleet) as console:
        await ask_for(console, machine)
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, Confirm))
        await console.press("enter")
        await console.until(lambda: "nothing was changed" in console.text())
    assert [dry for _, dry in machine.done] == [True]


async def test_a_failure_is_shown_with_what_to_do(fleet: Fleet) -> None:
    machine = Machine()
    machine.problem = "10.0.0.9 does not let root in: wrong password, or no key that it knows"
    async with running(fleet) as console:
        await ask_for(console, machine)
        await console.press("enter")
        await console.until(lambda: "does not let root in" in console.text())
        assert isinstance(console.app.screen, MachineScreen)
        assert "failed" in console.text()
        await console.press("escape")
        assert console.browse is console.app.screen


@pytest.mark.parametrize(("down", "act"), [(1, Act.INSTALL), (2, Act.REMOVE)])
async def test_a_node_is_upgraded_or_removed_at_its_own_address(down: int, act: Act, fleet: Fleet) -> None:
    machine = Machine()
    async with running(fleet) as console:
        console.app.session.machines = machine
        await console.press("colon", *"nodes", "enter", "i")
        assert isinstance(console.app.screen, Choose)
        await console.press(*["j"] * down, "enter")
        assert isinstance(console.app.screen, Ask)
        await console.press("enter", "enter")
        await console.until(lambda: bool(machine.done))
    wanted, dry_run = machine.done[0]
    assert (wanted.act, dry_run) == (act, True)
    assert wanted.target.startswith("root@")


async def shown(console: Console, machine: Machine, name: str) -> None:
    await ask_for(console, machine)
    if name == "machine-password":
        return
    await console.press("enter")
    await console.until(lambda: isinstance(console.app.screen, Confirm))
    if name == "machine-key":
        return
    await console.press("tab", "enter")
    await console.until(lambda: isinstance(console.app.screen, Confirm) and len(machine.done) == 2)
    await console.settle()
    if name == "machine-plan":
        return
    await console.press("tab", "enter")
    await console.until(lambda: "berth-9" in console.text())


@pytest.mark.parametrize("name", ["machine-password", "machine-key", "machine-plan", "machine-done"])
async def test_screens(name: str, fleet: Fleet) -> None:
    async with running(fleet) as console:
        await shown(console, Machine(), name)
        # What stands behind a dialog is painted when there is time for it.
        await console.until(lambda: console.text().lstrip().startswith("homelab"))
        await portray(console, name)
