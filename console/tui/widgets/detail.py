"""The pane beside the table: what matters about the object under the cursor, and its last events."""

from __future__ import annotations

import textwrap

from common.api import ages, kinds, meta, pods
from common.api.kinds import Resource
from common.api.meta import Object
from console.tui.feeds import Subscription
from console.tui.session import Session
from console.tui.table.model import Change
from console.tui.trends import Trend
from console.views.capacity import Usage
from console.views.columns import event_message, event_time
from console.views.status import Status, Tone
from console.views.summary import WHOLE, summary

from . import charts
from .bars import gauge
from .spans import Line, Span, SpanLines, state_span

LABEL = 12  # cells of the field names
REST_FRAMES = 2  # that the cursor stays on an object before its events are asked for: a held key asks for none
CHART_LINES = 3


class Detail(SpanLines):
    """Follows the cursor; hidden (and idle) on narrow screens."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(session.look, id=id)
        self._session = session
        self._obj: Object | None = None
        self._resource: Resource | None = None
        self._uid = ""
        self._frames = 0  # since the cursor came to this object
        self._events: Subscription | None = None
        self._pods: Subscription | None = None
        self._changed = True
        self.trend = Trend(session.gateway, session.clock)

    def on_unmount(self) -> None:
        for feed in (self._events, self._pods):
            if feed is not None:
                feed.close()

    def on_resize(self) -> None:
        self.second()

    def show(self, resource: Resource, obj: Object | None) -> None:
        self._resource, self._obj = resource, obj
        about = meta.uid(obj) if obj is not None else ""
        if about != self._uid:
            self._uid, self._frames = about, 0
            if self._events is not None:
                self._events.close()
                self._events = None
        self.trend.follow(resource, obj)
        self._changed = True

    def frame(self) -> None:
        """Repaint if the object, its events or a node's pods changed."""
        if not self.display or self.size.width == 0:
            return
        if self._resource == kinds.NODES and self._pods is None:
            self._pods = self._session.feeds.open(kinds.PODS)
        news = self._news_of_events()
        if self._pods is not None:
            news += self._pods.take(2000)
        if self._changed or news:
            self._changed = False
            self.second()

    def _news_of_events(self) -> list[Change]:
        self._frames += 1
        if self._events is None and self._obj is not None and self._uid and self._frames >= REST_FRAMES:
            self._events = self._session.feeds.events_about(self._obj, lambda: self.call_later(self.frame))
        return self._events.take(2000) if self._events is not None else []

    def second(self) -> None:
        if self.display and self.size.width:
            self.border_title = meta.name(self._obj).replace("[", "\\[") if self._obj else ""
            self.set_lines(self._lines(self.size.width) if self._obj else [])

    def _lines(self, width: int) -> list[Line]:
        obj, now = self._obj or {}, self._session.clock.now()
        lines: list[Line] = []
        for label, value, tone in summary(obj, self._pods_on(obj), now):
            if not value:
                lines.append([(f" {label}", Tone.KEY)])
                continue
            lines += self._entry(label, value, tone, width)
        return lines + self._chart_lines(width) + self._event_lines(width)

    def _chart_lines(self, width: int) -> list[Line]:
        """What it used lately, where that was measured."""
        lines: list[Line] = []
        for load in self.trend.loads():
            drawn = [charts.title(load, width - 2), *charts.bars(load, width - 2, CHART_LINES, self._look)]
            lines += [[], *([(" ", Tone.TEXT), *line] for line in drawn)]
        return lines

    def _entry(self, label: str, value: str | Status | Usage, tone: Tone, width: int) -> list[Line]:
        head: Span = (f" {label:<{LABEL}}", Tone.DIM)
        if isinstance(value, Usage):
            room = max(4, min(20, width - LABEL - len(value.text) - 9))
            return [[head, *gauge("", value.percent, room, self._look)[1:], (f"  {value.text}", Tone.DIM)]]
        if label == WHOLE:
            return [[(f"   {part}", tone)] for part in textwrap.wrap(str(value), max(width - 4, 8)) or [""]]
        if isinstance(value, Status):
            return [[head, state_span(value, self._look)]]
        parts = textwrap.wrap(value, max(width - LABEL - 2, 8)) or [""]
        follow: Span = (" " * (LABEL + 1), Tone.DIM)
        return [[head if index == 0 else follow, (part, tone)] for index, part in enumerate(parts)]

    def _pods_on(self, obj: Object) -> list[Object]:
        if obj.get("kind") != "Node" or self._pods is None:
            return []
        name = meta.name(obj)
        return [pod for pod in self._pods.items() if pods.node_name(pod) == name]

    def _event_lines(self, width: int) -> list[Line]:
        about = list(self._events.items()) if self._events is not None else []
        if not about:
            return []
        now = self._session.clock.now()
        lines: list[Line] = [[], [(" Events", Tone.KEY)]]
        for event in sorted(about, key=event_time, reverse=True)[:6]:
            tone = Tone.WARN if event.get("type") == "Warning" else Tone.LINK
            age = ages.since(event_time(event) or None, now)
            lines.append([(f" {age:>5} ", Tone.DIM), (str(event.get("reason", "")), tone)])
            text = event_message(event)
            lines += [[(f"       {part}", Tone.TEXT)] for part in textwrap.wrap(text, max(width - 8, 8))[:3]]
        return lines
