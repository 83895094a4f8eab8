"""What one node or pod used over time, or what came to a Service, from a quarter of an hour to two days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from textual import events
from textual.widget import Widget

from common.api import meta
from common.api.kinds import Resource
from common.api.meta import Object
from console.tui.actions import Where
from console.tui.session import Session
from console.tui.trends import Trend
from console.tui.widgets import charts
from console.tui.widgets.spans import Line, Span, SpanLines
from console.views.charts import mean, peak
from console.views.pulses import Load
from console.views.status import Tone

from .deck import Deck, Handler

TALLEST = 14  # lines of a chart
SCALE = 9  # cells beside the bars that say what their height means


class ChartScreen(Deck):
    """One chart above the other; digits choose how far back."""

    where = Where.CHART

    def __init__(self, session: Session, trail: Sequence[str], resource: Resource, obj: Object) -> None:
        super().__init__(session)
        self._trail = list(trail)
        self._digit = 0
        self._name = meta.name(obj)
        self._trend = Trend(session.gateway, session.clock, charts.RANGES[0][1])
        self._trend.follow(resource, obj)
        self._picture = SpanLines(session.look, id="text")
        self._picture.can_focus = True
        self._picture.add_class("framed")

    def body(self) -> Iterable[Widget]:
        yield self._picture

    def on_mount(self) -> None:
        self.second()

    def rest_focus(self) -> None:
        self._picture.focus()

    def trail(self) -> Sequence[str]:
        return self._trail

    def second(self) -> None:
        if self._trend.due:
            self.begin(self._trend.ask, "series", exclusive=True)
        dot = self.session.look.dot
        self._picture.border_title = f"{self._name} {dot} {charts.RANGES[self._digit][0]}".replace("[", "\\[")
        self._paint()

    def frame(self) -> None:
        self._paint()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._paint)

    # The picture

    def _paint(self) -> None:
        width, height = self._picture.content_size.width - 2, self._picture.content_size.height
        if width <= SCALE or height <= 0:
            return
        if self._trend.refusal:
            told = charts.refused(self._trend.refusal, width)
            self._picture.set_lines([[(" ", Tone.TEXT), *line] for line in told])
            return
        loads = self._trend.loads()
        if not loads:
            text = " Nothing was measured here yet: figures come ten seconds after a node, a pod or a first request."
            self._picture.set_lines([[(text, Tone.DIM)]])
            return
        tall = max(min(height // len(loads) - 3, TALLEST), 1)
        lines: list[Line] = []
        for load in loads:
            lines += [charts.title(load, width, more=self._extremes(load)), *self._chart(load, width, tall), []]
        self._picture.set_lines([[(" ", Tone.TEXT), *line] for line in lines])

    @staticmethod
    def _extremes(load: Load) -> list[Span]:
        highest, middle = peak(load.values), mean(load.values)
        if highest is None or middle is None:
            return []
        return [(f"  peak {load.shown(highest)}", Tone.TEXT), (f"  mean {load.shown(middle)}", Tone.DIM)]

    def _chart(self, load: Load, width: int, tall: int) -> list[Line]:
        bars = charts.bars(load, width - SCALE, tall, self.session.look)
        side = "|" if self.session.look.ascii else "│"
        marks = {0: load.top, tall // 2: load.top * (tall - tall // 2) / tall} if tall > 3 else {0: load.top}
        lines: list[Line] = []
        for row, bar in enumerate(bars):
            mark = load.shown(marks[row]) if row in marks else ""
            lines.append([(f"{mark:>{SCALE - 2}} {side}", Tone.DIM), *bar])
        since, now = f"-{charts.span(load)}", "now"
        room = width - SCALE - len(since) - len(now)
        return [*lines, [(" " * SCALE + since + " " * max(room, 1) + now, Tone.DIM)]]

    # Keys

    def handlers(self) -> Mapping[str, Handler]:
        return {f"chart.range.{digit}": partial(self._look_back, digit) for digit in range(len(charts.RANGES))}

    def _look_back(self, digit: int) -> None:
        self._digit = digit
        self._trend.look_back(charts.RANGES[digit][1])
        self.second()
