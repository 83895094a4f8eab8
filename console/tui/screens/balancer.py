"""The load balancer: a row for each endpoint of each Service, with its share of what is new and what came to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import on

from common.api import weights
from common.api.kinds import LOADBALANCERS, PODS, SERVICES, Resource
from common.api.meta import Key, Object
from console.tui import operations
from console.tui.actions import Where
from console.tui.session import Session
from console.tui.table.widget import Table
from console.tui.trends import Trend
from console.tui.widgets import charts
from console.tui.widgets.spans import Line
from console.views import balancer as views
from console.views.pulses import Load
from console.views.status import Tone

from .deck import Handler
from .dialogs import Ask, wrapped
from .sheet import Sheet

CLUSTER = "cluster"
_HEAD_CELLS = 22  # of the name and the newest value beside a line of bars


class BalancerScreen(Sheet):
    where = Where.BALANCER
    again_seconds = 2  # agents tell new figures every five

    def __init__(self, session: Session, namespace: str = "") -> None:
        columns = views.columns(ascii_only=session.look.ascii)
        super().__init__(session, LOADBALANCERS, columns, title="Endpoints", sort_by=1)
        self._namespace = namespace
        self._document: Object = {}
        self._row: Object | None = None
        self._trend = Trend(session.gateway, session.clock)

    def on_mount(self) -> None:
        self.ask()

    def subject(self) -> tuple[Resource, Key] | None:
        return (LOADBALANCERS, Key(self._row["metadata"]["namespace"], "")) if self._row else None

    def trail(self) -> Sequence[str]:
        return ["load balancer", *([self._namespace] if self._namespace else [])]

    async def load(self) -> None:
        self._document = await self.session.gateway.get(LOADBALANCERS, CLUSTER)
        found = [row for row in views.rows(self._document) if self._namespace in {"", row["metadata"]["namespace"]}]
        self.show_rows(found)

    def answered(self) -> None:
        lines: list[Line] = [views.sums(self._document)]
        problems = [self.problem] if self.problem else views.faults(self._document)
        if problems:
            glyph = self.session.look.glyphs[Tone.BAD]
            lines.append([(f"{glyph} {problems[0]}", Tone.BAD), *self._more(len(problems) - 1)])
        self.said.fit_lines(lines)
        self._tell()
        self.redraw()

    @staticmethod
    def _more(count: int) -> Line:
        return [(f"  and {count} more", Tone.DIM)] if count > 0 else []

    def second(self) -> None:
        super().second()
        if self._trend.due:
            self.begin(self._follow, "trend", exclusive=True)

    async def _follow(self) -> None:
        """What came to the Service under the cursor over time."""
        await self._trend.ask()
        self._tell()

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        self._row = message.row.obj if message.row else None
        service = self._row and {"metadata": {**self._row["metadata"], "name": self._row["service"]["name"]}}
        self._trend.follow(SERVICES, service)
        self._tell()

    def _tell(self) -> None:
        if self._row is None:
            self.about.set_lines([])
            return
        self.about.border_title = f"{self._row['metadata']['namespace']}/{self._row['service']['name']}"
        width = max(self.size.width - 6, 20)
        lines = [self._spark(load, width) for load in self._trend.loads()]
        self.about.set_lines([*views.about(self._row, self._document), *lines])

    def _spark(self, load: Load, width: int) -> Line:
        """A line of what came over time, with its newest value before and how far back it goes behind."""
        head, back = f"{load.title} {load.text}", charts.span(load)
        (bars,) = charts.bars(load, max(width - _HEAD_CELLS - len(back) - 2, 8), 1, self.session.look)
        return [(f"{head:<{_HEAD_CELLS}}", Tone.DIM), *bars, (f"  {back}", Tone.DIM)]

    # Keys

    def handlers(self) -> Mapping[str, Handler]:
        return {
            **super().handlers(),
            "endpoint.open": self._open,
            "endpoint.drain": self._drain,
            "endpoint.weight": self._weigh,
        }

    def _pod(self) -> Key | None:
        """The pod of the endpoint under the cursor; says so when there is none."""
        row = self._row
        if row is None or not row["endpoint"]["pod"]:
            self.say("there is no pod behind this row", Tone.WARN)
            return None
        return Key(row["metadata"]["namespace"], row["endpoint"]["pod"])

    def _open(self) -> None:
        pod = self._pod()
        if pod is not None:
            self.leave_for(PODS, pod)

    async def _drain(self) -> None:
        pod = self._pod()
        if pod is None or self._row is None:
            return
        drained = self._row["endpoint"]["weight"] == 0
        await self._set(pod, weights.DEFAULT if drained else 0)

    async def _weigh(self) -> None:
        pod = self._pod()
        if pod is None or self._row is None:
            return

        def check(text: str) -> str:
            try:
                weights.parse(text)
            except ValueError as error:
                return str(error)
            return ""

        body = [*wrapped(str(pod), 50, Tone.BRIGHT), *wrapped("Its part of new connections and requests, beside "
                "the others of its Services: 100 is usual, 0 drains it.", 50, Tone.DIM)]  # fmt: skip
        asked = Ask(self.session.look, "Weight", body, str(self._row["endpoint"]["weight"]), check=check, steps=True)
        answer = await self.app.push_screen_wait(asked)
        if answer is not None:
            await self._set(pod, int(answer))

    async def _set(self, pod: Key, weight: int) -> None:
        await operations.weigh(self.session.gateway, pod, weight)
        self.say(f"{pod.name}: weight {weight}" + (", nothing new reaches it" if weight == 0 else ""))
        self.ask()


def opened(session: Session, words: Sequence[str]) -> BalancerScreen:
    """`:lb [NAMESPACE]`; ValueError for more words."""
    if len(words) > 1:
        raise ValueError(":lb takes a namespace and nothing else")
    return BalancerScreen(session, *words)
