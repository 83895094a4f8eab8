"""Verbs on what was recorded: an object's timeline, and taking a write back."""

from __future__ import annotations

from collections.abc import Sequence

from common.api import changes, kinds, meta
from common.api.meta import Object
from console.tui import operations
from console.tui.screens.dialogs import Choose, Confirm, wrapped
from console.tui.screens.timeline import TimelineScreen
from console.tui.stage import Stage, TableStage
from console.tui.table.layout import cut
from console.tui.widgets.spans import Line
from console.views.status import Tone
from console.views.timeline import About

from .bulk import LISTED, each, listed_names

_WIDTH = 50  # cells of a dialog on a screen of 60 columns


async def timeline(browse: TableStage) -> None:
    obj = browse.current()
    if obj is not None:
        about = About(str(obj.get("kind", "")), meta.name(obj), meta.namespace(obj))
        browse.app.push_screen(TimelineScreen(browse.session, about))


async def undo(browse: TableStage) -> None:
    """Show the write, ask, take it back: what this console wrote last, or the last write to the object under the
    cursor; where these differ, the user chooses."""
    obj = browse.current()
    if browse.view.resource == kinds.CHANGES:
        if obj is not None:
            await _take_back(browse, [obj])
        return
    written = browse.session.written
    own = written is None or obj is None or meta.uid(obj) in {meta.uid(item) for item in written.objects}
    if written is not None and not own:
        said = (written.what, f"the last write to {meta.name(obj or {})}")
        rows: list[Line] = [[(cut(text, _WIDTH, browse.session.look.ellipsis), Tone.TEXT)] for text in said]
        body = wrapped("What is taken back?", _WIDTH)
        chosen = await browse.app.push_screen_wait(Choose(browse.session.look, "Undo", body, rows))
        if chosen is None:
            return
        own = chosen == 0
    await _undo_of(browse, written.objects if written is not None and own else (obj,) if obj is not None else ())


async def undo_written(stage: Stage) -> None:
    """Take back what this console wrote last, wherever that was."""
    written = stage.session.written
    await _undo_of(stage, written.objects if written is not None else ())


async def undo_last(stage: Stage, obj: Object) -> None:
    """Take back the last recorded write to this object, whoever wrote it."""
    await _undo_of(stage, (obj,))


async def _undo_of(stage: Stage, objects: Sequence[Object]) -> None:
    """Take the last recorded write to each of the objects back."""
    found = [await operations.last_change(stage.session.gateway, item) for item in objects]
    recorded = [change for change in found if change is not None]
    if not recorded:
        stage.say(f"no write to {listed_names(objects) or 'anything here'} is recorded", Tone.WARN)
        return
    await _take_back(stage, recorded)


async def _take_back(stage: Stage, found: Sequence[Object]) -> None:
    """Ask, then take the writes back, the latest first."""
    body = _shown(found[0]) if len(found) == 1 else _all_shown(found)
    danger = any(change.get("verb") == "create" for change in found)
    if not await stage.app.push_screen_wait(Confirm(stage.session.look, "Undo", body, "Undo", danger=danger)):
        return
    named = [{"metadata": {"name": changes.about(change)}, "change": change} for change in reversed(found)]

    async def work(item: Object) -> None:
        await operations.undo_change(stage.session.gateway, item["change"])

    await each(stage, named, work, "taking back", "{}: undone; :history has it")
    stage.session.written = None


def _all_shown(found: Sequence[Object]) -> list[Line]:
    body: list[Line] = []
    for change in found[:LISTED]:
        verb = str(change.get("verb"))
        what = _EFFECTS[verb] if verb in _EFFECTS else f"taken back: {changes.summary(change)}"
        body += wrapped(f"{changes.about(change)}  {what}", _WIDTH)
    if len(found) > LISTED:
        body.append([(f"and {len(found) - LISTED} more", Tone.DIM)])
    return body


_EFFECTS = {"create": "is deleted again", "delete": "is created again, with a new identity"}


def _shown(change: Object) -> list[Line]:
    """What undoing will do, in the order of the differences."""
    body: list[Line] = [[(changes.about(change), Tone.BRIGHT)]]
    when = str(change.get("time", ""))[:19]
    body += wrapped(f"{change.get('verb')}d by {changes.who(change)} at {when}Z", _WIDTH, Tone.DIM)
    body.append([])
    effect = _EFFECTS.get(str(change.get("verb")))
    if effect:
        return body + wrapped(f"It {effect}.", _WIDTH)
    differences = change.get("differences") or ()
    body += wrapped("These fields go back to what they were:", _WIDTH)
    for item in differences[:LISTED]:
        body += wrapped(changes.difference(item), _WIDTH, Tone.KEY)
    if len(differences) > LISTED:
        body.append([(f"and {len(differences) - LISTED} more", Tone.DIM)])
    return body
