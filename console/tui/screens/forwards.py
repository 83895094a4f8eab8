"""The port-forwards that run in this console, with where each leads now and what went through; stops them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from textual import on
from textual.widget import Widget

from common.api.kinds import PODS
from common.api.meta import Key, Object
from console.streams.forward import Forward
from console.tui.actions import Where
from console.tui.session import Session
from console.tui.table.widget import Table
from console.views import forwards as views
from console.views.status import Tone

from .deck import Handler
from .sheet import Sheet

_NONE = [
    ("No port-forward runs.", Tone.BRIGHT),
    ("", Tone.TEXT),
    ("Press shift-f on a pod, a Service or a workload to open one.", Tone.DIM),
    ("It goes on while you do other things, and follows when its pod goes.", Tone.DIM),
]


class ForwardsScreen(Sheet):
    where = Where.FORWARDS

    def __init__(self, session: Session) -> None:
        super().__init__(session, PODS, views.COLUMNS, title="Port-forwards of this console")
        self._row: Object | None = None

    def body(self) -> Iterable[Widget]:
        yield self.table
        yield self.about

    def on_mount(self) -> None:
        self._load()

    def trail(self) -> Sequence[str]:
        return ["port-forwards"]

    def second(self) -> None:
        self._load()

    def _load(self) -> None:
        found = [_row(name, forward) for name, forward in self.session.forwards.running.items()]
        self.table.set_notice([] if found else _NONE)
        self.show_rows(found)
        current = self.table.model.current()
        self._row = current.obj if current else None
        self._tell()
        self.redraw()

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        self._row = message.row.obj if message.row else None
        self._tell()

    def _tell(self) -> None:
        self.about.set_lines(views.about(self._row) if self._row is not None else [])

    def handlers(self) -> Mapping[str, Handler]:
        return {**super().handlers(), "forward.stop": self._stop, "forward.pod": self._open}

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
        self.leave_for(PODS, Key(self._row["metadata"]["namespace"], self._row["pod"]))


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
