"""The pulses: how many objects of each kind are well, and what the cluster uses over time."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from textual import events
from textual.widget import Widget

from common.api.kinds import CLUSTER_SERIES, NODES, Resource
from common.api.meta import Object
from common.errors import ApiError
from console.tui import view as views
from console.tui.actions import Where
from console.tui.feeds import Subscription
from console.tui.session import Session
from console.tui.usage import SECONDS
from console.tui.widgets import charts
from console.tui.widgets.spans import Line, Span, SpanLines
from console.views import pulses
from console.views.pulses import Load, Pulse
from console.views.status import Tone

from .deck import Deck, Handler

log = logging.getLogger(__name__)

KIND_CELLS = 26  # of a kind's name
SIDE_BY_SIDE = 100  # columns from which kinds and charts stand beside each other
TALLEST = 12  # lines of a chart


class PulsesScreen(Deck):
    """Up and down choose a kind, enter shows its objects."""

    where = Where.PULSES

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        served = set(session.catalogue.resources())
        self._shown = [resource for resource in pulses.SHOWN if resource in served]
        self._feeds: dict[Resource, Subscription] = {}
        self._pulses: list[Pulse] = []
        self._loads: list[Load] = []
        self._series: Object = {}
        self._asked: float | None = None
        self._cursor = 0
        self._picture = SpanLines(session.look, id="text")
        self._picture.can_focus = True
        self._picture.add_class("framed")

    def body(self) -> Iterable[Widget]:
        yield self._picture

    def on_mount(self) -> None:
        super().on_mount()
        self._feeds = {resource: self.session.feeds.open(resource) for resource in self._shown}
        self._picture.border_title = "Pulses"
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
        return [(f"{self.session.look.glyphs.get(Tone.WARN, '')} {faults} faults", Tone.WARN)] if faults else []

    def second(self) -> None:
        """Once a second is often enough for figures of the whole cluster, whatever happens in it."""
        now = self.session.clock.monotonic()
        if self._asked is None or now - self._asked >= SECONDS:
            self._asked = now
            self.begin(self._ask, "series", exclusive=True)
        for feed in self._feeds.values():
            feed.take(feed.waiting)
        self._pulses = [pulses.pulse(resource, feed.items()) for resource, feed in self._feeds.items()]
        nodes = self._feeds.get(NODES)
        self._loads = pulses.loads(self._series, nodes.items() if nodes is not None else ())
        self._paint()

    async def _ask(self) -> None:
        try:
            self._series = await self.session.gateway.get(CLUSTER_SERIES, "cluster")
        except (ApiError, OSError) as error:
            log.debug("no figures of the cluster: %s", error)

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self._paint)

    # The picture

    def _paint(self) -> None:
        width, height = self._picture.content_size.width, self._picture.content_size.height
        if width <= 0 or height <= 0:
            return
        kinds = self._kinds()
        if width >= SIDE_BY_SIDE:
            left = KIND_CELLS + 18
            charts = self._charts(width - left - 5, height)
            rows = max(len(kinds), len(charts))
            padded = [*kinds, *[[] for _ in range(rows - len(kinds))]]
            lines = [
                [*_filled(padded[row], left), ("   ", Tone.TEXT), *(charts[row] if row < len(charts) else [])]
                for row in range(rows)
            ]
        else:
            lines = [*kinds, *self._charts(width - 2, height - len(kinds))]
        self._picture.set_lines([[(" ", Tone.TEXT), *line] for line in lines])

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
                (f"{pulse.total - pulse.faults:>7}", Tone.TEXT if pulse.total else Tone.DIM),
                (f"{pulse.faults or '-':>8}", Tone.WARN if pulse.faults else Tone.DIM),
            ])  # fmt: skip
        return lines

    def _charts(self, width: int, height: int) -> list[list[Span]]:
        """CPU above memory; each gets half of the room."""
        lines: list[list[Span]] = []
        bars = max(min(height // 2 - 2, TALLEST), 1)
        for load in self._loads:
            lines += [charts.title(load, width), *charts.bars(load, width, bars, self.session.look)]
            if height >= 8:
                lines.append([])
        return lines[:-1] if height >= 8 else lines

    # Keys

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "cursor.down": lambda: self._move(self._cursor + 1),
            "cursor.up": lambda: self._move(self._cursor - 1),
            "cursor.top": lambda: self._move(0),
            "cursor.bottom": lambda: self._move(len(self._shown) - 1),
            "pulse.open": self._open,
        }

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


def _filled(line: Sequence[Span], width: int) -> list[Span]:
    room = width - sum(len(text) for text, _ in line)
    return [*line, (" " * max(room, 0), Tone.TEXT)]


def opened(session: Session, words: Sequence[str]) -> PulsesScreen:
    """`:pulses`; ValueError for words behind it."""
    if words:
        raise ValueError(":pulses takes no words")
    return PulsesScreen(session)
