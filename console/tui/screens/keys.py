"""The keys of a Secret or ConfigMap: masked, edited one by one, and written in one step after a look at what differs.

No value is said anywhere but in the line and the pane of the key that is revealed; edits are kept in memory until they
are applied or dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import on

from common.api import configuration, meta
from common.api.configuration import User
from common.api.kinds import Resource
from common.api.meta import Key, Object
from common.errors import Conflict
from console.tui import operations
from console.tui.actions import Where
from console.tui.gateway import reread, users_of
from console.tui.session import Session, Written
from console.tui.table.widget import Table
from console.tui.widgets.spans import Line
from console.views import keyvalues as views
from console.views.status import Tone

from .deck import Handler
from .dialogs import Ask, Confirm, wrapped
from .sheet import Sheet
from .text import TextScreen

_WIDTH = 50  # cells of a dialog on a screen of 60 columns
_LISTED = 8


class KeysScreen(Sheet):
    where = Where.KEYS

    def __init__(self, session: Session, trail: Sequence[str], obj: Object) -> None:
        draft, columns = views.Draft(obj), views.columns(ascii_only=session.look.ascii)
        super().__init__(session, draft.resource, columns, title="Keys", about="value")
        self._trail = list(trail)
        self._draft = draft
        self._users: list[User] = []
        self._revealed = ""

    def on_mount(self) -> None:
        self._show()
        self.run_worker(self.guarded(self._find_users()), exit_on_error=False)

    def subject(self) -> tuple[Resource, Key]:
        return self._draft.resource, meta.key(self._draft.obj)

    def trail(self) -> Sequence[str]:
        return self._trail

    # What is seen

    async def _find_users(self) -> None:
        place = meta.key(self._draft.obj)
        reference = (self._draft.resource.plural, place.namespace, place.name)
        self._users = configuration.users(reference, await users_of(self.session.gateway, place.namespace))
        self._say()

    def _show(self) -> None:
        found = views.rows(self._draft, self._revealed)
        self.show_rows(found)
        self._say()

    def _say(self) -> None:
        obj, edits = self._draft.obj, self._draft.differences()
        kind = f"{obj.get('kind')} {obj.get('type') or ''}".strip()
        head: Line = [(meta.name(obj), Tone.BRIGHT), (f"  {kind}", Tone.DIM)]
        if self._draft.is_immutable:
            head = [*head, ("  immutable: it can be read, not changed", Tone.WARN)]
        glyphs = self.session.look.glyphs
        count = f"{len(edits)} {'edit' if len(edits) == 1 else 'edits'}"
        state: Line = (
            [
                (f"{glyphs[Tone.WARN]} {count} not applied yet", Tone.WARN),
                ("   s shows and applies them", Tone.DIM),
            ]
            if edits
            else [(f"{glyphs[Tone.OK]} as stored", Tone.OK)]
        )
        self.said.set_lines([head, [(views.users_phrase(self._users), Tone.TEXT)], state])
        self._tell()
        self.redraw()

    def _tell(self) -> None:
        """The value under the cursor, if it may be seen."""
        self.about.border_subtitle = ""
        name = self._key()
        row = self.table.model.current()
        if not name or row is None:
            self.about.border_title = ""
            self.about.set_lines([[("There are no keys; a adds one.", Tone.DIM)]])
            return
        self.about.border_title = name.replace("[", "\\[")
        value = row.obj["value"]
        if value is None:
            self.about.set_lines([[("hidden; x reveals it", Tone.DIM)]])
        elif row.obj["binary"]:
            self.about.set_lines([[(f"binary, {views.length(len(value))}", Tone.DIM)]])
        else:
            lines = value.decode().splitlines()
            self.about.border_subtitle = f"{len(lines)} lines" if len(lines) > 1 else ""
            self.about.set_lines([[(line.expandtabs(4), Tone.TEXT)] for line in lines])

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        # One at a time, and only while the cursor is on it.
        if self._revealed and (message.row is None or message.row.key.name != self._revealed):
            self._revealed = ""
            self._show()
        self._tell()

    def _key(self) -> str:
        row = self.table.model.current()
        return row.key.name if row else ""

    # Keys

    def handlers(self) -> Mapping[str, Handler]:
        return {
            **super().handlers(),
            "key.edit": self._type,
            "key.editor": self._edit,
            "key.reveal": self._reveal,
            "key.add": self._add,
            "key.delete": self._delete,
            "key.restore": self._restore,
            "keys.apply": self._apply,
            "keys.users": self._show_users,
            "keys.undo": self._undo,
            "refresh": self._reread,
        }

    def _may_change(self) -> bool:
        if self._draft.is_immutable:
            self.say(f"{meta.name(self._draft.obj)} is immutable: delete it and make a new one", Tone.WARN)
        return not self._draft.is_immutable

    def _reveal(self) -> None:
        name = self._key()
        self._revealed = "" if self._revealed == name else name
        self._show()

    async def _type(self) -> None:
        """A new value in one line; what is there is shown only if it is revealed."""
        name = self._key()
        if name and self._may_change():
            await self._type_value(name)

    async def _type_value(self, name: str) -> None:
        current = self._draft.values().get(name, b"")
        visible = not self._draft.is_secret or self._revealed == name
        if visible and (b"\n" in current or not views.is_text(current)):
            self.say("a value of several lines is edited with e", Tone.WARN)
            return
        body = wrapped(f"The new value of {name}, in one line. e opens your editor for more.", _WIDTH, Tone.DIM)
        initial = current.decode() if visible else ""
        asked = Ask(self.session.look, name, body, initial, hidden=not visible, strip=False)
        answer = await self.app.push_screen_wait(asked)
        if answer is not None:
            self._change(self._draft.set(name, answer.encode()))

    async def _edit(self) -> None:
        """The value in the user's editor; its file is in memory and gone afterwards."""
        name = self._key()
        if not name or not self._may_change():
            return
        current = self._draft.values().get(name, b"")
        if not views.is_text(current):
            self.say(f"{name} is binary: `quarterdeck secret set` takes it from a file", Tone.WARN)
            return
        changed = await self.deck_app.leave_for_editor(current, name)
        self._change(self._draft.set(name, changed) if changed != current else self._draft)

    async def _add(self) -> None:
        if not self._may_change():
            return
        known = self._draft.values()

        def check(text: str) -> str:
            return "this key is there already" if text in known else views.wrong_key(text) if text else ""

        body = wrapped(f"The name of a new key of {meta.name(self._draft.obj)}.", _WIDTH, Tone.DIM)
        name = await self.app.push_screen_wait(Ask(self.session.look, "New key", body, check=check))
        if name:
            self._change(self._draft.set(name, b""))
            self.table.model.select(Key("", name))
            self.table.refresh()
            await self._type_value(name)

    def _delete(self) -> None:
        name = self._key()
        if name and self._may_change():
            self._change(self._draft.delete(name))

    def _restore(self) -> None:
        self._change(self._draft.restore(self._key()))

    def _change(self, draft: views.Draft) -> None:
        self._draft = draft
        self._show()

    async def _apply(self) -> None:
        """Show what differs, then write all of it in one step."""
        differences = self._draft.differences()
        if not differences:
            self.say("nothing is changed", Tone.DIM)
            return
        body: list[Line] = []
        for item in differences[:_LISTED]:
            tone = Tone.OK if item.old is None else Tone.BAD if item.new is None else Tone.WARN
            body.append([(f"{self.session.look.glyphs[tone]} {item.key}", Tone.BRIGHT)])
            body += wrapped(f"  {item.words}", _WIDTH, Tone.DIM)
        if len(differences) > _LISTED:
            body.append([(f"and {len(differences) - _LISTED} more", Tone.DIM)])
        body.append([])
        restarts = configuration.will_restart(self._users)
        body += wrapped(
            f"{views.users_phrase(self._users)}.".capitalize(), _WIDTH, Tone.WARN if restarts else Tone.TEXT
        )
        title = f"Apply to {meta.name(self._draft.obj)}"
        if not await self.app.push_screen_wait(Confirm(self.session.look, title, body, "Apply", danger=bool(restarts))):
            return
        try:
            written = await operations.write_keys(self.session.gateway, self._draft)
        except Conflict:
            await self._reread()
            self.say("somebody wrote it meanwhile: your edits are on top of that now, look and apply again", Tone.WARN)
            return
        self.session.written = Written(f"{meta.name(written)} edited", (written,))
        self._change(views.Draft(written))
        self.say(f"{meta.name(written)}: applied; U takes it back")

    async def _reread(self) -> None:
        """The object as it is now, with the edits on top."""
        fresh = await reread(self.session.gateway, self._draft.resource, self._draft.obj)
        self._change(self._draft.onto(fresh))
        await self._find_users()

    def _show_users(self) -> None:
        trail = [*self._trail, "used by"]
        name = meta.name(self._draft.obj)
        lines = views.user_lines(self._users)
        self.app.push_screen(TextScreen(self.session, f"Used by: {name}", trail, lines, wrap=True))

    async def _undo(self) -> None:
        """Take the last recorded write back."""
        change = await operations.last_change(self.session.gateway, self._draft.obj)
        if change is None or change.get("verb") != "update":
            self.say("no write to it that could be taken back is recorded", Tone.WARN)
            return
        when = str(change.get("time", ""))[:19]
        text = f"The write of {change.get('user')} at {when}Z is taken back: values return to what they were before it."
        body = wrapped(f"{text} Edits that are not applied are dropped.", _WIDTH)
        if await self.app.push_screen_wait(Confirm(self.session.look, "Revert", body, "Revert")):
            await operations.undo_change(self.session.gateway, change)
            self._draft = views.Draft(await reread(self.session.gateway, self._draft.resource, self._draft.obj))
            self._show()
            self.say("reverted; :history has it")

    def _back(self) -> None:
        if self._revealed:
            self._reveal()
        elif self._draft.edits:
            self.run_worker(self.guarded(self._leave()), exit_on_error=False)
        else:
            super()._back()

    async def _leave(self) -> None:
        count = len(self._draft.edits)
        body = wrapped(f"{count} {'edit is' if count == 1 else 'edits are'} not applied.", _WIDTH)
        if await self.app.push_screen_wait(Confirm(self.session.look, "Drop the edits", body, "Drop")):
            super()._back()
