"""A rollout as it happens: progress against what the strategy demands, a row per replica, and the verbs to steer it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from textual.widget import Widget

from common.api import ages, kinds, meta, pods, rollout
from common.api.kinds import Resource
from common.api.meta import Key, Object
from common.errors import NotFound
from console.tui import operations
from console.tui.actions import Where
from console.tui.feeds import Subscription
from console.tui.logs.sources import Choice, only
from console.tui.palette import Look
from console.tui.session import Session
from console.tui.table.model import TableModel
from console.tui.table.widget import Table
from console.tui.verbs.change import restart_all, undo_one
from console.tui.verbs.history import undo_last
from console.tui.widgets.spans import Line, Span, SpanLines, state_span
from console.views import past, pulses, rollouts
from console.views.columns import Column, event_message, event_time, images
from console.views.course import Course
from console.views.rollouts import Progress, Replica
from console.views.status import Status, Tone

from .deck import Deck, Handler
from .dialogs import wrapped
from .logs import LogsScreen

REPLICAS = Resource("", "v1", "replicas", "Replica")
"""Not a resource of the API: the rows that a rollout's pods make."""
_SHORT = 5  # lines about the progress, more when a reason has to be told
_REASON_LINES = 3
_MOVES = ("down", "up", "top", "bottom", "page-down", "page-up")


def _replica(row: Object) -> Replica:
    found: Replica = row["replica"]
    return found


def _order(row: Object) -> tuple[bool, int, str]:
    item = _replica(row)
    return (not item.new, -item.revision, meta.name(item.pod))


def _which(row: Object) -> Tone:
    return Tone.LINK if _replica(row).new else Tone.DIM


COLUMNS = (
    Column("REV", lambda row, _: str(_replica(row).revision), right=True, sort=_order, tone=_which, letter="R"),
    Column("", lambda row, _: "new" if _replica(row).new else "old", tone=_which),
    Column("POD", lambda row, _: meta.name(row), flexible=True, least=20, letter="N"),
    Column("PHASE", lambda row, _: _replica(row).status, sort=lambda row: _replica(row).status.word, letter="S"),
    Column("READY", lambda row, _: "yes" if _replica(row).ready else "no",
           tone=lambda row: Tone.OK if _replica(row).ready else Tone.WARN),
    Column("FOR", lambda row, _: ages.duration(_replica(row).seconds), right=True, drop=2,
           sort=lambda row: _replica(row).seconds, letter="A", tone=lambda _row: Tone.DIM),
    Column("NODE", lambda row, _: pods.node_name(row["replica"].pod) or "-", drop=1, letter="O",
           tone=lambda _row: Tone.DIM),
)  # fmt: skip


class RolloutScreen(Deck):
    """Follows one Deployment, StatefulSet or DaemonSet, its revisions and pods."""

    where = Where.ROLLOUT

    def __init__(self, session: Session, trail: Sequence[str], resource: Resource, key: Key) -> None:
        super().__init__(session)
        self._resource = resource
        self._trail = list(trail)
        self._key = key
        self._feeds: list[Subscription] = []
        model = TableModel(REPLICAS, COLUMNS)
        model.sort_by = 0
        self._table = Table(model, session.clock, session.look, id="table")
        self._table.add_class("framed")
        self._progress = SpanLines(session.look, id="progress", classes="framed")
        self._events = SpanLines(session.look, id="events", classes="framed")
        self._course = Course()
        self._progress.border_title = f"{resource.kind} {key}"
        self._events.border_title = "Events"

    def body(self) -> Iterable[Widget]:
        yield self._progress
        yield self._table
        yield self._events

    def on_mount(self) -> None:
        resources = (self._resource, rollout.HISTORY[self._resource], kinds.PODS, kinds.EVENTS)
        self._feeds = [self.session.feeds.open(resource) for resource in resources]
        self.frame()

    def on_unmount(self) -> None:
        for feed in self._feeds:
            feed.close()

    def rest_focus(self) -> None:
        self._table.focus()

    def subject(self) -> tuple[Resource, Key]:
        return self._resource, self._key

    def trail(self) -> Sequence[str]:
        return self._trail

    def workload(self) -> Object:
        """The workload as it is now; NotFound when it is gone."""
        found = self._feeds[0].get(self._key) if self._feeds else None
        if found is None:
            raise NotFound(f"{self._resource.kind} {self._key} is gone")
        return {"kind": self._resource.kind, **found}

    def frame(self) -> None:
        changed = [feed.take(5000) for feed in self._feeds]
        if any(changed):
            self.second()

    def second(self) -> None:
        """Seconds pass even when nothing changes."""
        if not self._feeds:
            return
        workloads, kept_in, pods_feed, events = self._feeds
        if workloads.get(self._key) is None:
            if workloads.synced:
                gone = f"{self._resource.kind} {self._key} is gone; esc goes back"
                self._progress.set_lines([[(gone, Tone.BAD)]])
            return
        workload = self.workload()
        now = self.session.clock.now()
        progress = rollouts.progress(workload, kept_in.items(), pods_feed.items(), now)
        self._show_replicas(progress)
        width = max(self._progress.size.width, 40)
        moment = self.session.clock.monotonic()
        if self._course.revision != progress.revision and all(feed.synced for feed in self._feeds):
            found = past.told(workload, kept_in.items(), progress, events.items(), now)
            if found is not None:
                self._course.tell(progress.revision, found, now, moment)
        self._course.note(progress, moment)
        lines = progress_lines(progress, workload, width, self.session.look)
        lines.insert(-1, course_line(self._course, progress, moment, width, self.session.look))
        self._progress.set_class(len(lines) > _SHORT, "tall")
        self._progress.set_lines(lines)
        self._events.set_lines(self._event_lines(events, workload, kept_in))
        self._table.border_title = f"Replicas {self.session.look.dot} {progress.total}"

    def _show_replicas(self, progress: Progress) -> None:
        found = [
            {"metadata": meta.metadata(item.pod), "replica": item, "kind": "Replica"} for item in progress.replicas
        ]
        names = {meta.key(row) for row in found}
        gone = [(row.key, None) for row in self._table.model.all_rows() if row.key not in names]
        self._table.update([*gone, *((meta.key(row), row) for row in found)])
        self._table.flush()

    def _event_lines(self, feed: Subscription, workload: Object, kept_in: Subscription) -> list[Line]:
        owned = {meta.uid(item) for item in rollouts.owned_by(workload, kept_in.items())}
        wanted = owned | {meta.uid(workload)} | {meta.uid(_replica(r.obj).pod) for r in self._table.model.rows}
        found = [item for item in feed.items() if (item.get("involvedObject") or {}).get("uid") in wanted]
        now = self.session.clock.now()
        lines: list[Line] = []
        for event in sorted(found, key=event_time, reverse=True)[:8]:
            warning = event.get("type") == "Warning"
            lines.append(
                [
                    (f"{ages.since(event_time(event) or None, now):>6} ", Tone.DIM),
                    (f"{event.get('reason', ''):<18} ", Tone.WARN if warning else Tone.LINK),
                    (event_message(event), Tone.TEXT),
                ]
            )
        return lines or [[("none yet", Tone.DIM)]]

    # Actions

    def handlers(self) -> Mapping[str, Handler]:
        moves: dict[str, Handler] = {f"cursor.{where}": partial(self._table.navigate, where) for where in _MOVES}
        return moves | {
            "rollout.pause": lambda: self._pause(paused=True),
            "rollout.resume": lambda: self._pause(paused=False),
            "rollout.undo": lambda: undo_last(self, self.workload()),
            "undo": lambda: undo_one(self, self._resource, self.workload()),
            "restart": lambda: restart_all(self, self._resource, [self.workload()]),
            "rollout.logs": self._logs,
        }

    async def _pause(self, *, paused: bool) -> None:
        if self._resource != kinds.DEPLOYMENTS:
            hint = "; its partition keeps pods below it" if self._resource == kinds.STATEFULSETS else ""
            self.say(f"only a Deployment can be held, not a {self._resource.kind}{hint}", Tone.WARN)
            return
        await operations.pause(self.session.gateway, self.workload(), paused=paused)
        self.say("the rollout is held; u lets it go on" if paused else "the rollout goes on")

    def _logs(self) -> None:
        row = self._table.model.current()
        if row is None:
            return
        pod = _replica(row.obj).pod
        if not pods.node_name(pod):
            self.say("this replica has no node yet, so there are no logs", Tone.WARN)
            return
        choice = Choice(meta.name(pod), only(meta.key(pod)))
        self.app.push_screen(LogsScreen(self.session, [*self._trail, meta.name(pod), "logs"], choice))


def course_line(course: Course, progress: Progress, now: float, width: int, look: Look) -> Line:
    """Ready new replicas and old ones that are left, from when the rollout began until now or until it was complete.
    All that are wanted are the full height."""
    word = "Took" if course.ended else "So far" if course.revision is not None else "Last"
    span = f"{word} {ages.duration(course.seconds(now))}"
    room = max(8, min((width - 30) // 2, 40))
    levels = pulses.ASCII_LEVELS if look.ascii else pulses.LEVELS
    top = float(max(progress.wanted, 1))
    (ready,) = pulses.chart(course.ready(room, now), top, room, 1, levels)
    (old,) = pulses.chart(course.old(room, now), top, room, 1, levels)
    return [
        (f"{span:<10} ", Tone.DIM),
        (ready, Tone.OK),
        (" ready  ", Tone.TEXT),
        (old, Tone.WARN),
        (" old", Tone.TEXT),
    ]


def progress_lines(progress: Progress, workload: Object, width: int, look: Look) -> list[Line]:
    """What the strategy demands and how far it is, as bars that are full when all that are wanted are there: what a
    rollout makes besides for a while counts for no bar."""
    room = max(10, min(width - 44, 80))

    def bar(label: str, count: int, tone: Tone, note: str) -> Line:
        full, empty = look.bar(count / max(progress.wanted, 1), room)
        spans: list[Span] = [(f"{label:<11}", Tone.DIM), (full, tone), (empty, Tone.DIM), (f" {note}", Tone.TEXT)]
        return spans

    new = sum(1 for item in progress.replicas if item.new)
    old = len(progress.replicas) - new
    enough = Status("enough", Tone.OK) if progress.available >= progress.needed else Status("too few", Tone.BAD)
    made = f"{progress.ready_new} of {progress.wanted}, {new} made, {old} old left"
    needed = f"{progress.available}, {progress.needed} needed, "
    spec = workload["spec"]
    strategy = str((spec.get("strategy") or spec.get("updateStrategy") or {}).get("type", "RollingUpdate"))
    guard = "  rolls back by itself" if rollout.wants_auto_rollback(workload) else ""
    state = wrapped(progress.message, max(20, width - len(progress.status.word) - 4), Tone.TEXT)
    return [
        [state_span(progress.status, look), ("  ", Tone.TEXT), *state[0]],
        *([("   ", Tone.TEXT), *line] for line in state[1:_REASON_LINES]),
        bar("New ready", progress.ready_new, Tone.OK, made),
        [*bar("Available", progress.available, enough.tone, needed), state_span(enough, look)],
        [
            ("Image      ", Tone.DIM),
            (images(workload), Tone.LINK),
            (f"   {strategy}, at most {progress.most} pods", Tone.DIM),
            (guard, Tone.KEY),
        ],
    ]
