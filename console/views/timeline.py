"""What happened, in one order: events of the cluster and writes of people, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.api import ages, changes, meta
from common.api.kinds import Resource
from common.api.meta import Object

from .columns import Column, event_count, event_message, event_time, involved
from .status import Status, Tone

TIMELINE = Resource("", "v1", "moments", "Moment")
"""Not a resource of the API: the rows that events and Changes make."""


@dataclass(frozen=True, slots=True)
class About:
    """Whose timeline it is: an object and what was made of it, which Kubernetes names after it. Empty fields match
    everything."""

    kind: str = ""
    name: str = ""
    namespace: str = ""

    def matches(self, ref: Object) -> bool:
        if self.namespace and ref.get("namespace") != self.namespace:
            return False
        if not self.name:
            return True
        found = str(ref.get("name", ""))
        if found == self.name:
            return not self.kind or str(ref.get("kind", "")).lower() == self.kind.lower()
        return found.startswith(f"{self.name}-")


def moments(events: Iterable[Object], writes: Iterable[Object], about: About = About()) -> Iterator[Object]:
    """The rows of what is about an object. They are keyed like the object that tells of them."""
    for event in events:
        ref = event.get("involvedObject") or event.get("regarding") or {}
        if about.matches(ref):
            yield _of_event(event, ref)
    for change in writes:
        ref = change.get("object") or {}
        if about.matches(ref):
            yield _of_change(change, ref)


def _moment(source: Object, time: str, ref: Object, **rest: Any) -> Object:
    # Rows of both sorts share a table: events and Changes never have the same name.
    identity = {"name": meta.name(source), "namespace": meta.namespace(source), "uid": meta.uid(source)}
    version = {"resourceVersion": meta.resource_version(source)}
    return {"kind": "Moment", "metadata": {**identity, **version}, "time": time, "ref": ref, **rest}


def _of_event(event: Object, ref: Object) -> Object:
    warning = event.get("type") == "Warning"
    count = event_count(event)
    times = f" (x{count})" if count > 1 else ""
    return _moment(
        event, event_time(event), ref, status=Status(str(event.get("reason", "")), Tone.WARN if warning else Tone.LINK),
        object=involved(event), what=f"{event_message(event)}{times}", who=_component(event),
        lines=[f"{event_message(event)}{times}"],
    )  # fmt: skip


def _component(event: Object) -> str:
    return str((event.get("source") or {}).get("component") or event.get("reportingComponent") or "")


def _of_change(change: Object, ref: Object) -> Object:
    tone = Tone.BAD if change.get("verb") == "delete" else Tone.KEY
    return _moment(
        change, str(change.get("time", "")), ref, status=Status(str(change.get("verb", "")), tone),
        object=changes.about(change), what=changes.summary(change), who=changes.who(change),
        lines=[changes.difference(item) for item in change.get("differences") or ()] or [changes.summary(change)],
    )  # fmt: skip


def is_fault(row: Object) -> bool:
    status: Status = row["status"]
    return status.tone in {Tone.WARN, Tone.BAD}


def _newest_first(row: Object) -> float:
    return -meta.parse_time(row["time"]).timestamp() if row["time"] else 0.0


def _time(row: Object, _now: datetime) -> str:
    return str(row["time"])[11:19] or "-"


COLUMNS = (
    Column("TIME", _time, drop=4, sort=_newest_first, tone=lambda _row: Tone.DIM, letter="A"),
    Column("AGE", lambda row, now: ages.since(row["time"] or None, now), right=True, live=True,
           tone=lambda _row: Tone.DIM),
    Column("WHAT", lambda row, _now: row["status"], flexible=True, least=18, letter="S"),
    Column("NS", lambda row, _now: str(row["ref"].get("namespace") or "-"), drop=5, flexible=True, least=8,
           tone=lambda _row: Tone.DIM, letter="P"),
    Column("OBJECT", lambda row, _now: str(row["object"]), flexible=True, least=16, letter="N"),
    Column("WHO", lambda row, _now: str(row["who"]), drop=6, flexible=True, least=8,
           tone=lambda _row: Tone.DIM, letter="O"),
    Column("DETAIL", lambda row, _now: str(row["what"]), flexible=True, prose=True, least=20),
)  # fmt: skip
