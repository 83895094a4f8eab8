"""The port-forwards that run in this console, with where each leads now and what went through; stops them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from textual import on
from textual.widget import Widget

from common.api.kinds import PODS
from common.api.meta import Key, Object, key
from console.streams.forward import Forward
from console.tui import view as views_of_kinds
from console.tui.actions import Where
from console.tui.session import Session
from console.tui.table.model import TableModel
from console.tui.table.widget import Table
from console.tui.widgets.spans import SpanLines
from console.views import forwards as views
from console.views.status import Tone

from .deck import Deck, Handler

_MOVES = ("down", "up", "top", "bottom", "page-down", "page-up")
_NONE = [
    ("No port-forward runs.", Tone.BRIGHT),
    ("", Tone.TEXT),
    ("Press shift-f on a pod, a Service or a workload to open one.", Tone.DIM),
    ("It goes on while you do other things, and follows when its pod goes.", Tone.DIM),
]


class ForwardsScreen(Deck):
    where = Where.FORWARDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._row: Object | None = None
        self._table = Table(TableModel(PODS, views.COLUMNS), session.clock, session.look, id="table")
        self._table.add_class("framed")
        self._table.border_title = "Port-forwards of this console"
        self._about = SpanLines(session.look, id="reasons", classes="framed")

    def body(self) -> Iterable[Widget]:
        yield self._table
        yield self._about

    def on_mount(self) -> None:
        super().on_mount()
        self._load()

    def rest_focus(self) -> None:
        self._table.focus()

    def trail(self) -> Sequence[str]:
        return ["port-forwards"]

    def second(self) -> None:
        self._load()

    def _load(self) -> None:
        found = [_row(name, forward) for name, forward in self.session.forwards.running.items()]
        names = {key(row) for row in found}
        gone = [(row.key, None) for row in self._table.model.all_rows() if row.key not in names]
        self._table.update([*gone, *((key(row), row) for row in found)])
        self._table.set_notice([] if found else _NONE)
        self._table.flush()
        current = self._table.model.current()
        self._row = current.obj if current else None
        self._tell()
        self.redraw()

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        self._row = message.row.obj if message.row else None
        self._tell()

    def _tell(self) -> None:
        self._about.set_lines(views.about(self._row) if self._row is not None else [])

    def handlers(self) -> Mapping[str, Handler]:
        moves: dict[str, Handler] = {f"cursor.{where}": partial(self._table.navigate, where) for where in _MOVES}
        return moves | {"forward.stop": self._stop, "forward.pod": self._open}

    async def _stop(self) -> None:
        if self._row is not None:
            row = self._row
            await self.session.forwards.stop(row["metadata"]["name"])
            self._load()
            self.say(f"{row['listening'][0]} is free again")

    def _open(self) -> None:
        if self._row is None or not self._row["pod"]:
            self.say("there is no pod behind this row", Tone.WARN)
            return
        pod = Key(self._row["metadata"]["namespace"], self._row["pod"])
        app = self.deck_app
        app.pop_screen()
        browse = app.browse()
        browse.go(views_of_kinds.only(PODS, pod, browse.view))


def _row(name: str, forward: Forward) -> Object:
    figures = forward.figures
    counted = {"open": figures.open, "total": figures.total, "received": figures.received, "sent": figures.sent}
    return views.row(
        name, forward.label, forward.key.namespace, forward.pair.remote, forward.listening, counted, figures.pod,
        figures.problem,
    )  # fmt: skip


def opened(session: Session, words: Sequence[str]) -> ForwardsScreen:
    """`:forwards`; ValueError for words behind it."""
    if words:
        raise ValueError(":forwards takes no words")
    return ForwardsScreen(session)
