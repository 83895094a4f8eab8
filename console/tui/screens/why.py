"""Why a pod is where it is, or nowhere: the scheduler's verdict for each node, where Kubernetes has one sentence."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime

from textual import on

from common.api import meta, pods
from common.api.kinds import Resource
from common.api.meta import Object
from console.tui.actions import Where
from console.tui.gateway import explain
from console.tui.session import Session
from console.tui.table.widget import Table
from console.tui.widgets.spans import Line, state_span
from console.views import amounts
from console.views.columns import Column
from console.views.status import Status, Tone, pod_status

from .sheet import Sheet

VERDICTS = Resource("", "v1", "verdicts", "Verdict", namespaced=False)
"""Not a resource of the API: the rows that an Explanation makes."""


def verdict(row: Object) -> Status:
    if row.get("chosen"):
        return Status("runs here", Tone.OK)
    return Status("fits", Tone.OK) if row.get("fits") else Status("refused", Tone.BAD)


def _free(resource: str, title: str) -> Column:
    """What the node has left of a resource; it stands out when the pod asks for more."""

    def value(row: Object, _now: datetime) -> str:
        return amounts.amount(resource, amounts.parsed((row.get("free") or {}).get(resource)))

    def tone(row: Object) -> Tone:
        free, asked = (amounts.parsed((row.get(field) or {}).get(resource)) for field in ("free", "requested"))
        return Tone.BAD if (asked or 0) > (free or 0) else Tone.TEXT

    return Column(title, value, right=True, drop=2, tone=tone)


def _reason(row: Object) -> str:
    reasons = row.get("reasons") or ()
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{reasons[0]}{more}" if reasons else ""


def _score(row: Object) -> float:
    value = row.get("score")
    return float(value) if value is not None else -1.0


def _best_first(row: Object) -> tuple[bool, bool, float]:
    return (not row.get("chosen"), not row.get("fits"), -_score(row))


COLUMNS = (
    Column("NODE", lambda row, _now: meta.name(row), flexible=True, least=10, letter="N"),
    Column("VERDICT", lambda row, _now: verdict(row), sort=_best_first, letter="S"),
    Column("SCORE", lambda row, _now: f"{_score(row):.0f}" if _score(row) >= 0 else "-", right=True, drop=4),
    _free("cpu", "CPU FREE"),
    _free("memory", "MEM FREE"),
    Column("WHY", lambda row, _now: _reason(row), flexible=True, prose=True, least=20),
)  # fmt: skip


def rows(explanation: Object, pod: Object) -> list[Object]:
    """The verdicts as rows of a table."""
    here = pods.node_name(pod)
    return [
        {**node, "metadata": {"name": node.get("name")}, "chosen": bool(here) and node.get("name") == here}
        for node in explanation.get("nodes") or ()
    ]


class WhyScreen(Sheet):
    """A row per node; below it everything that speaks against the node under the cursor."""

    where = Where.WHY
    again_seconds = 2  # the verdict of a pending pod changes as nodes do

    def __init__(self, session: Session, trail: Sequence[str], pod: Object) -> None:
        super().__init__(session, VERDICTS, COLUMNS, title="Nodes", sort_by=1)
        self._trail = list(trail)
        self._pod = pod
        self._explanation: Object = {}

    def on_mount(self) -> None:
        self.ask()

    def trail(self) -> Sequence[str]:
        return self._trail

    async def load(self) -> None:
        self._explanation = await explain(self.session.gateway, self._pod)
        self.show_rows(rows(self._explanation, self._pod))

    def answered(self) -> None:
        fits = sum(1 for row in self.table.model.rows if row.obj.get("fits"))
        width = max(self.size.width - 4, 20)
        message = self.problem or str(self._explanation.get("message") or "")
        text = textwrap.wrap(message, width)[:2] or [""]
        where, asked = pods.node_name(self._pod), pods.requests(self._pod)
        count = f"fits {fits} of {len(self.table.model)} nodes"
        head: Line = [
            (f"Pod {meta.key(self._pod)}  ", Tone.BRIGHT),
            state_span(pod_status(self._pod), self.session.look),
        ]
        need: Line = [
            ("Asks ", Tone.DIM),
            (f"cpu {amounts.amount('cpu', asked.get('cpu'))}", Tone.TEXT),
            (f"  mem {amounts.amount('memory', asked.get('memory'))}", Tone.TEXT),
            (f"   runs on {where}" if where else f"   {count}", Tone.DIM),
        ]
        tone = Tone.BAD if self.problem else Tone.TEXT
        self.said.fit_lines([head, need, *([(line, tone)] for line in text)])
        self.redraw()

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        row = message.row.obj if message.row else {}
        self.about.border_title = f"Against {meta.name(row)}" if row.get("reasons") else meta.name(row)
        width = max(self.size.width - 8, 20)
        lines: list[Line] = []
        for reason in row.get("reasons") or ():
            parts = textwrap.wrap(str(reason), width)
            glyph = self.session.look.glyphs[Tone.BAD]
            lines += [[(f"{glyph if i == 0 else ' '} ", Tone.BAD), (part, Tone.TEXT)] for i, part in enumerate(parts)]
        if not lines and row:
            glyph = self.session.look.glyphs[Tone.OK]
            lines = [[(f"{glyph} ", Tone.OK), ("Every check passes on this node.", Tone.TEXT)]]
        self.about.set_lines(lines)
