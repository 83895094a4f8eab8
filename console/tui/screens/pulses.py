"""The pulses: how many objects of each kind are well, what the cluster uses and what comes to it over time."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from textual import events
from textual.widget import Widget

from common.api.kinds import CLUSTER_SERIES, NODES, Resource
from console.tui import ours
from console.tui import view as views
from console.tui.actions import Where
from console.tui.feeds import Subscription
from console.tui.session import Session
from console.tui.table.layout import cut
from console.tui.trends import Trend
from console.tui.widgets import charts
from console.tui.widgets.spans import Line, Span, SpanLines
from console.views import pulses
from console.views.pulses import Load, Pulse
from console.views.status import Tone

from .deck import Deck, Handler

KIND_CELLS = 26  # of a kind's name
FAULT_CELLS = 24  # of the status of what is wrong, at most
SIDE_BY_SIDE = 100  # columns from which kinds and charts stand beside each other
CLUSTER = {"metadata": {"name": "cluster"}}
"""What the series of the cluster is about."""


class PulsesScreen(Deck):
    """Up and down choose a kind, enter shows its objects; digits choose how far back charts go."""

    where = Where.PULSES

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        served = set(session.catalogue.resources())
        self._shown = [resource for resource in pulses.SHOWN if resource in served]
        self._feeds: dict[Resource, Subscription] = {}
        self._pulses: list[Pulse] = []
        self._loads: list[Load] = []
        self._digit = 0
        self._trend = Trend(session.gateway, session.clock, charts.RANGES[0][1])
        self._trend.follow(CLUSTER_SERIES, CLUSTER)
        self._cursor = 0
        self._picture = SpanLines(session.look, id="text")
        self._picture.can_focus = True
        self._picture.add_class("framed")

    def body(self) -> Iterable[Widget]:
        yield self._picture

    def on_mount(self) -> None:
        self._feeds = {resource: self.session.feeds.open(resource) for resource in self._shown}
        self.second()

    def on_unmount(self) -> None:
        for feed in self._feeds.values():
            feed.close()

    def rest_focus(self) -> None:
        self._picture.focus()

    def trail(self) -> Sequence[str]:
        return ["pulses"]

    def standing(self) -> Line:
        faults = sum(pulse.faults for pulse in self._pulses)
        return (
            [
                (
                    f"{self.session.look.glyphs.get(Tone.WARN, '')} {faults} {'fault' if faults == 1 else 'faults'}",
                    Tone.WARN,
                )
            ]
            if faults
            else []
        )

    def second(self) -> None:
        """Once a second is often enough for figures of the whole cluster, whatever happens in it."""
        if self._trend.due:
            self.begin(self._trend.ask, "series", exclusive=True)
        self._picture.border_title = f"Pulses {self.session.look.dot} {charts.RANGES[self._digit][0]}"
        for feed in self._feeds.values():
            feed.take(feed.waiting)
        self._pulses = [pulses.pulse(resource, feed.items()) for resource, feed in self._feeds.items()]
        nodes = self._feeds.get(NODES)
        self._loads = pulses.loads(self._trend.series, nodes.items() if nodes is not None else ())
        self._paint()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._paint)

    # The picture

    def _paint(self) -> None:
        width, height = self._picture.content_size.width, self._picture.content_size.height
        if width <= 0 or height <= 0:
            return
        kinds = self._kinds()
        if width >= SIDE_BY_SIDE:
            left = KIND_CELLS + 18
            drawn = self._drawn(width - left - 5, height)
            lines = charts.side_by_side([[*kinds, *self._faulty(left, height - len(kinds))], drawn], left)
        else:
            room = height - len(kinds) - 1
            lines = [*kinds, [], *self._drawn(width - 2, room)]
        self._picture.set_lines([[(" ", Tone.TEXT), *line] for line in lines])

    def _drawn(self, width: int, height: int) -> list[list[Span]]:
        """The charts, or why there are none."""
        if not self.session.catalogue.ours:
            return [[(text, Tone.DIM)] for text in textwrap.wrap(ours.NO_FIGURES, width)]
        if self._trend.refusal:
            return charts.refused(self._trend.refusal, width)
        return charts.stacked(self._loads, width, height, self.session.look)

    def _kinds(self) -> list[list[Span]]:
        look = self.session.look
        lines: list[list[Span]] = [[(f"  {'KIND':<{KIND_CELLS}}{'OK':>7}{'FAULT':>8}", Tone.DIM)]]
        for index, pulse in enumerate(self._pulses):
            chosen = index == self._cursor
            tone = Tone.WARN if pulse.faults else Tone.OK if pulse.total else Tone.DIM
            lines.append([
                (look.cursor_bar if chosen else " ", Tone.KEY),
                (f"{look.glyphs.get(tone, ' ')} ", tone),
                (f"{pulse.resource.plural:<{KIND_CELLS - 1}}", Tone.BRIGHT if chosen else Tone.TEXT),
                *self._counted(pulse),
            ])  # fmt: skip
        return lines

    def _counted(self, pulse: Pulse) -> list[Span]:
        if self._feeds[pulse.resource].refusal:
            return [(f"{'not allowed':>15}", Tone.DIM)]
        return [
            (f"{pulse.total - pulse.faults:>7}", Tone.TEXT if pulse.total else Tone.DIM),
            (f"{pulse.faults or '-':>8}", Tone.WARN if pulse.faults else Tone.DIM),
        ]

    def _faulty(self, width: int, height: int) -> list[list[Span]]:
        """What is wrong, as far as there is room for it: below the kinds there is on a large screen."""
        look = self.session.look
        found = [fault for pulse in self._pulses for fault in pulse.faulty]
        if not found or height < 3:
            return []
        shown = found if len(found) <= height - 2 else found[: height - 3]
        said = min(max(len(fault.status.word) for fault in shown), FAULT_CELLS)
        named = width - said - 5
        lines: list[list[Span]] = [[], [("    WHAT IS WRONG", Tone.DIM)]]
        for fault in shown:
            word = cut(fault.status.word, said, look.ellipsis)
            name = cut(fault.key.name, named, look.ellipsis, middle=True)
            tone = fault.status.tone
            spans = [(f"  {look.glyphs.get(tone, ' ')} ", tone), (f"{name:<{named}} ", Tone.TEXT)]
            lines.append([*spans, (word, tone)])
        if len(shown) < len(found):
            lines.append([(f"    and {len(found) - len(shown)} more", Tone.DIM)])
        return lines

    # Keys

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "cursor.down": lambda: self._move(self._cursor + 1),
            "cursor.up": lambda: self._move(self._cursor - 1),
            "cursor.top": lambda: self._move(0),
            "cursor.bottom": lambda: self._move(len(self._shown) - 1),
            "pulse.open": self._open,
            **{f"chart.range.{digit}": partial(self._look_back, digit) for digit in range(len(charts.RANGES))},
        }

    def _look_back(self, digit: int) -> None:
        self._digit = digit
        self._trend.look_back(charts.RANGES[digit][1])
        self.second()

    def _move(self, target: int) -> None:
        self._cursor = max(0, min(target, len(self._shown) - 1))
        self._paint()

    def _open(self) -> None:
        if not self._pulses:
            return
        pulse = self._pulses[self._cursor]
        app = self.deck_app
        app.pop_screen()
        found = views.opening(pulse.resource)
        found.faults_only = bool(pulse.faults)
        app.browse().go(found)


def opened(session: Session, words: Sequence[str]) -> PulsesScreen:
    """`:pulses`; ValueError for words behind it."""
    if words:
        raise ValueError(":pulses takes no words")
    return PulsesScreen(session)
