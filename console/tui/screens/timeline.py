"""The timeline: events and writes in one order, of the cluster or of one object and what was made of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from textual import on
from textual.widget import Widget

from common.api import kinds
from common.api.meta import Key, Object, key
from console.tui.actions import Where
from console.tui.feeds import Subscription
from console.tui.session import SLICE, Session
from console.tui.table.widget import Table
from console.tui.widgets.spans import Line, state_span
from console.views.status import Tone
from console.views.timeline import COLUMNS, TIMELINE, About, is_fault, moments

from .deck import Handler
from .sheet import Sheet


class TimelineScreen(Sheet):
    """The newest moment is on top; `n` and `N` go from fault to fault."""

    where = Where.TIMELINE

    def __init__(self, session: Session, about: About) -> None:
        super().__init__(session, TIMELINE, COLUMNS)
        self._object = about
        self._feeds: list[Subscription] = []

    def body(self) -> Iterable[Widget]:
        yield self.table
        yield self.about

    def on_mount(self) -> None:
        shown = (kinds.EVENTS, kinds.CHANGES) if self.session.catalogue.ours else (kinds.EVENTS,)
        self._feeds = [self.session.feeds.open(resource) for resource in shown]
        self.frame()

    def on_unmount(self) -> None:
        for feed in self._feeds:
            feed.close()

    def trail(self) -> Sequence[str]:
        whole = "/".join(part for part in (self._object.kind, self._object.name) if part)
        return ["timeline", *([self._object.namespace] if self._object.namespace else []), *([whole] if whole else [])]

    def standing(self) -> Line:
        faults = sum(1 for row in self.table.model.rows if is_fault(row.obj))
        return [(f"{faults} {'fault' if faults == 1 else 'faults'}", Tone.WARN)] if faults else []

    def frame(self) -> None:
        if not self._feeds:
            return
        events, *more = (feed.take(SLICE) for feed in self._feeds)
        writes = [change for changes in more for change in changes]
        gone = [(obj_key, None) for obj_key, obj in (*events, *writes) if obj is None]
        new = moments((obj for _, obj in events if obj), (obj for _, obj in writes if obj), self._object)
        self.table.update([*gone, *((key(row), row) for row in new)])
        self.table.flush()
        if any(feed.waiting for feed in self._feeds):
            self.call_later(self.frame)
        if all(feed.settled for feed in self._feeds) and not len(self.table.model):
            refusal = self._feeds[0].refusal
            told = (f"You may not look at events: {refusal}", Tone.BAD)
            self.table.set_notice([told if refusal else ("Nothing is remembered here yet.", Tone.DIM)])
        else:
            self.table.set_notice([])
        self.table.border_title = f"Timeline {self.session.look.dot} {len(self.table.model)}"

    def second(self) -> None:
        self.table.tick()

    def handlers(self) -> Mapping[str, Handler]:
        return {
            **super().handlers(),
            "moment.open": self._open,
            "fault.next": lambda: self._to_fault(1),
            "fault.previous": lambda: self._to_fault(-1),
        }

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        """All of the moment under the cursor, of which the table has the beginning."""
        row = message.row.obj if message.row else None
        self.about.border_title = str(row["object"]) if row else ""
        self.about.set_lines(self._lines(row) if row else [])

    def _lines(self, row: Object) -> list[Line]:
        look, width = self.session.look, max(self.size.width - 6, 20)
        where = row["ref"].get("namespace")
        told = f"  {row['time'][:19]}Z  by {row['who'] or 'nobody named'}" + (f"  in {where}" if where else "")
        head: Line = [state_span(row["status"], look), (told, Tone.DIM)]
        return [head, *([(part, Tone.TEXT)] for line in row["lines"] for part in textwrap.wrap(line, width))]

    @on(Table.Opened)
    def _opened(self, _message: Table.Opened) -> None:
        self._open()

    def _open(self) -> None:
        """To the object that the moment under the cursor is about."""
        row = self.table.model.current()
        ref = row.obj["ref"] if row else {}
        resource = self.session.catalogue.by_kind(str(ref.get("kind", "")))
        if row is None or resource is None:
            self.say(f"{ref.get('kind', 'this')} cannot be listed", Tone.WARN)
            return
        space = str(ref.get("namespace") or "") if resource.namespaced else ""
        self.leave_for(resource, Key(space, str(ref.get("name"))))

    def _to_fault(self, step: int) -> None:
        """The nearest fault below or above the cursor."""
        model = self.table.model
        places = range(model.cursor + step, len(model) if step > 0 else -1, step)
        found = next((place for place in places if is_fault(model.rows[place].obj)), None)
        if found is None:
            self.say("no more faults that way", Tone.WARN)
            return
        self.table.move_to(found)


def opened(session: Session, words: Sequence[str]) -> TimelineScreen:
    """`:timeline`, `:timeline NAMESPACE`, `:timeline KIND/NAME`; ValueError for anything else."""
    if not words:
        return TimelineScreen(session, About())
    if len(words) > 1:
        raise ValueError(":timeline takes one word: a namespace, or KIND/NAME")
    kind, slash, name = words[0].partition("/")
    if not slash:
        return TimelineScreen(session, About(namespace=kind))
    command = session.catalogue.resolve(kind)
    if command.resource is None or not name:
        raise ValueError(f"{words[0]!r} is no KIND/NAME")
    return TimelineScreen(session, About(command.resource.kind, name))
