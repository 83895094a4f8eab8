"""The verb that makes machines nodes over SSH, brings their agents up to date, or takes everything off them again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from common.api import kinds
from common.api.meta import Object
from console.tui.machines import Act, Failed, Wanted
from console.tui.screens.dialogs import Ask, Choose, Confirm, wrapped
from console.tui.screens.machine import MachineScreen
from console.tui.stage import TableStage
from console.tui.widgets.spans import Line
from console.views.status import Tone

_WIDTH = 50  # cells of a dialog on a screen of 60 columns
_ON_A_NODE: list[Line] = [
    [("install on another machine", Tone.TEXT)],
    [("upgrade the agent of this node; its containers go on", Tone.TEXT)],
    [("remove this node and everything that install brought", Tone.TEXT)],
]


async def machine(browse: TableStage) -> None:
    """Ask where and how to log in, show what would be done, ask, do it; all the while the console goes on."""
    if browse.session.machines is None:
        browse.say("a simulation has no machines to install", Tone.WARN)
        return
    look = browse.session.look
    obj = browse.current()
    choice: int | None = 0
    if obj is not None and browse.view.resource == kinds.NODES:
        body = wrapped("A machine is reached over SSH. What shall be done?", _WIDTH)
        choice = await browse.app.push_screen_wait(Choose(look, "Machines", body, _ON_A_NODE))
        if choice is None:
            return
    act, title = (Act.REMOVE if choice == 2 else Act.INSTALL), _TITLES[choice or 0]
    known = _address(obj) if obj is not None and (choice or browse.view.resource == kinds.HOSTS) else ""
    login = wrapped("[USER@]HOST[:PORT] of a machine with an SSH server; the user is root or may use sudo.", _WIDTH)
    target = await browse.app.push_screen_wait(
        Ask(look, title, login, f"root@{known}" if known else "", check=_wrong_target)
    )
    if target is None:
        return
    asked = wrapped("Password for login and sudo; empty to use the keys of your agent and ~/.ssh. It is kept nowhere.",
                    _WIDTH)  # fmt: skip
    password = await browse.app.push_screen_wait(Ask(look, title, asked, hidden=True, strip=False))
    if password is not None:
        await _carry_out(browse, Wanted(act, target, password))


_TITLES = ("Install over SSH", "Upgrade over SSH", "Remove over SSH")


def _wrong_target(text: str) -> str:
    return "" if text.strip() and " " not in text.strip() else "a machine is [USER@]HOST[:PORT]"


def _address(obj: Object) -> str:
    """Of a host as it announces itself, or of a node."""
    status = obj.get("status") or {}
    for item in status.get("addresses") or ():
        if isinstance(item, str):
            return item
        if item.get("type") == "InternalIP":
            return str(item.get("address"))
    return ""


async def _carry_out(browse: TableStage, wanted: Wanted) -> None:
    page = MachineScreen(browse.session, f"{wanted.act} {wanted.target}")
    browse.app.push_screen(page)
    try:
        trusted = await _look(browse, page, wanted)
        if trusted is None:
            page.end("nothing was changed", good=True)
            return
        page.frame()
        removes = wanted.act is Act.REMOVE
        body = wrapped("Do what the plan behind this dialog says?", _WIDTH)
        verb = "Remove" if removes else "Go on"
        ask = Confirm(browse.session.look, wanted.target, body, verb, danger=removes)
        if not await browse.app.push_screen_wait(ask):
            page.end("nothing was changed", good=True)
            return
        page.carry_on()
        node = await _work(browse, page, trusted, dry_run=False)
        page.end(f"node {node} is ready to run pods" if node else "removed", good=True)
    except Failed as error:
        page.end(f"error: {error}", good=False)


async def _look(browse: TableStage, page: MachineScreen, wanted: Wanted) -> Wanted | None:
    """Log in and say the plan; a key that nobody knows is shown to the operator first. None when it is not trusted."""
    try:
        await _work(browse, page, wanted, dry_run=True)
        return wanted
    except Failed as error:
        if not error.fingerprint:
            raise
        body = [
            *wrapped(f"{wanted.target} shows a key that nobody has accepted:", _WIDTH),
            *wrapped(error.fingerprint, _WIDTH, Tone.BRIGHT),
            [],
            *wrapped("Compare it on that machine: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub", _WIDTH, Tone.DIM),
        ]
        if not await browse.app.push_screen_wait(Confirm(browse.session.look, "Unknown machine", body, "Accept")):
            return None
        trusted = replace(wanted, accept=error.fingerprint)
    await _work(browse, page, trusted, dry_run=True)
    return trusted


async def _work(browse: TableStage, page: MachineScreen, wanted: Wanted, *, dry_run: bool) -> str:
    machines = browse.session.machines
    if machines is None:
        raise Failed("this console installs no machines")
    return await asyncio.to_thread(machines.work, wanted, page.hear, dry_run=dry_run)
