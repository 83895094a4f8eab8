"""Edit an object as YAML in the user's own editor; the server tries what changed before it is written."""

from __future__ import annotations

from common.api import meta
from common.api.meta import Object
from common.errors import ApiError, Conflict
from console.tui import operations
from console.tui.gateway import reread
from console.tui.screens.dialogs import wrapped
from console.tui.screens.review import Answer, Review
from console.tui.session import Written
from console.tui.stage import TableStage
from console.tui.widgets.spans import Line
from console.views import editing
from console.views.editing import Remark
from console.views.status import Tone

_WIDTH = 50  # cells of a dialog on a screen of 60 columns


async def edit(browse: TableStage) -> None:
    obj = browse.current()
    if obj is None:
        return
    before = await reread(browse.session.gateway, browse.view.resource, obj)
    text = editing.opening(before)
    while True:
        left = editing.decode(await browse.deck_app.leave_for_editor(editing.encode(text), editing.file_name(before)))
        remarks = await _review(browse, before, left)
        if remarks is None:
            return
        text = editing.remarked(left, remarks)


async def _review(browse: TableStage, before: Object, left: str) -> list[Remark] | None:
    """Show what was made of the text, or what is wrong with it, and write it when the user says so. The remarks with
    which it goes back to the editor, None when it does not: nothing typed is lost but by the user's own word."""
    after, remarks = None, []
    try:
        after = editing.parse(left, before)
        if after == editing.shown(before):
            browse.say("nothing is changed", Tone.DIM)
            return None
        await _write(browse, before, after, dry_run=True)
    except _REFUSALS as error:
        remarks = editing.remarks_of(error)
    shown = editing.difference(before, after) if after is not None else []
    while True:
        review = Review(browse.session.look, f"Edit {meta.name(before)}", shown, _lines(remarks))
        answer = await browse.app.push_screen_wait(review)
        if answer is not Answer.APPLY or after is None:
            return remarks if answer is Answer.AGAIN else None
        try:
            await _write(browse, before, after, dry_run=False)
        except _REFUSALS as error:
            remarks = editing.remarks_of(error)
        else:
            browse.session.written = Written(f"{meta.name(before)} edited", (before,))
            browse.say(f"{meta.name(before)} is changed; U takes it back")
            return None


_REFUSALS = (ApiError, OSError, ValueError)


def _lines(remarks: list[Remark]) -> list[Line]:
    lines: list[Line] = []
    for remark in remarks:
        lines += wrapped(f"{remark.field}: {remark.text}" if remark.field else remark.text, _WIDTH, Tone.BAD)
    return lines


async def _write(browse: TableStage, before: Object, after: Object, *, dry_run: bool) -> None:
    """Write the edit on top of what is there now; what others write at the same time stays."""
    gateway, resource = browse.session.gateway, browse.view.resource
    for _ in range(operations.ATTEMPTS):
        wanted = editing.merged(before, after, await reread(gateway, resource, before))
        try:
            await operations.replace(gateway, resource, wanted, dry_run=dry_run)
        except Conflict:
            continue
        return
    raise Conflict(f"{meta.name(before)} is written by others all the time: nothing was written, try again")
