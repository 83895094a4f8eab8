"""The journal: writes the Change of a write beside it, and forgets the oldest.

A Change goes to the store in the same turn of the event loop as the write that it tells of, right behind it in the same
order, so that a crash cannot leave one that tells of something that never happened.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator

from common.api.kinds import CHANGES
from common.api.meta import Object
from common.clock import Clock
from common.errors import ApiError
from console.apiserver.audit.trail import Recorded
from console.apiserver.caller import Caller
from console.store import Entry, Store
from console.store.store import Changed

from .record import Write, is_worth_recording, recorded, undo_record

log = logging.getLogger(__name__)

UNDO_RECORDS = "undorecords.quarterdeck.io"
"""What undoing takes, by the name of its Change: in the store, but served by no API, since it has secret values."""
KEPT = 5000
"""Changes, so weeks of a busy team: about 3 KiB of memory each."""
_CHANGES = CHANGES.group_resource
Audit = Callable[[Caller, Recorded], None]


def _nobody(_caller: Caller, _recorded: Recorded) -> None:
    """Where nothing is audited."""


class Journal:
    """`record` is called between a write and its commit. `audit` hears of writes of the control plane's own parts,
    which are no requests; those of others are noted on the trails of their requests."""

    def __init__(self, store: Store, clock: Clock, kept: int = KEPT, audit: Audit = _nobody) -> None:
        self._store = store
        self._clock = clock
        self._kept = kept
        self._audit = audit
        self._names = deque(sorted(entry.key[1] for entry in store.entries(_CHANGES)))

    def record(self, write: Write) -> str:
        """Remember the write if it is worth it; the name of its Change, or nothing."""
        if not is_worth_recording(write):
            return ""
        now = self._clock.now()
        name = self._next_name(now.strftime("%Y%m%d-%H%M%S-%f"))
        found = recorded(write, name, now)
        if found is None:
            return ""
        self._put(_CHANGES, name, found.change, self._told(write.caller, found))
        if write.old is not None:  # a creation is undone by its uid, which the Change has
            self._put(UNDO_RECORDS, name, undo_record(write, name))
        self._names.append(name)
        while len(self._names) > self._kept:
            self._forget(self._names.popleft())
        return name

    def _told(self, caller: Caller, recorded: Recorded) -> Callable[[Entry], None]:
        """What is to happen when the write is on disk. Whoever made a request hears of it now: its event waits for the
        disk anyway, and says when that failed."""
        if caller.trail is not None:
            caller.trail.wrote(recorded)
            return Entry.shrink

        def tell(entry: Entry) -> None:
            entry.shrink()
            self._audit(caller, recorded)

        return tell

    def undo_record(self, name: str) -> Object | None:
        entry = self._store.newest(UNDO_RECORDS, "", name)
        return None if entry is None else entry.obj

    def since(self, name: str) -> Iterator[Recorded]:
        """What is recorded from that name on, in the order of the writes. What a creation made is in no record."""
        for found in self._names:
            entry = self._store.newest(_CHANGES, "", found) if found >= name else None
            if entry is not None:
                kept = self.undo_record(found) or {}
                yield Recorded(entry.obj, (), kept.get("old"), kept.get("new"))

    def _next_name(self, moment: str) -> str:
        """Names sort in the order of writes, also of two within a microsecond and after a clock was set back."""
        last, _, number = self._names[-1].partition(".") if self._names else ("", "", "")
        if moment > last:
            return moment
        return f"{last}.{int(number or 0) + 1:06d}"

    def _put(self, resource: str, name: str, obj: Object, then: Callable[[Entry], None] = Entry.shrink) -> None:
        self._watch_over(self._store.put(resource, "", name, obj, None), then)

    def _forget(self, name: str) -> None:
        for resource in (_CHANGES, UNDO_RECORDS):
            entry = self._store.newest(resource, "", name)
            if entry is not None:
                try:
                    self._watch_over(self._store.delete(resource, entry))
                except Changed:
                    continue

    @staticmethod
    def _watch_over(written: asyncio.Future[Entry], then: Callable[[Entry], None] = lambda _entry: None) -> None:
        def settled(done: asyncio.Future[Entry]) -> None:
            if done.cancelled():
                return
            error = done.exception()
            if error is None:
                then(done.result())
            elif isinstance(error, ApiError):
                # The write that it tells of was refused too, or else is told of nowhere but here.
                log.warning("a change could not be recorded: %s", error.message)

        written.add_done_callback(settled)
