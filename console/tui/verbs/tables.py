"""Verbs on a table as a whole: save it, copy names out of it, give namespaces their keys."""

from __future__ import annotations

import asyncio
from pathlib import Path

from common.api import configuration, meta
from common.files import write_atomic
from console.tui.gateway import users_of
from console.tui.screens.dialogs import Ask, Confirm, wrapped
from console.tui.screens.text import TextScreen
from console.tui.stage import TableStage
from console.views import keyvalues, saving
from console.views.status import Tone

_WIDTH = 50  # cells of a dialog on a screen of 60 columns


async def save(browse: TableStage) -> None:
    """Ask for a file, then write the rows that are shown, in their order; say where."""
    model, look = browse.table.model, browse.session.look
    objects, columns, now = [row.obj for row in model.rows], model.columns, browse.session.clock.now()
    if not objects:
        browse.say("there is no row to save", Tone.WARN)
        return
    count = f"{len(objects)} {'row' if len(objects) == 1 else 'rows'}"
    body = [
        *wrapped(f"{count} of {browse.view.title}, as they are filtered and sorted now.", _WIDTH, Tone.BRIGHT),
        *wrapped("The name says the form: .csv for the columns, .json or .yaml for the objects.", _WIDTH, Tone.DIM),
    ]
    proposed = f"./{browse.view.resource.plural}-{now.astimezone():%Y%m%d-%H%M%S}.csv"
    answer = await browse.app.push_screen_wait(Ask(look, "Save the table", body, proposed, check=_wrong_file))
    if answer is None:
        return
    path = Path(answer).expanduser().absolute()  # noqa: ASYNC240 - looks at the environment alone
    if await asyncio.to_thread(path.exists):
        there = wrapped(f"{path} is there already; what it holds is lost.", _WIDTH)
        if not await browse.app.push_screen_wait(Confirm(look, "Overwrite", there, "Overwrite")):
            return

    def write() -> None:
        write_atomic(path, saving.rendered(path, columns, objects, now).encode())

    await asyncio.to_thread(write)
    browse.say(f"{count} saved to {path}")


def _wrong_file(text: str) -> str:
    return saving.wrong_name(Path(text)) if text else "the name of a file is needed here"


async def copy_names(browse: TableStage) -> None:
    """The names of the marked rows, one a line, to the clipboard of the terminal."""
    names = [meta.name(obj) for obj in browse.targets()]
    if names:
        browse.app.copy_to_clipboard("\n".join(names))
        browse.say(f"copied {names[0]}" if len(names) == 1 else f"copied {len(names)} names")


async def favourite(browse: TableStage) -> None:
    """Give the marked namespaces keys, or take them away."""
    names = [meta.name(obj) for obj in browse.targets()]
    if not names:
        return
    favourites = browse.session.favourites
    said = favourites.toggle(names)
    browse.renumbered()
    await asyncio.to_thread(favourites.keep)
    browse.say(said)


async def used_by(browse: TableStage) -> None:
    """Who names the ConfigMap or Secret, and what a change means for them."""
    obj = browse.current()
    if obj is None:
        return
    place = meta.key(obj)
    reference = (browse.view.resource.plural, place.namespace, place.name)
    users = configuration.users(reference, await users_of(browse.session.gateway, place.namespace))
    trail = [*browse.trail(), place.name, "used by"]
    lines = keyvalues.user_lines(users)
    browse.app.push_screen(TextScreen(browse.session, f"Used by: {place.name}", trail, lines, wrap=True))
