"""Watchers of a resource: bounded queues between the one who publishes and those who read.

The publisher never waits. A reader that is quick enough may take changes in the publisher's turn, all those of a commit
at once; others are woken and have them in a turn of their own. A watcher whose reader falls `LIMIT` events behind is
ended; its client resumes from the last revision that it saw, out of the history, or lists again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TypeAlias

from .entries import Event

View: TypeAlias = Callable[[Event], Event | None]
Follower: TypeAlias = Callable[[Event], None]
"""Is called in the turn in which a change becomes readable, before anybody is answered about it. It must not wait."""
Taker: TypeAlias = Callable[[list[Event]], bool]
"""Takes changes without waiting, or says that it cannot now."""

log = logging.getLogger(__name__)
LIMIT = 8192  # events; a burst of scheduling is a few thousand, and an event in a queue costs a pointer


class Watcher:
    """One reader. `view` turns a change into what it is to this reader, None when it does not concern it."""

    def __init__(self, view: View | None, detach: Callable[[Watcher], None]) -> None:
        self._view = view
        self._detach = detach
        self._events: list[Event] = []
        self._waiter: asyncio.Future[None] | None = None
        self._nudged = False
        self.ended = False
        self.taker: Taker | None = None
        """Who is asked to take changes at once while the reader waits for some."""

    def replay(self, events: Iterable[Event]) -> None:
        """What happened before this watcher was there. Not limited: history is, and who resumes must get through it."""
        self._events += [seen for event in events if (seen := self._seen(event)) is not None]

    def _seen(self, event: Event) -> Event | None:
        return event if self._view is None else self._view(event)

    def offer(self, event: Event) -> None:
        """Called by the store in the order of revisions; `flush` must follow."""
        if self.ended:
            return
        try:
            seen = self._seen(event)
        except Exception:
            # Only this reader is concerned; it lists again instead of missing a change.
            log.exception("a watch cannot show %s", event.entry.key)
            self.close()
            return
        if seen is None:
            return
        if len(self._events) >= LIMIT:
            # What was queued is dropped too: the reader resumes from what it has really seen.
            self._events.clear()
            self.close()
            return
        self._events.append(seen)

    def flush(self) -> None:
        """Hand on what was offered."""
        if not self._events:
            return
        if self._waiter is not None and self.taker is not None:
            try:
                taken = self.taker(self._events)
            except Exception:  # of this reader alone: whoever waits for the commit must not pay for it
                log.exception("a watch cannot tell %s", self._events[0].entry.key)
                self._events.clear()
                self.close()
                return
            if taken:
                self._events = []
                return
        self._wake()

    def end(self) -> None:
        """No more events; the reader sees the end after those that it was already offered."""
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def nudge(self) -> None:
        """Let the reader go on without a change."""
        self._nudged = True
        self._wake()

    async def batch(self) -> list[Event]:
        """All changes since the last call, at least one; empty when the watch has ended, or was nudged."""
        while not self._events and not self.ended and not self._nudged:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        events, self._events = self._events, []
        self._nudged = False
        return events

    def close(self) -> None:
        """End, and take no more: the reader is gone or too slow."""
        self._detach(self)
        self.end()
