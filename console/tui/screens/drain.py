"""A drain: what would become of each pod of a node, then the evictions as they happen.

Nothing is changed until the operator starts it: then the node is cordoned, and pods are evicted as their budgets allow.
Leaving the screen gives up what has not begun, so that no drain goes on that nobody looks at.
"""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from textual import on

from common.api import drains, meta
from common.api.drains import Drain, Fate, Item, Options, Stage
from common.api.kinds import NODES, PODDISRUPTIONBUDGETS, PODS, Resource
from common.api.meta import Key
from common.errors import ApiError, NotFound, ServiceUnavailable, TooManyRequests
from console.tui import operations, ours
from console.tui.actions import Where
from console.tui.feeds import Subscription
from console.tui.gateway import what_if
from console.tui.session import SLICE, Session
from console.tui.table.widget import Table
from console.tui.widgets.spans import Line, state_span
from console.views import drain as views
from console.views.status import Tone

from .deck import LOOK_SECONDS, Handler
from .sheet import Sheet

ROWS = Resource("", "v1", "drain", "Drain")
"""Not a resource of the API: the rows that the pods of the node make."""


class DrainScreen(Sheet):
    """The answer in a line, a row per pod, below it the budgets that cover them."""

    where = Where.DRAIN
    again_seconds = 3  # where pods would land changes as others come and go

    def __init__(self, session: Session, trail: Sequence[str], node: str) -> None:
        super().__init__(session, ROWS, views.COLUMNS, sort_by=2)
        self._node = node
        self._trail = list(trail)
        self._options = Options()
        self._items: list[Item] = []
        self._homes: views.Homes = {}
        self._drain: Drain | None = None
        self._evicting = False
        self._feeds: dict[Resource, Subscription] = {}
        self.about.border_title = "Disruption budgets"

    def on_mount(self) -> None:
        self._feeds = {resource: self.session.feeds.open(resource) for resource in (PODS, PODDISRUPTIONBUDGETS, NODES)}
        self.begin(self._sync, "load")

    def on_unmount(self) -> None:
        for feed in self._feeds.values():
            feed.close()

    def subject(self) -> tuple[Resource, Key]:
        return NODES, Key("", self._node)

    def trail(self) -> Sequence[str]:
        return self._trail

    async def _sync(self) -> None:
        while not all(feed.settled for feed in self._feeds.values()):  # noqa: ASYNC110 - they have many ends
            await asyncio.sleep(LOOK_SECONDS)
        self._look()
        self.ask()

    def frame(self) -> None:
        changed = [feed.take(SLICE) for feed in self._feeds.values()]
        if any(changed):
            self._look()

    def second(self) -> None:
        self._look()
        super().second()

    def _look(self) -> None:
        """Plan anew, or see how far the drain is and go on with it."""
        if not all(feed.settled for feed in self._feeds.values()):
            return
        if self._drain is None:
            budgets = self._feeds[PODDISRUPTIONBUDGETS].items()
            self._items = drains.plan(self._node, self._feeds[PODS].items(), budgets, self._options)
        else:
            self._drain.saw({meta.uid(pod): pod for pod in self._feeds[PODS].items()})
            if not self._evicting and self._drain.due(self.session.clock.now()):
                self.begin(partial(self._evict_due, self._drain), "evict")
        self._show()

    def ask(self) -> None:
        if self._drain is None:
            super().ask()

    async def load(self) -> None:
        if not self.session.catalogue.ours:
            raise NotFound(ours.SCHEDULER)
        self._homes = views.homes(await what_if(self.session.gateway, drains.question(self._node, self._items)))

    def answered(self) -> None:
        self._show()

    # What is shown

    def _show(self) -> None:
        found = views.rows(self._items, self._homes, self._drain)
        self.show_rows(found)
        self.table.border_title = f"Pods {self.session.look.dot} {len(found)}"
        self.said.set_lines(self._headline())
        self.about.set_lines(self._headroom())
        self.redraw()

    def _headline(self) -> list[Line]:
        look, width = self.session.look, max(self.size.width - 4, 20)
        if self._drain is None:
            head = views.headline(self._items, self._homes)
            return [[state_span(head, look)], self._chosen(), *self._reason(width, 2)]
        state = views.progress(self._drain)
        total = max(len(self._drain.stages), 1)
        full, empty = look.bar(self._drain.count(Stage.GONE) / total, min(width, 80))
        line: Line = [(full, Tone.OK), (empty, Tone.DIM)]
        return [[state_span(state, look), ("   ", Tone.TEXT), *self._cordon_line()], line, *self._reason(width, 2)]

    def _reason(self, width: int, most: int) -> list[Line]:
        """The whole reason of the pod under the cursor, which its row may have to cut."""
        row = self.table.model.current()
        said = views.why(row.obj) if row else ""
        if self.problem and self._drain is None:
            problem = f"where they would go is not known: {self.problem}"
            return [[(text, Tone.BAD)] for text in textwrap.wrap(problem, width)[:most]]
        return [[(text, views.fate(row.obj).tone)] for text in textwrap.wrap(said, width)[:most]] if row else []

    def _chosen(self) -> Line:
        """What may be lost, as chosen so far."""
        line: list[tuple[str, Tone]] = []
        for text, chosen in (("unmanaged pods", self._options.force), ("emptyDir data", self._options.delete_local)):
            line += [(f"{text} ", Tone.DIM), ("may go   " if chosen else "kept   ", Tone.WARN if chosen else Tone.TEXT)]
        return [*line, *self._cordon_line()]

    def _cordon_line(self) -> Line:
        node = self._feeds[NODES].get(Key("", self._node)) if self._feeds else None
        if node is None:
            return [("the node is gone", Tone.BAD)]
        cordoned = bool((node.get("spec") or {}).get("unschedulable"))
        return [("node ", Tone.DIM), ("cordoned", Tone.WARN) if cordoned else ("open", Tone.TEXT)]

    def _headroom(self) -> list[Line]:
        budgets = self._feeds[PODDISRUPTIONBUDGETS].items() if self._feeds else ()
        lines: list[Line] = []
        for room in views.headroom(self._items, budgets):
            spare = room["allowed"]
            tone = Tone.BAD if room["hopeless"] else Tone.OK if spare else Tone.WARN
            noun = "pod" if room["covers"] == 1 else "pods"
            lines.append(
                [
                    (f"{room['namespace']}/{room['name']}  ", Tone.BRIGHT),
                    (f"{spare} may go now", tone),
                    (f"   {room['healthy']} healthy, {room['needed']} needed, {room['covers']} {noun} here", Tone.DIM),
                ]
            )
        return lines or [[("none covers these pods", Tone.DIM)]]

    @on(Table.Moved)
    def _moved(self, _message: Table.Moved) -> None:
        self.said.set_lines(self._headline())

    # Actions

    def handlers(self) -> Mapping[str, Handler]:
        return {
            **super().handlers(),
            "drain.start": self._start,
            "drain.force": lambda: self._choose(replace(self._options, force=not self._options.force)),
            "drain.local": lambda: self._choose(replace(self._options, delete_local=not self._options.delete_local)),
            "back": self._cancel_or_leave,
        }

    def _choose(self, options: Options) -> None:
        if self._drain is not None:
            self.say("the drain has begun; esc gives up what has not", Tone.WARN)
            return
        self._options = options
        self._look()
        self.ask()

    async def _start(self) -> None:
        if self._drain is not None:
            return
        node = self._feeds[NODES].get(Key("", self._node))
        if node is None:
            raise NotFound(f"node {self._node} is gone")
        refused = [item for item in self._items if item.fate is Fate.REFUSE]
        if refused:
            self.say(f"{meta.key(refused[0].pod)}: {refused[0].reason}; f and e let such pods go", Tone.BAD)
            return
        self._drain = Drain(self._items)
        await operations.cordon(self.session.gateway, node, cordoned=True)
        self.say(f"{self._node} is cordoned; its pods are evicted as their budgets allow")
        self._look()

    async def _evict_due(self, drain: Drain) -> None:
        """One after another: each eviction may take the last disruption that a budget allows."""
        self._evicting = True
        try:
            for item in drain.due(self.session.clock.now()):
                if drain.stages[meta.uid(item.pod)] is not Stage.CANCELLED:
                    await self._evict(drain, item)
        finally:
            self._evicting = False
        self._show()

    async def _evict(self, drain: Drain, item: Item) -> None:
        try:
            await operations.evict(self.session.gateway, item.pod)
        except NotFound:
            drain.gone(item)
        except (TooManyRequests, ServiceUnavailable, OSError) as error:
            again = self.session.clock.now() + timedelta(seconds=drains.RETRY_SECONDS)
            drain.held(item, operations.refusal(error), again)
        except ApiError as error:
            drain.failed(item, error.message)
        else:
            drain.accepted(item)

    def _cancel_or_leave(self) -> None:
        """The first time what has not begun is given up; then it goes back."""
        kept = self._drain.cancel() if self._drain is not None else 0
        if not kept:
            self.app.pop_screen()
            return
        self.say(f"{kept} {'pod stays' if kept == 1 else 'pods stay'}; {self._node} is still cordoned", Tone.WARN)
        self._show()
