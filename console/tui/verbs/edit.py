"""Edit an object as YAML in the user's own editor; the server tries what changed before it is written."""

from __future__ import annotations

from common.api import meta
from common.api.meta import Object
from common.errors import ApiError, Conflict, Forbidden, NotFound
from console.tui import operations
from console.tui.gateway import reread
from console.tui.screens.dialogs import wrapped
from console.tui.screens.review import Answer, Review
from console.tui.stage import TableStage
from console.tui.widgets.spans import Line
from console.views import editing
from console.views.editing import Overlap, Remark, Unreadable
from console.views.status import Tone

_WIDTH = 50  # cells of a dialog on a screen of 60 columns


async def edit(browse: TableStage) -> None:
    obj = browse.current()
    if obj is None:
        return
    before = await reread(browse.session.gateway, browse.view.resource, obj)
    text = editing.opening(before)
    while True:
        left = (await browse.deck_app.leave_for_editor(text.encode(), f"{meta.name(before)}.yaml")).decode()
        answer, remarks = await _review(browse, before, left)
        if answer is not Answer.AGAIN:
            return
        text = editing.remarked(left, remarks)


async def _review(browse: TableStage, before: Object, left: str) -> tuple[Answer, list[Remark]]:
    """Show what was made of the text, or what is wrong with it; write it when the user says so."""
    remarks: list[Remark] = []
    after = None
    try:
        after = editing.parse(left, before)
        if after == editing.shown(before):
            browse.say("nothing is changed", Tone.DIM)
            return Answer.LEAVE, []
        await _write(browse, before, after, dry_run=True)
    except Unreadable as error:
        remarks = [error.remark]
    except ApiError as error:
        if isinstance(error, Forbidden | NotFound):
            raise
        remarks = [Remark(cause.message, field=cause.field) for cause in error.causes] or [Remark(error.message)]
    except Overlap as error:
        remarks = [Remark("somebody else changed this meanwhile", field=field) for field in error.fields]
    look = browse.session.look
    problems: list[Line] = []
    for remark in remarks:
        problems += wrapped(f"{remark.field}: {remark.text}" if remark.field else remark.text, _WIDTH, Tone.BAD)
    title = f"Edit {meta.name(before)}"
    shown = editing.difference(before, after) if after is not None else []
    answer = await browse.app.push_screen_wait(Review(look, title, shown, problems))
    if answer is Answer.APPLY and after is not None:
        await _write(browse, before, after, dry_run=False)
        browse.say(f"{meta.name(before)} is changed; U takes it back")
    return answer, remarks


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
