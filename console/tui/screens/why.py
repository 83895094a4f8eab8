"""Why a pod is where it is, or nowhere: the scheduler's verdict for each node, where Kubernetes has one sentence."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from textual import on
from textual.widget import Widget

from common.api import meta, pods
from common.api.kinds import Resource
from common.api.meta import Key, Object
from common.errors import ApiError
from console.tui.actions import Where
from console.tui.gateway import explain
from console.tui.session import Session
from console.tui.table.model import TableModel
from console.tui.table.widget import Table
from console.tui.widgets.spans import Line, SpanLines, state_span
from console.views import amounts
from console.views.columns import Column
from console.views.status import Status, Tone, pod_status

from .deck import Deck, Handler

VERDICTS = Resource("", "v1", "verdicts", "Verdict", namespaced=False)
"""Not a resource of the API: the rows that an Explanation makes."""
_MOVES = ("down", "up", "top", "bottom", "page-down", "page-up")
AGAIN_SECONDS = 2  # the verdict of a pending pod changes as nodes do


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


class WhyScreen(Deck):
    """A row per node; below it everything that speaks against the node under the cursor."""

    where = Where.WHY

    def __init__(self, session: Session, trail: Sequence[str], pod: Object) -> None:
        super().__init__(session)
        self._trail = list(trail)
        self._pod = pod
        self._explanation: Object = {}
        self._problem = ""
        self._seconds = 0
        model = TableModel(VERDICTS, COLUMNS)
        model.sort_by = 1
        self._table = Table(model, session.clock, session.look, id="table")
        self._table.add_class("framed")
        self._table.border_title = "Nodes"
        self._said = SpanLines(session.look, id="said")
        self._reasons = SpanLines(session.look, id="reasons")
        self._reasons.add_class("framed")

    def body(self) -> Iterable[Widget]:
        yield self._said
        yield self._table
        yield self._reasons

    def on_mount(self) -> None:
        super().on_mount()
        self._ask()

    def rest_focus(self) -> None:
        self._table.focus()

    def trail(self) -> Sequence[str]:
        return self._trail

    def second(self) -> None:
        self._seconds += 1
        if self._seconds % AGAIN_SECONDS == 0:
            self._ask()

    def _ask(self) -> None:
        self.run_worker(self._load(), group="explain", exclusive=True, exit_on_error=False)

    async def _load(self) -> None:
        try:
            self._explanation = await explain(self.session.gateway, self._pod)
            self._problem = ""
        except (ApiError, OSError) as error:
            self._problem = str(error)
        found = rows(self._explanation, self._pod)
        names = {Key("", meta.name(row)) for row in found}
        gone = [(row.key, None) for row in self._table.model.all_rows() if row.key not in names]
        self._table.update([*gone, *((meta.key(row), row) for row in found)])
        self._table.flush()
        self._say()

    def _say(self) -> None:
        fits = sum(1 for row in self._table.model.rows if row.obj.get("fits"))
        width = max(self.size.width - 4, 20)
        message = self._problem or str(self._explanation.get("message") or "")
        text = textwrap.wrap(message, width)[:2] or [""]
        where, asked = pods.node_name(self._pod), pods.requests(self._pod)
        count = f"fits {fits} of {len(self._table.model)} nodes"
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
        tone = Tone.BAD if self._problem else Tone.TEXT
        self._said.fit_lines([head, need, *([(line, tone)] for line in text)])
        self.redraw()

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        row = message.row.obj if message.row else {}
        self._reasons.border_title = f"Against {meta.name(row)}" if row.get("reasons") else meta.name(row)
        width = max(self.size.width - 8, 20)
        lines: list[Line] = []
        for reason in row.get("reasons") or ():
            parts = textwrap.wrap(str(reason), width)
            glyph = self.session.look.glyphs[Tone.BAD]
            lines += [[(f"{glyph if i == 0 else ' '} ", Tone.BAD), (part, Tone.TEXT)] for i, part in enumerate(parts)]
        if not lines and row:
            glyph = self.session.look.glyphs[Tone.OK]
            lines = [[(f"{glyph} ", Tone.OK), ("Every check passes on this node.", Tone.TEXT)]]
        self._reasons.set_lines(lines)

    def handlers(self) -> Mapping[str, Handler]:
        return {f"cursor.{where}": partial(self._table.navigate, where) for where in _MOVES}
