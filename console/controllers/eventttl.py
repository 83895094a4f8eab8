"""Events end after weeks, or earlier when there are too many: the oldest go first.

Kubernetes keeps them for an hour, for lack of room; here they tell what happened last week.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from common.api.kinds import EVENTS
from common.api.meta import Key, Object, key, metadata, parse_time
from common.errors import NotFound
from console.controllers.base import Controller

LIFETIME = timedelta(days=21)
LIMIT = 50_000  # events kept in all, some 50 MB in the store
SWEEP_SECONDS = 600.0
PAGE = 500


def last_seen(event: Object) -> str:
    """When it was last seen, as RFC 3339 text (they sort by time)."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
        or metadata(event).get("creationTimestamp") or ""
    )  # fmt: skip


def plan(seen: Iterable[tuple[str, Key]], now: datetime, limit: int = LIMIT) -> list[Key]:
    """The events to delete, of (last seen, key) of all; one without a readable time is taken as old."""
    ordered = sorted((_moment(text), event) for text, event in seen)
    surplus = max(0, len(ordered) - limit)
    return [event for index, (moment, event) in enumerate(ordered) if index < surplus or moment < now - LIFETIME]


def _moment(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError:
        return parse_time("1970-01-01T00:00:00Z")


class EventLifetimeController(Controller[str]):
    """Its one key means a sweep. Events are listed in pages, not mirrored: they are many and nobody waits for this."""

    name: ClassVar[str] = "event-ttl-controller"
    workers: ClassVar[int] = 1

    async def begin(self) -> None:
        self.queue.add("sweep")

    async def sync(self, key: str) -> None:
        self.queue.add_after(key, SWEEP_SECONDS)
        for event in plan(await self._seen(), self.clock.now()):
            try:
                await self.client.delete(EVENTS, event.name, event.namespace)
            except NotFound:
                continue

    async def _seen(self) -> list[tuple[str, Key]]:
        found: list[tuple[str, Key]] = []
        page = ""
        while True:
            listing = await self.client.list(EVENTS, limit=PAGE, page=page)
            found += [(last_seen(event), key(event)) for event in listing.items]
            page = listing.next_page
            if not page:
                return found
