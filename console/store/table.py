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
from .packing import Packer
from .watch import Follower, View, Watcher

log = logging.getLogger(__name__)

HISTORY = 4096  # events of one resource; at a full rollout's pace of 200/s a client may be away for 20 s
HISTORY_BYTES = 8 * 1024 * 1024  # of superseded versions of one resource, packed: large objects have a shorter history
FRESH = 256  # so many of the newest events are not settled, for watchers that still have to see them
FRESH_BYTES = 2 * 1024 * 1024  # encoded; or fewer, when they are large: decoded they take several times as much


class Table:
    """`floor` is the revision up to which history is gone: a watch may start there or later. Without `at_hand` objects
    are kept as bytes alone."""

    def __init__(self, floor: int, *, at_hand: bool = True) -> None:
        self.entries: dict[ObjectKey, Entry] = {}
        self.floor = floor
        self._at_hand = at_hand
        self._packer = Packer()
        self._weight = 0  # of the settled events
        self._order: list[ObjectKey] = []
        self._events: deque[Event] = deque()
        self._fresh: deque[tuple[Event, int]] = deque()  # the newest of them, not settled yet, with their bytes
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
            entry.pack(self._packer)
            if not self._at_hand:
                entry.shrink()
        return None

    def _remember(self, event: Event) -> None:
        self._events.append(event)
        weight = event.entry.weight
        self._fresh.append((event, weight))
        self._fresh_bytes += weight
        while len(self._fresh) >= FRESH or (self._fresh_bytes > FRESH_BYTES and len(self._fresh) > 1):
            settled, weight = self._fresh.popleft()
            self._fresh_bytes -= weight
            settled.settle(self._packer, at_hand=self._at_hand)
            self._weight += settled.weight
        while len(self._events) > HISTORY or (self._weight > HISTORY_BYTES and len(self._events) > FRESH):
            forgotten = self._events.popleft()
            self._weight -= forgotten.weight
            self.floor = forgotten.revision

    def publish(self, event: Event) -> None:
        """Tell of a change; `flush` must follow when all changes of a commit are told."""
        for follower in self._followers:
            try:
                follower(event)
            except Exception:  # of others: whoever waits for its commit must not pay for it
                log.exception("a follower cannot take %s", event.entry.key)
        for watcher in tuple(self._watchers):
            watcher.offer(event)

    def flush(self) -> None:
        """Let the watchers have what was published."""
        for watcher in tuple(self._watchers):
            watcher.flush()

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
