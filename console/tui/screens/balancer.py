"""The load balancer: a row for each endpoint of each Service, with its share of what is new and what came to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from textual import on
from textual.widget import Widget

from common.api import weights
from common.api.kinds import LOADBALANCERS, PODS
from common.api.meta import Key, Object, key
from common.errors import ApiError
from console.tui import operations
from console.tui import view as views_of_kinds
from console.tui.actions import Where
from console.tui.session import Session
from console.tui.table.model import TableModel
from console.tui.table.widget import Table
from console.tui.widgets.spans import Line, SpanLines
from console.views import balancer as views
from console.views.status import Tone

from .deck import Deck, Handler
from .dialogs import Ask, wrapped

CLUSTER = "cluster"
_MOVES = ("down", "up", "top", "bottom", "page-down", "page-up")
AGAIN_SECONDS = 2  # agents tell new figures every five


class BalancerScreen(Deck):
    where = Where.BALANCER

    def __init__(self, session: Session, namespace: str = "") -> None:
        super().__init__(session)
        self._namespace = namespace
        self._document: Object = {}
        self._problem = ""
        self._seconds = 0
        self._row: Object | None = None
        model = TableModel(LOADBALANCERS, views.columns(ascii_only=session.look.ascii))
        model.sort_by = 1
        self._table = Table(model, session.clock, session.look, id="table")
        self._table.add_class("framed")
        self._table.border_title = "Endpoints"
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
        return ["load balancer", *([self._namespace] if self._namespace else [])]

    def second(self) -> None:
        self._seconds += 1
        if self._seconds % AGAIN_SECONDS == 0:
            self._ask()

    def _ask(self) -> None:
        self.run_worker(self._load(), group="balancer", exclusive=True, exit_on_error=False)

    async def _load(self) -> None:
        try:
            self._document = await self.session.gateway.get(LOADBALANCERS, CLUSTER)
            self._problem = ""
        except (ApiError, OSError) as error:
            self._problem = getattr(error, "message", "") or str(error)
        found = [row for row in views.rows(self._document) if self._namespace in {"", row["metadata"]["namespace"]}]
        names = {key(row) for row in found}
        gone = [(row.key, None) for row in self._table.model.all_rows() if row.key not in names]
        self._table.update([*gone, *((key(row), row) for row in found)])
        self._table.flush()
        self._say()

    def _say(self) -> None:
        lines: list[Line] = [views.sums(self._document)]
        problems = [self._problem] if self._problem else views.faults(self._document)
        if problems:
            glyph = self.session.look.glyphs[Tone.BAD]
            lines.append([(f"{glyph} {problems[0]}", Tone.BAD), *self._more(len(problems) - 1)])
        self._said.fit_lines(lines)
        self._tell()
        self.redraw()

    @staticmethod
    def _more(count: int) -> Line:
        return [(f"  and {count} more", Tone.DIM)] if count > 0 else []

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        self._row = message.row.obj if message.row else None
        self._tell()

    def _tell(self) -> None:
        if self._row is None:
            self._about.set_lines([])
            return
        self._about.border_title = f"{self._row['metadata']['namespace']}/{self._row['service']['name']}"
        self._about.set_lines(views.about(self._row, self._document))

    # Keys

    def handlers(self) -> Mapping[str, Handler]:
        moves: dict[str, Handler] = {f"cursor.{where}": partial(self._table.navigate, where) for where in _MOVES}
        return moves | {
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
            app = self.deck_app
            app.pop_screen()
            browse = app.browse()
            browse.go(views_of_kinds.only(PODS, pod, browse.view))

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
        self._ask()


def opened(session: Session, words: Sequence[str]) -> BalancerScreen:
    """`:lb [NAMESPACE]`; ValueError for more words."""
    if len(words) > 1:
        raise ValueError(":lb takes a namespace and nothing else")
    return BalancerScreen(session, *words)
