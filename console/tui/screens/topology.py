"""The topology: a box per node, its pods as blocks in proportion to what they ask, and what is selected in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from textual import events
from textual.widget import Widget

from common.api import kinds, meta
from common.api.kinds import Resource
from common.api.meta import Key, Object
from console.tui import view as views
from console.tui.actions import Where
from console.tui.feeds import Subscription
from console.tui.session import SLICE, Session
from console.tui.widgets import boxes
from console.tui.widgets.boxes import Selection
from console.tui.widgets.spans import Line, SpanLines, state_span
from console.views.status import Status, Tone, pod_status
from console.views.topology import topology, waiting

from .deck import Deck, Handler

TALLEST_BAR = 8  # lines of a bar where there is room for it


class TopologyScreen(Deck):
    """Up and down go from node to node, left and right from pod to pod."""

    where = Where.TOPOLOGY

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._node_feed: Subscription | None = None
        self._pod_feed: Subscription | None = None
        self._boxes: list[Object] = []
        self._tones: dict[Key, Tone] = {}
        self._selection = Selection()
        self._stale = True
        self._picture = SpanLines(session.look, id="text")
        self._picture.can_focus = True
        self._picture.add_class("framed")
        self._said = SpanLines(session.look, id="reasons", classes="framed")

    def body(self) -> Iterable[Widget]:
        yield self._picture
        yield self._said

    def on_mount(self) -> None:
        self._node_feed, self._pod_feed = (self.session.feeds.open(resource) for resource in (kinds.NODES, kinds.PODS))
        self.second()

    def on_unmount(self) -> None:
        for feed in (self._node_feed, self._pod_feed):
            if feed is not None:
                feed.close()

    def rest_focus(self) -> None:
        self._picture.focus()

    def trail(self) -> Sequence[str]:
        return ["topology"]

    def standing(self) -> Line:
        pending = waiting(self._pod_feed.items()) if self._pod_feed is not None else 0
        text = "1 pod waits" if pending == 1 else f"{pending} pods wait"
        return [(f"{text} for a node", Tone.WARN)] if pending else []

    def frame(self) -> None:
        for feed in (self._node_feed, self._pod_feed):
            if feed is not None and feed.take(SLICE):
                self._stale = True

    def second(self) -> None:
        """Once a second is often enough for figures of the whole cluster, whatever happens in it."""
        self.frame()
        if self._stale and self._node_feed is not None and self._pod_feed is not None:
            self._stale = False
            found = list(self._pod_feed.items())
            self._boxes = topology(self._node_feed.items(), found)
            self._tones = {meta.key(pod): pod_status(pod).tone for pod in found}
            self._select(self._selection)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._paint)

    # Selection

    def _select(self, selection: Selection) -> None:
        box = max(0, min(selection.box, len(self._boxes) - 1))
        pods = len(self._boxes[box]["pods"]) if self._boxes else 0
        self._selection = Selection(box, max(-1, min(selection.pod, pods - 1)))
        self._paint()

    def _paint(self) -> None:
        look, width = self.session.look, self._picture.content_size.width
        room = self._picture.content_size.height
        if width <= 0 or room <= 0:
            self.call_after_refresh(self._paint)
            return
        many = "node" if len(self._boxes) == 1 else "nodes"
        self._picture.border_title = f"Topology {look.dot} {len(self._boxes)} {many}"
        refusal = self._node_feed.refusal if self._node_feed is not None else ""
        if not self._boxes and refusal:
            told = f"You may not look at nodes: {refusal}"
            self._picture.set_lines([[(line, Tone.BAD)] for line in textwrap.wrap(told, max(width - 2, 20))])
            return
        if not self._boxes:
            self._picture.set_lines([[("There are no nodes yet: `:discover` shows hosts to adopt.", Tone.DIM)]])
            self._said.set_lines([])
            return
        across = boxes.columns(width, len(self._boxes))
        rows = -(-len(self._boxes) // across)
        bar = next((size for size in range(TALLEST_BAR, 1, -1) if rows * boxes.height(size) <= room), 1)
        lines = boxes.draw(self._boxes, self._selection, self._tones, width, bar, look)
        each = boxes.height(bar)
        first = max(0, (self._selection.box // across + 1) * each - room)
        self._picture.set_lines(lines[first:])
        self._picture.border_subtitle = f"{self._selection.box + 1} of {len(self._boxes)}" if first or (
            len(lines) > room
        ) else ""  # fmt: skip
        self._say()

    def _say(self) -> None:
        box = self._boxes[self._selection.box]
        if self._selection.pod < 0:
            self._said.border_title = str(box["name"])
            self._said.set_lines(self._about_node(box))
        else:
            block = box["pods"][self._selection.pod]
            self._said.border_title = f"{block['namespace']}/{block['name']}"
            self._said.set_lines(self._about_pod(block, box))

    def _about_node(self, box: Object) -> list[Line]:
        word, tone = boxes.state(box)
        ranges = "  ".join(box["podCIDRs"])
        head: Line = [
            state_span(Status(word, tone), self.session.look),
            (f"  {boxes.pod_count(box)}", Tone.TEXT),
            (f"  zone {box['zone']}" if box["zone"] else "", Tone.TEXT),
        ]
        return [head, [("Pods get  ", Tone.DIM), (ranges or "no addresses yet", Tone.LINK)]]

    def _about_pod(self, block: Object, box: Object) -> list[Line]:
        tone = self._tones.get(boxes.pod_key(block), Tone.TEXT)
        asks = [("cpu", block["cpu"]), ("mem", block["memory"])]
        text = "  ".join(f"{name} {value}" for name, value in asks if value != "0") or "nothing"
        head: Line = [
            state_span(Status(str(block["status"]), tone), self.session.look),
            (f"  on {box['name']}", Tone.TEXT),
        ]
        addresses = "  ".join(block["addresses"]) or "no address"
        return [head, [("Asks  ", Tone.DIM), (text, Tone.TEXT)], [("At    ", Tone.DIM), (addresses, Tone.LINK)]]

    # Keys

    def handlers(self) -> Mapping[str, Handler]:
        ends = {"top": 0, "bottom": len(self._boxes) - 1}
        moves: dict[str, Handler] = {
            f"cursor.{where}": partial(self._select, Selection(place)) for where, place in ends.items()
        }
        for where, step in (("down", 1), ("up", -1), ("page-down", 1), ("page-up", -1)):
            moves[f"cursor.{where}"] = partial(self._to_row, step)
        return moves | {
            "block.next": partial(self._to_pod, 1),
            "block.previous": partial(self._to_pod, -1),
            "block.open": self._open,
        }

    def _to_row(self, step: int) -> None:
        across = boxes.columns(self._picture.content_size.width, len(self._boxes))
        if across >= len(self._boxes):
            across = 1
        target = self._selection.box + step * across
        if 0 <= target < len(self._boxes):
            self._select(Selection(target))

    def _to_pod(self, step: int) -> None:
        if not self._boxes:
            return
        box, pod = self._selection.box, self._selection.pod + step
        if pod >= len(self._boxes[box]["pods"]):
            box, pod = min(box + 1, len(self._boxes) - 1), -1
        elif pod < -1 and box:
            box -= 1
            pod = len(self._boxes[box]["pods"]) - 1
        self._select(Selection(box, pod))

    def _open(self) -> None:
        if not self._boxes:
            return
        box = self._boxes[self._selection.box]
        if self._selection.pod < 0:
            self._show(kinds.NODES, Key("", str(box["name"])))
        else:
            self._show(kinds.PODS, boxes.pod_key(box["pods"][self._selection.pod]))

    def _show(self, resource: Resource, wanted: Key) -> None:
        app = self.deck_app
        app.pop_screen()
        browse = app.browse()
        browse.go(views.only(resource, wanted, browse.view))


def opened(session: Session, words: Sequence[str]) -> TopologyScreen:
    """`:topo`; ValueError for words behind it."""
    if words:
        raise ValueError(":topo takes no words")
    return TopologyScreen(session)
