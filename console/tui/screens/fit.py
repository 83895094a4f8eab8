"""What if: where replicas of a pod would land, what that makes of the nodes, and why no more fit."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from textual import on
from textual.widget import Widget

from common.api.kinds import FITS
from common.api.meta import Key, Object, key
from common.errors import ApiError
from console.tui.actions import Where
from console.tui.gateway import what_if
from console.tui.session import Session
from console.tui.table.model import TableModel
from console.tui.table.widget import Table
from console.tui.widgets.bars import heat
from console.tui.widgets.spans import Line, SpanLines
from console.views import fit as views
from console.views.status import Tone

from .deck import Deck, Handler

_MOVES = ("down", "up", "top", "bottom", "page-down", "page-up")
AGAIN_SECONDS = 2  # the answer changes as pods come and go


class FitScreen(Deck):
    """A row per node; above it the answer in a line, below it the node under the cursor."""

    where = Where.FIT

    def __init__(self, session: Session, question: Object) -> None:
        super().__init__(session)
        self._fit = question
        self._problem = ""
        self._seconds = 0
        model = TableModel(FITS, views.COLUMNS)
        model.sort_by = 1
        self._table = Table(model, session.clock, session.look, id="table")
        self._table.add_class("framed")
        self._table.border_title = "Nodes"
        self._said = SpanLines(session.look, id="said")
        self._about = SpanLines(session.look, id="reasons", classes="framed")

    def body(self) -> Iterable[Widget]:
        yield self._said
        yield self._table
        yield self._about

    def on_mount(self) -> None:
        super().on_mount()
        self._ask()

    def rest_focus(self) -> None:
        self._table.focus()

    def trail(self) -> Sequence[str]:
        return ["what if", views.asked(self._fit).split("  ")[0]]

    def second(self) -> None:
        self._seconds += 1
        if self._seconds % AGAIN_SECONDS == 0:
            self._ask()

    def _ask(self) -> None:
        self.run_worker(self._load(), group="fit", exclusive=True, exit_on_error=False)

    async def _load(self) -> None:
        question = {name: value for name, value in self._fit.items() if name != "status"}
        try:
            self._fit = await what_if(self.session.gateway, question)
            self._problem = ""
        except (ApiError, OSError) as error:
            self._problem = getattr(error, "message", "") or str(error)
        found = [
            {**node, "metadata": {"name": node["name"]}} for node in (self._fit.get("status") or {}).get("nodes") or ()
        ]
        names = {Key("", str(node["name"])) for node in found}
        gone = [(row.key, None) for row in self._table.model.all_rows() if row.key not in names]
        self._table.update([*gone, *((key(row), row) for row in found)])
        self._table.flush()
        self._say()

    def _say(self) -> None:
        width = max(self.size.width - 4, 20)
        asked: Line = [("Each asks  ", Tone.DIM), (views.asked(self._fit), Tone.TEXT)]
        if self._problem:
            lines = [asked, *([(part, Tone.BAD)] for part in textwrap.wrap(self._problem, width)[:2])]
        else:
            status = self._fit.get("status") or {}
            missing = int((self._fit.get("spec") or {}).get("replicas") or 1) > int(status.get("fitting") or 0)
            tone = Tone.BAD if missing else Tone.OK
            head: Line = [
                (f"{self.session.look.glyphs[tone]} {views.headline(self._fit)}", tone),
                ("   ", Tone.TEXT),
                *asked,
            ]
            message = textwrap.wrap(str(status.get("message") or ""), width)[:2] if missing else []
            lines = [head, self._packing(), *([(part, Tone.WARN)] for part in message)]
        self._said.fit_lines(lines)
        self.redraw()

    def _packing(self) -> Line:
        """How full all nodes together are, before and after."""
        look = self.session.look
        arrow = ">" if look.ascii else "→"
        line: list[tuple[str, Tone]] = [("All nodes  ", Tone.DIM)]
        for title, resource in (("cpu", "cpu"), ("mem", "memory")):
            before, after = views.packing(self._fit, resource)
            line += [(f"{title} {before}% {arrow} ", Tone.TEXT), (f"{after}%", heat(after)), ("   ", Tone.TEXT)]
        used = views.nodes_in_use(self._fit)
        return [*line, (f"in use {used[0]} {arrow} {used[1]}", Tone.TEXT)]

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        row = message.row.obj if message.row else None
        if row is None:
            self._about.set_lines([])
            return
        self._about.border_title = str(row["name"])
        look, width = self.session.look, max(self.size.width - 10, 20)
        lines: list[Line] = [
            self._gauge(row, title, resource, width) for title, resource in (("cpu", "cpu"), ("mem", "memory"))
        ]
        reasons = textwrap.wrap(views.reason(row), width)
        glyph = look.glyphs[Tone.BAD] if reasons else look.glyphs[Tone.OK]
        text = f"{glyph} no more: {reasons[0]}" if reasons else f"{glyph} one more would fit"
        self._about.set_lines([*lines, [(text, Tone.BAD if reasons else Tone.OK)]])

    def _gauge(self, row: Object, title: str, resource: str, width: int) -> Line:
        """What was asked for before, what the replicas add, what stays free."""
        look = self.session.look
        before, after = views.share(row, "before", resource), views.share(row, "after", resource)
        room = min(max(width - 14, 10), 80)
        old, _ = look.bar(before / 100, room)
        both, free = look.bar(after / 100, room)
        added = ("=" if look.ascii else "▓") * (len(both) - len(old))
        return [
            (f"{title} ", Tone.DIM),
            (old, Tone.LINK),
            (added, Tone.KEY),
            (free, Tone.DIM),
            (f" {after:>3}%", heat(after)),
        ]

    def handlers(self) -> Mapping[str, Handler]:
        return {f"cursor.{where}": partial(self._table.navigate, where) for where in _MOVES}


def opened(session: Session, words: Sequence[str]) -> FitScreen:
    """`:fit IMAGE cpu=500m mem=1Gi x6`; ValueError says which word means nothing."""
    return FitScreen(session, views.question(words))
