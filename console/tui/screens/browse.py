"""The main screen: a table of any kind, its filter, marks, history, and a detail pane when there is room."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import islice

from textual import on
from textual.containers import Horizontal
from textual.events import Resize
from textual.widget import Widget

from common.api import kinds
from common.api.kinds import Resource
from common.api.meta import Key, Object, key, name
from console.tui import view as views
from console.tui.actions import FAVOURITES, NO_TRAITS, SCALABLE, Where
from console.tui.feeds import Subscription
from console.tui.history import ViewHistory
from console.tui.session import SLICE, Session
from console.tui.table.model import Change, TableModel
from console.tui.table.query import parse as parse_query
from console.tui.table.widget import Table
from console.tui.usage import Usages
from console.tui.verbs import on_tables
from console.tui.verbs.look import describe, involved, logs
from console.tui.view import View, kind_word
from console.tui.widgets import bars
from console.tui.widgets.detail import Detail
from console.tui.widgets.prompt import Prompt
from console.tui.widgets.spans import Line, Span
from console.views.columns import Column
from console.views.containers import CONTAINERS
from console.views.containers import rows as container_rows
from console.views.status import Tone
from console.views.usage import Figure, Number, detached

from .deck import LOOK_SECONDS, Deck, Handler
from .empty import notice

DETAIL_FROM = 120  # columns of the terminal
_MOVES = ("down", "up", "top", "bottom", "page-down", "page-up")
_ON_ROWS = frozenset({"open", "mark", "mark.range", *(f"cursor.{where}" for where in _MOVES), *on_tables.NAMES})
FIGURES = 1000  # taken in at a time: rows that nobody sees are only told that they are late
ROW_LOOKS = 300  # for that long keys that mean a row wait for the rows of a view


class Browse(Deck):
    """Shows one `View` at a time."""

    where = Where.TABLE

    def __init__(self, session: Session, first: View) -> None:
        super().__init__(session)
        self.history = ViewHistory(first)
        self.view = first
        self._feed: Subscription | None = None
        self._row_looks = ROW_LOOKS
        self._complete = False
        self._takes_in = False  # what is left of many changes, slice by slice
        self._usages = Usages(session.gateway, session.clock)
        self._table = Table(self._model(), session.clock, session.look, id="table")
        self._table.add_class("framed")
        self._detail = Detail(session, id="detail")
        self._detail.add_class("framed")

    def body(self) -> Iterable[Widget]:
        with_detail = Horizontal(self._table, self._detail, id="body")
        yield with_detail

    def on_mount(self) -> None:
        self._follow()

    def on_unmount(self) -> None:
        if self._feed is not None:
            self._feed.close()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width >= DETAIL_FROM, "broad")
        self.set_class(event.size.width >= 170, "vast")

    def rest_focus(self) -> None:
        self._table.focus()

    # Views

    @property
    def table(self) -> Table:
        return self._table

    def _model(self) -> TableModel:
        view = self.view
        model = TableModel(view.resource, view.columns())
        if view.resource != CONTAINERS:
            model.scope, model.figure = view.test(), self._known
        model.sort_by, model.descending = view.sort_by, view.descending
        model.set_query(parse_query(view.query))
        model.set_faults_only(view.faults_only)
        model.loading = True
        return model

    def _follow(self, *, refused: bool = False) -> None:
        """Watch what the view shows, and show what is known at once; `refused`: all namespaces were."""
        if self._feed is not None:
            self._feed.close()
        if self.view.resource.namespaced and (self.view.namespaces or self.view.scope is None):
            self.session.look_within(self.view.namespaces, refused=refused)
        resource = kinds.PODS if self.view.resource == CONTAINERS else self.view.resource
        self._feed, self._complete = self.session.feeds.open(resource, self._came), False
        self._usages.follow(self.view.resource)
        self._measure()
        self.frame()

    def _came(self) -> None:
        """The first rows are shown as soon as they are there, all that comes later at its time."""
        if not self._table.model.total:
            self.call_later(self.frame)

    def go(self, view: View) -> None:
        """Show another view; `[` comes back to this one."""
        self._remember()
        self.history.go(view)
        self._show(view)

    def _show(self, view: View) -> None:
        self.view = view
        self._row_looks = ROW_LOOKS
        self.hush()
        model = self._model()
        model.wanted = view.cursor
        self._table.show(model)
        self._follow()
        self.redraw()

    def _remember(self) -> None:
        model, view = self._table.model, self.view
        row = model.current()
        view.cursor = row.key if row else None
        view.sort_by, view.descending = model.sort_by, model.descending

    def frame(self) -> None:
        self._take_in()
        self._draw()

    def _take_in(self) -> None:
        """Take a slice of what changed; the rest in its turn, so that keys that came meanwhile go before it."""
        feed, table = self._feed, self._table
        if feed is None:
            return
        changes = feed.take(SLICE)
        if changes:
            table.update(self._rows(changes))
        else:
            table.refigure(self._remeasured())
        if table.model.lags:
            table.catch_up(SLICE)
        if not self._takes_in and self._has_more(feed):
            self._takes_in = self.call_later(self._take_more)

    def _has_more(self, feed: Subscription) -> bool:
        return feed.waiting > 0 or bool(self._usages.fresh) or self._table.model.lags

    def _take_more(self) -> None:
        self._takes_in = False
        self._take_in()
        if not self._takes_in:
            self._draw()

    def _draw(self) -> None:
        feed, model = self._feed, self._table.model
        if feed is None:
            return
        if self._could_look_within(feed):
            self._follow(refused=True)
            return
        lines = notice(self.view, model, self.session, feed.synced, feed.refusal, feed.absent)
        self._table.set_notice(lines)
        self._table.flush()
        model.loading &= self._reads()
        self._detail.frame()
        self._titles()

    def _could_look_within(self, feed: Subscription) -> bool:
        """Whether the namespaces of the view may be looked at though not all may: those of a kind that is there."""
        refused = bool(feed.refusal) and not feed.absent and not self.session.feeds.confined
        return refused and self.view.resource.namespaced and bool(self.view.namespaces)

    def _rows(self, changes: list[Change]) -> list[Change]:
        """Containers are rows that their pod makes; everything else is its own row."""
        origin = self.view.scope.origin if self.view.scope else None
        if self.view.resource != CONTAINERS or origin is None:
            return changes
        found: list[Change] = []
        for obj_key, pod in changes:
            if obj_key != origin:
                continue
            rows = container_rows(pod) if pod is not None else []
            kept = {key(row) for row in rows}
            found += [(row.key, None) for row in self._table.model.all_rows() if row.key not in kept]
            found += [(key(row), row) for row in rows]
        return found

    def _known(self, obj_key: Key) -> Figure | None:
        """What the table knows of an object beside itself."""
        if self.view.resource == kinds.NAMESPACES:
            number = self.session.favourites.number_of(obj_key.name)
            return Number(number) if number else None
        return self._usages.of(obj_key)

    def renumbered(self) -> None:
        """Namespaces have other numbers now."""
        self._usages.fresh |= {row.key for row in self._table.model.all_rows()}
        self.frame()

    def _measure(self) -> None:
        if self._usages.due:
            self.begin(partial(self._usages.ask, self.session.feeds.confined), "usage", exclusive=True)

    def _remeasured(self) -> list[Key]:
        """Objects whose figures changed, a slice at a time."""
        taken = list(islice(self._usages.fresh, FIGURES))
        self._usages.fresh.difference_update(taken)
        return taken

    def second(self) -> None:
        self._measure()
        if self._detail.display and self._detail.trend.due:
            self.begin(self._detail.trend.ask, "trend", exclusive=True)
        self._table.tick()
        self._detail.second()

    # What the frame says

    def _titles(self) -> None:
        view, model, look = self.view, self._table.model, self.session.look
        dot = f" {look.dot} "
        shown = f"{len(model)}" if len(model) == model.total else f"{len(model)} of {model.total}"
        title = dot.join(part for part in (view.heading, view.place, shown) if part)
        extras = [f"/{model.query.text}"] * bool(model.query.text) + ["faults only"] * model.faults_only
        text = dot.join([title, *extras])
        if self._table.border_title != text:
            self._table.border_title = text.replace("[", "\\[")

    def trail(self) -> list[str]:
        return self.view.crumbs()

    def standing(self) -> Line:
        model = self._table.model
        if model.query.error:
            return [(f"{model.query.error} ", Tone.WARN)]
        line: list[Span] = []
        if model.marks:
            line.append((f"{self.session.look.mark} {len(model.marks)} marked  ", Tone.KEY))
        return line + bars.counts(model.tones, self.session.look)

    def kind(self) -> str:
        return kind_word(self.view.resource)

    def traits(self) -> frozenset[str]:
        scalable = self.view.resource.group_resource in self.session.catalogue.scalable
        return frozenset({SCALABLE}) if scalable else NO_TRAITS

    def columns(self) -> Sequence[Column]:
        return self._table.model.columns

    def subject(self) -> tuple[Resource, Key] | None:
        row = self._table.model.current()
        if row is not None:
            return self.view.resource, Key(row.key.namespace if self.view.resource.namespaced else "", row.key.name)
        if self.view.resource.namespaced and not self.view.namespaces:
            return None
        return self.view.resource, Key(next(iter(self.view.namespaces), ""), "")

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        row = message.row
        self._detail.show(self.view.resource, detached(row.obj) if row else None)

    @on(Table.Opened)
    def _opened(self, _message: Table.Opened) -> None:
        self.open_current()

    # Actions

    def handlers(self) -> Mapping[str, Handler]:
        moves: dict[str, Handler] = {f"cursor.{where}": partial(self._table.navigate, where) for where in _MOVES}
        own: dict[str, Handler] = {
            "open": self.open_current,
            "filter": lambda: self.prompt("/", self.view.query),
            "namespaces.all": lambda: self._within(()),
            **{f"favourite.{number}": partial(self._favourite, number) for number in FAVOURITES},
            "history.back": lambda: self._revisit(self.history.back()),
            "history.forward": lambda: self._revisit(self.history.forward()),
            "history.last": lambda: self._revisit(self.history.last()),
            "faults": self._faults,
            "wide": self._wide,
            "refresh": self._refresh,
            "mark": self._mark,
            "mark.range": self._mark_range,
            "mark.clear": self._clear_marks,
        }
        return moves | own | on_tables.for_table(self)

    def _reads(self) -> bool:
        """Whether rows still come that were there before; what changes later no key waits for."""
        feed = self._feed
        if feed is not None and feed.synced and not feed.waiting:
            self._complete = True
        return feed is not None and not feed.refusal and not self._complete

    async def catch_up(self, key: str) -> None:
        """A key that means a row waits for the rows, too: before that there is none, or another one."""
        await super().catch_up(key)
        action = self.session.keys.lookup(key, self.where, self.kind(), self.traits())
        if action is None or action.id not in _ON_ROWS or self.query_one(Prompt).display:
            return
        while self._reads() and self._row_looks and self.app.screen is self:
            self._row_looks -= 1
            await asyncio.sleep(LOOK_SECONDS)
            self.frame()
        if self._reads() and not self._row_looks and self.app.screen is self:
            self.say(f"{self.view.resource.plural} are still being read", Tone.BUSY)

    def targets(self) -> list[Object]:
        """The marked objects, else the one under the cursor."""
        return [detached(row.obj) for row in self._table.model.targets()]

    def current(self) -> Object | None:
        row = self._table.model.current()
        return detached(row.obj) if row else None

    def open_current(self) -> None:
        obj = self.current()
        if obj is None:
            return
        marked = self._table.model.marks and self.view.resource == kinds.NAMESPACES
        if marked:
            spaces = tuple(name(item) for item in self.targets())
            self.go(views.pods_in(spaces, self.view))
            return
        inside = views.drill(self.view, obj)
        if inside is not None:
            self.go(inside)
        elif self.view.resource == CONTAINERS:
            self.perform(logs(self))
        elif self.view.resource == kinds.EVENTS:
            self.perform(involved(self))
        else:
            self.perform(describe(self))

    def pod_of(self, row: Object) -> Object | None:
        """The pod that a container row or a pod row belongs to."""
        if self.view.resource == kinds.PODS:
            return row
        origin = self.view.scope.origin if self.view.scope else None
        return self._feed.get(origin) if self._feed and origin else None

    def _revisit(self, view: View | None) -> None:
        if view is not None:
            self._remember()
            self._show(view)

    def _back(self) -> None:
        model = self._table.model
        if model.query.text or model.faults_only:
            self.view.faults_only = False
            model.set_faults_only(False)
            self.search("", final=True)
        elif model.marks:
            self._clear_marks()
        elif self.view.parent is not None:
            self.go(self.view.parent)

    def search(self, text: str, *, final: bool) -> None:
        self.view.query = text
        model = self._table.model
        model.set_query(parse_query(text))
        self._table.flush()
        self._titles()
        self.redraw()
        if final and model.query.error:
            self.say(f"this filter means nothing: {model.query.error}", Tone.WARN)

    def _within(self, namespaces: tuple[str, ...]) -> None:
        """The same kind in other namespaces; nothing changes where it has none."""
        resource = self.view.resource
        if not resource.namespaced:
            self.say(f"{resource.plural} belong to no namespace", Tone.WARN)
        elif resource == CONTAINERS or self.view.namespaces != namespaces or self.view.scope is not None:
            shown = kinds.PODS if resource == CONTAINERS else resource
            self.go(views.opening(shown, namespaces, self.session.table_of(shown)))

    def _favourite(self, number: int) -> None:
        chosen = self.session.favourites.numbers.get(number)
        if chosen is None:
            self.say(f"no namespace has the key {number}: * in :ns gives it to one", Tone.WARN)
        elif self.view.resource == kinds.NAMESPACES:
            self.go(views.pods_in((chosen,), self.view))
        else:
            self._within((chosen,))

    def _faults(self) -> None:
        self.view.faults_only = not self.view.faults_only
        self._table.model.set_faults_only(self.view.faults_only)
        self.frame()

    def _wide(self) -> None:
        self._table.wide = not self._table.wide
        self._table.refresh()

    def _refresh(self) -> None:
        self.deck_app.repaint()
        self._remember()
        self._show(self.view)
        self.say("listed again")

    def _mark(self) -> None:
        self._table.model.toggle_mark()
        self._table.redraw_cursor()
        self._table.navigate("down")

    def _mark_range(self) -> None:
        self._table.model.mark_range()
        self._table.refresh()

    def _clear_marks(self) -> None:
        self._table.model.marks.clear()
        self._table.refresh()

    def other_key(self, key_name: str) -> bool:
        """Shift and a letter sort by the column that has it."""
        model = self._table.model
        for index, column in enumerate(model.columns):
            if column.letter and column.letter == key_name:
                model.sort(index)
                self._remember()
                self._table.flush()
                self._table.refresh()
                return True
        return False
