"""What if: where replicas of a pod would land, what that makes of the nodes, and why no more fit."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from textual import on

from common.api.kinds import FITS
from common.api.meta import Object
from console.tui.actions import Where
from console.tui.gateway import what_if
from console.tui.session import Session
from console.tui.table.widget import Table
from console.tui.widgets.bars import heat
from console.tui.widgets.spans import Line
from console.views import fit as views
from console.views.status import Tone

from .sheet import Sheet


class FitScreen(Sheet):
    """A row per node; above it the answer in a line, below it the node under the cursor."""

    where = Where.FIT
    again_seconds = 2  # the answer changes as pods come and go

    def __init__(self, session: Session, question: Object) -> None:
        super().__init__(session, FITS, views.COLUMNS, title="Nodes", sort_by=1)
        self._fit = question

    def on_mount(self) -> None:
        self.ask()

    def trail(self) -> Sequence[str]:
        return ["what if", views.asked(self._fit).split("  ")[0]]

    async def load(self) -> None:
        question = {name: value for name, value in self._fit.items() if name != "status"}
        self._fit = await what_if(self.session.gateway, question)
        found = [
            {**node, "metadata": {"name": node["name"]}} for node in (self._fit.get("status") or {}).get("nodes") or ()
        ]
        self.show_rows(found)

    def answered(self) -> None:
        width = max(self.size.width - 4, 20)
        asked: Line = [("Each asks  ", Tone.DIM), (views.asked(self._fit), Tone.TEXT)]
        if self.problem:
            lines = [asked, *([(part, Tone.BAD)] for part in textwrap.wrap(self.problem, width)[:2])]
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
        self.said.fit_lines(lines)
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
            self.about.set_lines([])
            return
        self.about.border_title = str(row["name"])
        look, width = self.session.look, max(self.size.width - 10, 20)
        lines: list[Line] = [
            self._gauge(row, title, resource, width) for title, resource in (("cpu", "cpu"), ("mem", "memory"))
        ]
        reasons = textwrap.wrap(views.reason(row), width)
        glyph = look.glyphs[Tone.BAD] if reasons else look.glyphs[Tone.OK]
        text = f"{glyph} no more: {reasons[0]}" if reasons else f"{glyph} one more would fit"
        self.about.set_lines([*lines, [(text, Tone.BAD if reasons else Tone.OK)]])

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


def opened(session: Session, words: Sequence[str]) -> FitScreen:
    """`:fit IMAGE cpu=500m mem=1Gi x6`; ValueError says which word means nothing."""
    return FitScreen(session, views.question(words))
