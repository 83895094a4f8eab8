"""The store: one order of all changes, durable before anybody sees them.

A write is decided in the event loop against the newest state there is, committed or not, gets its revision and waits;
one writer thread commits what has gathered (group commit); then the change becomes readable, watchers get it and the
writer of it its answer, in the order of revisions. A failed commit refuses the batch and everything decided on top.

Revisions only rise, also over a crash: those of durable rows are on disk; those of rows kept in memory stay below a
ceiling that is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from common.aio import Tasks
from common.api.meta import Object
from common.errors import ApiError, Expired, InternalError, ServiceUnavailable

from .database import Database
from .entries import Entry, Event, ObjectKey, make_entry, make_tombstone
from .keyring import open_ring
from .recovery import Recovered, recover
from .rows import LogRow
from .sealing import Encryption, Sealing
from .table import Table
from .watch import Follower, View, Watcher

log = logging.getLogger(__name__)
T = TypeVar("T")

BATCH = 256  # writes in one commit: enough to hide the disk, few enough that the loop applies them within milliseconds
TURNS = 8  # of the loop for which a commit waits at most while more comes
BATCH_BYTES = 4 * 1024 * 1024
KEPT_REVISIONS = 10_000  # on disk, so that watches resume over a restart
COMPACT_ROWS = 1000  # rows deleted in one transaction: a few milliseconds between two commits
CEILING_STEP = 10_000  # revisions reserved at once for rows kept in memory


class Changed(Exception):
    """The object is no longer at the revision that the write was decided on: decide again."""


@dataclass(slots=True)
class _Write:
    """`waiting`: a future for each who waits, so that one who goes away takes nothing from the others."""

    resource: str
    event: Event
    waiting: list[asyncio.Future[Entry]]

    def wait(self) -> asyncio.Future[Entry]:
        waiter: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self.waiting.append(waiter)
        return waiter


@dataclass(frozen=True, slots=True)
class Rotation:
    """The id of the key in use now, and how many values on disk were rewritten."""

    key: str
    rewritten: int


class Store:
    """Objects by resource (`deployments.apps`), namespace and name. Made by `open_store`; lives in one event loop."""

    def __init__(self, database: Database, recovered: Recovered, volatile: frozenset[str]) -> None:
        self.path = database.path
        self.revision = recovered.revision
        self._database = database
        self._volatile = volatile
        self._archived = recovered.archived
        self._tables = recovered.tables
        self._assigned = self._start = recovered.revision
        self._disk_floor = recovered.floor
        self._ceiling = recovered.ceiling
        self._superseded = recovered.superseded
        self._pending: dict[str, dict[ObjectKey, _Write]] = defaultdict(dict)
        self._queue: deque[_Write] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._executor = ThreadPoolExecutor(1, "store-writer")
        self._rotating = asyncio.Lock()
        self.fault = ""
        """Why the newest commit failed; empty since one succeeded."""
        self._tasks = Tasks("store")
        self._closed = False

    # Reading: committed state only.

    def get(self, resource: str, namespace: str, name: str) -> Entry | None:
        return self._table(resource).entries.get((namespace, name))

    def entries(self, resource: str, namespace: str = "") -> list[Entry]:
        """All objects of a resource in the order of their keys."""
        table = self._table(resource)
        return [table.entries[key] for key in table.keys(namespace)]

    def sizes(self) -> dict[str, int]:
        """How many objects there are of each resource that has ever had one."""
        return {resource: len(table.entries) for resource, table in self._tables.items()}

    def page(
        self, resource: str, namespace: str, revision: int, after: ObjectKey | None, accepts: Callable[[Entry], bool]
    ) -> list[Entry]:
        """Objects as they were at `revision`, those behind `after`; raises Expired when that is not known."""
        self._check_known(revision)
        table = self._table(resource)
        if revision == self.revision:
            found = (table.entries[key] for key in table.keys(namespace, after))
            return [entry for entry in found if accepts(entry)]
        then = table.snapshot(revision)
        wanted = sorted(key for key in then if (not namespace or key[0] == namespace) and (not after or key > after))
        return [then[key] for key in wanted if accepts(then[key])]

    def watch(self, resource: str, revision: int, view: View | None = None) -> Watcher:
        """Changes after `revision`. Raises Expired when it is older than the history, or newer than the store: then
        it comes from another store or a lost one, and nothing that its owner knows can be trusted."""
        self._check_known(revision)
        if self._closed:
            raise ServiceUnavailable("the store is closing", retry_after=1)
        return self._table(resource).watch(revision, view)

    def follow(self, resource: str, follower: Follower) -> None:
        """Call this with every change from now on, as long as the store is open."""
        self._table(resource).follow(follower)

    def end_watches(self, resource: str) -> None:
        """End all watches of a resource that is served no longer."""
        self._table(resource).end_watches()

    def _check_known(self, revision: int) -> None:
        if revision > self.revision:
            raise Expired(f"too large resource version: {revision}, current: {self.revision}")

    # Writing.

    @property
    def assigned(self) -> int:
        """The revision of the last write, which may still be on its way to disk."""
        return self._assigned

    def newest(self, resource: str, namespace: str, name: str) -> Entry | None:
        """The state that the next write is decided on: with the writes that are still on their way to disk."""
        pending = self._pending[resource].get((namespace, name))
        if pending is None:
            return self._table(resource).entries.get((namespace, name))
        return None if pending.event.type == "DELETED" else pending.event.entry

    def newest_entries(self, resource: str) -> list[Entry]:
        """All objects of a resource as the next write may count on them, in no particular order."""
        committed, pending = self._table(resource).entries, self._pending.get(resource)
        if not pending:
            return list(committed.values())
        found = dict(committed)
        for key, write in pending.items():
            if write.event.type == "DELETED":
                found.pop(key, None)
            else:
                found[key] = write.event.entry
        return list(found.values())

    def has_any(self, resource: str) -> bool:
        """Whether the next write may find an object of a resource; one that is about to be deleted counts."""
        return bool(self._table(resource).entries or self._pending.get(resource))

    async def settled(self, resource: str, entry: Entry) -> Entry:
        """The entry once it is durable: for whoever answers with a state that somebody else has just written."""
        pending = self._pending[resource].get(entry.key)
        if pending is not None and pending.event.entry is entry:
            await pending.wait()
        return entry

    def put(
        self, resource: str, namespace: str, name: str, obj: Object, based_on: Entry | None
    ) -> asyncio.Future[Entry]:
        """Write an object that was decided on `based_on` (None: on its absence). The future has the entry once it is
        durable, or ServiceUnavailable; the write goes on also when nobody waits for it. Raises Changed when `based_on`
        is no longer the newest."""
        self._expect(resource, namespace, name, based_on)
        at_hand = resource not in self._archived
        entry = make_entry((namespace, name), self._next(), obj, before=based_on, shared=at_hand)
        return self._submit(resource, Event("ADDED" if based_on is None else "MODIFIED", entry, based_on))

    def delete(self, resource: str, based_on: Entry, last: Object | None = None) -> asyncio.Future[Entry]:
        """Remove an object; `last` is what watchers see as its last state when it is not `based_on`."""
        self._expect(resource, *based_on.key, based_on)
        revision = self._next()
        tombstone = make_tombstone(based_on, revision) if last is None else make_entry(based_on.key, revision, last)
        return self._submit(resource, Event("DELETED", tombstone, based_on))

    def _expect(self, resource: str, namespace: str, name: str, based_on: Entry | None) -> None:
        if self._closed:
            raise ServiceUnavailable("the store is closing", retry_after=1)
        if self.newest(resource, namespace, name) is not based_on:
            raise Changed

    def _next(self) -> int:
        self._assigned += 1
        return self._assigned

    def _submit(self, resource: str, event: Event) -> asyncio.Future[Entry]:
        write = self._pending[resource][event.entry.key] = _Write(resource, event, [])
        self._queue.append(write)
        self._wake.set()
        self._idle.clear()
        return write.wait()

    async def _write_loop(self) -> None:
        while True:
            await self._wake.wait()
            await self._gather()
            batch = self._take_batch()
            if not batch:
                self._wake.clear()
                self._idle.set()
                continue
            rows = [_log_row(write) for write in batch if write.resource not in self._volatile]
            ceiling = self._needed_ceiling(batch)
            try:
                if rows or ceiling is not None:
                    await self._in_writer(self._database.append, rows, ceiling)
            except ApiError as error:
                self._refuse(batch, error)
            except Exception as error:
                log.exception("a commit failed in an unexpected way")
                self._refuse(batch, InternalError(f"the store {self.path} failed: {error}"))
            else:
                self._ceiling = ceiling or self._ceiling
                self.fault = ""
                self._commit(batch)
                await self._compact_some()

    async def _gather(self) -> None:
        """Let the loop go on as long as each turn of it brings more to write: a commit costs the same for one and for
        many, and who is being answered or asks right now is there in a few turns."""
        waiting = -1
        for _ in range(TURNS):
            if waiting == len(self._queue) or not self._queue:
                return
            waiting = len(self._queue)
            await asyncio.sleep(0)

    def _take_batch(self) -> list[_Write]:
        batch: list[_Write] = []
        size = 0
        while self._queue and len(batch) < BATCH and size < BATCH_BYTES:
            batch.append(self._queue.popleft())
            size += len(batch[-1].event.entry.raw)
        return batch

    def _needed_ceiling(self, batch: list[_Write]) -> int | None:
        highest = max((write.event.revision for write in batch if write.resource in self._volatile), default=0)
        return highest + CEILING_STEP if highest > self._ceiling else None

    def _commit(self, batch: list[_Write]) -> None:
        for write in batch:
            event = write.event
            self._table(write.resource).apply(event)
            pending = self._pending[write.resource]
            if pending.get(event.entry.key) is write:
                del pending[event.entry.key]
            if write.resource not in self._volatile:
                self._note_superseded(event)
        # The revision first: a watcher that sees an event may at once list from it.
        self.revision = batch[-1].event.revision
        for write in batch:
            self._table(write.resource).publish(write.event)
        for resource in {write.resource for write in batch}:
            self._table(resource).flush()
        for write in batch:
            for waiter in write.waiting:
                if not waiter.done():
                    waiter.set_result(write.event.entry)

    def _refuse(self, batch: list[_Write], error: ApiError) -> None:
        """Nothing of the batch happened, so neither can what was decided on top of it."""
        refused = [*batch, *self._queue]
        self._queue.clear()
        self._pending.clear()
        self.fault = error.message
        log.error("%d writes refused: %s", len(refused), error)
        for write in refused:
            for waiter in write.waiting:
                if not waiter.done():
                    waiter.set_exception(type(error)(error.message, retry_after=error.retry_after))

    def _note_superseded(self, event: Event) -> None:
        if event.old is not None:
            self._superseded.append((event.revision, event.old.revision))
        if event.type == "DELETED":
            self._superseded.append((event.revision, event.revision))

    async def _compact_some(self) -> None:
        """Forget the oldest history when a transaction's worth of it has gathered."""
        due = self.revision - KEPT_REVISIONS
        if len(self._superseded) < COMPACT_ROWS or self._superseded[COMPACT_ROWS - 1][0] > due:
            return
        chunk = [self._superseded.popleft() for _ in range(COMPACT_ROWS)]
        floor = chunk[-1][0]
        try:
            revisions = [revision for _, revision in chunk]
            await self._in_writer(self._database.compact, floor, revisions)
        except ApiError as error:
            log.warning("compaction failed, will be tried again: %s", error)
            self._superseded.extendleft(reversed(chunk))

    # Keys.

    async def rotate_key(self) -> Rotation:
        """Encrypt with a new key from now on, and what is there too; then forget the older keys. Commits go on between
        the parts of it, and a start finishes what was cut short. Raises ServiceUnavailable when the disk refuses."""
        async with self._rotating:
            ring = self._database.sealing.ring if self._database.sealing is not None else None
            if ring is None:
                raise ServiceUnavailable("this store encrypts nothing")
            try:
                await self._in_writer(ring.add)
                after, rewritten = await self._in_writer(self._database.reseal, 0)
                while after:
                    after, more = await self._in_writer(self._database.reseal, after)
                    rewritten += more
                await self._in_writer(self._database.scrub)
                await self._in_writer(ring.drop_older)
            except OSError as error:
                raise ServiceUnavailable(f"the key file {ring.path} cannot be written: {error.strerror}") from error
            log.info("values on disk are encrypted with the key %s now; %d were rewritten", ring.ids[0], rewritten)
            return Rotation(ring.ids[0], rewritten)

    async def _in_writer(self, function: Callable[..., T], *arguments: object) -> T:
        """In the thread that commits, so that no commit happens meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)

    # Life.

    def _table(self, resource: str) -> Table:
        table = self._tables.get(resource)
        if table is None:
            floor = self._start if resource in self._volatile else self._disk_floor
            table = self._tables[resource] = Table(floor, at_hand=resource not in self._archived)
        return table

    def start(self) -> None:
        self._tasks.start("writer", self._write_loop())

    async def close(self) -> None:
        """Refuse new writes, finish those under way, end all watches, release the file."""
        if self._closed:
            return
        self._closed = True
        await self._idle.wait()
        for table in self._tables.values():
            table.end_watches()
        await self._tasks.close()
        await self._in_writer(self._database.close)
        self._executor.shutdown()


def _log_row(write: _Write) -> LogRow:
    event = write.event
    namespace, name = event.entry.key
    return (event.revision, write.resource, namespace, name, None if event.type == "DELETED" else event.entry.raw)


async def open_store(
    path: Path,
    volatile: frozenset[str] = frozenset(),
    encryption: Encryption | None = None,
    archived: frozenset[str] = frozenset(),
) -> Store:
    """Open or make the store at `path` and start its writer. Resources in `volatile` live in memory only, those in
    `archived` are there as bytes alone; without `encryption` all is plain on disk. Raises StoreError when it is in use,
    damaged, written by a newer program, or encrypted with keys that are not there."""

    def read() -> tuple[Database, Recovered]:
        database = Database(path)
        try:
            if encryption is not None:
                keys = encryption.key_file
                may_make = keys.exists() or not database.has_sealed_rows()
                ring = open_ring(keys, encryption.passphrase, may_make=may_make)
                database.sealing = Sealing(ring, encryption.resources)
            found = recover(database, archived)
            database.reseal_all()
            return database, found
        except BaseException:
            database.close()
            raise

    store = Store(*await asyncio.to_thread(read), volatile)
    store.start()
    return store
