"""One resource in memory: its objects in order, its recent history, its watchers.

History is what lets a watch resume and a paged list stay on one snapshot. It is bounded; whoever asks for something
older gets Expired and lists again.
"""

from __future__ import annotations

import logging
from bisect import bisect_left, insort
from collections import deque

import orjson

from common.errors import Expired

from .entries import Entry, Event, ObjectKey
from .watch import Follower, View, Watcher

log = logging.getLogger(__name__)

HISTORY = 4096  # events of one resource; at a full rollout's pace of 200/s a client may be away for 20 s
HISTORY_BYTES = 16 * 1024 * 1024  # of superseded versions of one resource: large objects have a shorter history
DECODED_TAIL = 256  # so many of the newest events keep their decoded objects, for watchers that still have to see them
DECODED_BYTES = 2 * 1024 * 1024  # encoded; or fewer, when they are large: decoded they take several times as much


class Table:
    """`floor` is the revision up to which history is gone: a watch may start there or later. Without `at_hand` objects
    are kept as bytes alone."""

    def __init__(self, floor: int, *, at_hand: bool = True) -> None:
        self.entries: dict[ObjectKey, Entry] = {}
        self.floor = floor
        self._at_hand = at_hand
        self._weight = 0  # of the events
        self._order: list[ObjectKey] = []
        self._events: deque[Event] = deque()
        self._fresh: deque[Event] = deque()  # the newest of them, not settled yet
        self._fresh_bytes = 0
        self._watchers: set[Watcher] = set()
        self._followers: list[Follower] = []

    def apply(self, event: Event) -> None:
        """Take over a committed change."""
        key = event.entry.key
        if event.type == "DELETED":
            del self.entries[key]
            del self._order[bisect_left(self._order, key)]
        else:
            if event.type == "ADDED":
                insort(self._order, key)
            self.entries[key] = event.entry
        self._remember(event)

    def load(self, entry: Entry) -> None:
        """Take over an object whose change is older than the history; `seal` must follow."""
        self.entries[entry.key] = entry

    def unload(self, key: ObjectKey) -> None:
        self.entries.pop(key, None)

    def seal(self) -> None:
        self._order = sorted(self.entries)

    def check(self) -> ObjectKey | None:
        """Decode all objects, as those that are at hand stay; the key of one that is not JSON."""
        for key, entry in self.entries.items():
            try:
                _ = entry.obj
            except orjson.JSONDecodeError:
                return key
            if not self._at_hand:
                entry.shrink()
        return None

    def _remember(self, event: Event) -> None:
        self._events.append(event)
        self._weight += event.weight
        while len(self._events) > HISTORY or (self._weight > HISTORY_BYTES and len(self._events) > DECODED_TAIL):
            forgotten = self._events.popleft()
            self._weight -= forgotten.weight
            self.floor = forgotten.revision
        self._fresh.append(event)
        self._fresh_bytes += len(event.entry.raw)
        while len(self._fresh) >= DECODED_TAIL or (self._fresh_bytes > DECODED_BYTES and len(self._fresh) > 1):
            settled = self._fresh.popleft()
            self._fresh_bytes -= len(settled.entry.raw)
            settled.settle(at_hand=self._at_hand)

    def publish(self, event: Event) -> None:
        for follower in self._followers:
            try:
                follower(event)
            except Exception:  # of others: whoever waits for its commit must not pay for it
                log.exception("a follower cannot take %s", event.entry.key)
        for watcher in tuple(self._watchers):
            watcher.offer(event)

    def follow(self, follower: Follower) -> None:
        self._followers.append(follower)

    def keys(self, namespace: str = "", after: ObjectKey | None = None) -> list[ObjectKey]:
        """Keys in order, of one namespace or all, those behind `after` only."""
        start = (namespace, "") if after is None else (after[0], after[1] + "\0")
        low = bisect_left(self._order, start)
        high = bisect_left(self._order, (namespace + "\0", "")) if namespace else len(self._order)
        return self._order[low:high]

    def since(self, revision: int) -> list[Event]:
        """The changes after a revision; raises Expired when they are not all known."""
        if revision < self.floor:
            raise Expired(f"too old resource version: {revision} ({self.floor})")
        newer = []
        for event in reversed(self._events):
            if event.revision <= revision:
                break
            newer.append(event)
        newer.reverse()
        return newer

    def snapshot(self, revision: int) -> dict[ObjectKey, Entry]:
        """All objects as they were at a revision."""
        then = dict(self.entries)
        for event in reversed(self.since(revision)):
            if event.old is None:
                then.pop(event.entry.key, None)
            else:
                then[event.entry.key] = event.old
        return then

    def watch(self, revision: int, view: View | None) -> Watcher:
        watcher = Watcher(view, self._watchers.discard)
        watcher.replay(self.since(revision))
        self._watchers.add(watcher)
        return watcher

    def end_watches(self) -> None:
        for watcher in tuple(self._watchers):
            watcher.end()
