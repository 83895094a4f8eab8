"""Verbs on what was recorded: an object's timeline, and taking a write back."""

from __future__ import annotations

from common.api import changes, kinds, meta
from common.api.meta import Object
from console.tui import operations
from console.tui.screens.dialogs import Confirm, wrapped
from console.tui.screens.timeline import TimelineScreen
from console.tui.stage import TableStage
from console.tui.widgets.spans import Line
from console.views.status import Tone
from console.views.timeline import About

_WIDTH = 50  # cells of a dialog on a screen of 60 columns
_LISTED = 8


async def timeline(browse: TableStage) -> None:
    obj = browse.current()
    if obj is not None:
        about = About(str(obj.get("kind", "")), meta.name(obj), meta.namespace(obj))
        browse.app.push_screen(TimelineScreen(browse.session, about))


async def undo(browse: TableStage) -> None:
    """Show the write, ask, take it back."""
    obj = browse.current()
    if obj is None:
        return
    gateway = browse.session.gateway
    change = obj if browse.view.resource == kinds.CHANGES else await operations.last_change(gateway, obj)
    if change is None:
        browse.say(f"no write to {meta.name(obj)} is recorded", Tone.WARN)
        return
    ask = Confirm(browse.session.look, "Undo", _shown(change), "Undo", danger=change.get("verb") == "create")
    if await browse.app.push_screen_wait(ask):
        await operations.undo_change(gateway, change)
        browse.say(f"{changes.about(change)}: undone; :history has it")


def _shown(change: Object) -> list[Line]:
    """What undoing will do, in the order of the differences."""
    body: list[Line] = [[(changes.about(change), Tone.BRIGHT)]]
    when = str(change.get("time", ""))[:19]
    body += wrapped(f"{change.get('verb')}d by {changes.who(change)} at {when}Z", _WIDTH, Tone.DIM)
    body.append([])
    effects = {"create": "It is deleted again.", "delete": "It is created again, with a new identity."}
    effect = effects.get(str(change.get("verb")))
    if effect:
        return body + wrapped(effect, _WIDTH)
    differences = change.get("differences") or ()
    body += wrapped("These fields go back to what they were:", _WIDTH)
    for item in differences[:_LISTED]:
        body += wrapped(changes.difference(item), _WIDTH, Tone.KEY)
    if len(differences) > _LISTED:
        body.append([(f"and {len(differences) - _LISTED} more", Tone.DIM)])
    return body
