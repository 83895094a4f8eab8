"""Events and Leases."""

from __future__ import annotations

from common.api import ages, kinds, meta
from common.api.meta import Object
from console.views import status
from console.views.status import Tone

from .column import AGE, NAME, NAMESPACE, Column, Table, dim, newest_first, number, state, text


def event_time(event: Object) -> str:
    """When the event was last seen, RFC 3339; events of both API generations."""
    series = event.get("series") or {}
    moments = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return str(next((m for m in moments if m), meta.metadata(event).get("creationTimestamp") or ""))


def event_count(event: Object) -> int:
    return int((event.get("series") or {}).get("count") or event.get("count") or 1)


def involved(event: Object) -> str:
    """`pod/web-1`: what the event is about, in kubectl's form."""
    ref = event.get("involvedObject") or event.get("regarding") or {}
    return f"{str(ref.get('kind', '')).lower()}/{ref.get('name', '')}"


def event_message(event: Object) -> str:
    message = str(event.get("message") or event.get("note") or "")
    return " ".join(message.split())


EVENT_COLUMNS = (
    text("NS", meta.namespace, drop=5, letter="P", tone=dim, flexible=True, least=8),
    Column("LAST", lambda event, now: ages.since(event_time(event) or None, now), right=True, live=True, letter="A",
           sort=lambda event: newest_first(event_time(event) or None), tone=dim),
    state("TYPE", status.event_status, drop=7, letter="S"),
    text("REASON", lambda event: str(event.get("reason", "")), letter="R",
          tone=lambda event: Tone.WARN if event.get("type") == "Warning" else Tone.LINK),
    text("OBJECT", involved, flexible=True, least=18, drop=3, letter="O"),
    number("×", event_count, drop=6, tone=dim),
    text("MESSAGE", event_message, flexible=True, prose=True, least=24, letter="M"),
)  # fmt: skip
LEASE_COLUMNS = (
    NAMESPACE,
    NAME,
    text("HOLDER", lambda o: str((o.get("spec") or {}).get("holderIdentity") or "-"), flexible=True, least=12),
    Column("RENEWED", lambda o, now: ages.since((o.get("spec") or {}).get("renewTime"), now), right=True, live=True),
    AGE,
)

TABLES = {
    kinds.EVENTS: Table(EVENT_COLUMNS, status.event_status),
    kinds.LEASES: Table(LEASE_COLUMNS),
}
