"""An informer mirrors one resource in memory and tells its listeners what changed.

List, then watch from that revision; when a watch ends or expires, list again and report the difference, so that a
listener sees every object's latest state whatever was missed between. Listeners get (old, new); old is None for an
addition, new is None for a deletion. Objects are shared: never change one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator

from common.aio import Tasks
from common.api.kinds import Resource
from common.api.meta import Key, Object, key, labels, resource_version
from common.api.selectors import Selector
from common.clock import Clock
from common.errors import ApiError, Expired, Forbidden, NotFound

from .base import Client, WatchEvent

log = logging.getLogger(__name__)
Listener = Callable[[Object | None, Object | None], None]
Transform = Callable[[Object], Object]
"""What is kept of an object that came: it must have the same key, uid and resourceVersion."""

PAGE = 250  # objects of a list: what is decoded at once takes memory, and time that others in the event loop wait
AT_ONCE = 50  # objects that are transformed before others in the event loop get their turn
RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)  # then the last one: a server that restarts is back within a second or two


class Informer:
    """The mirror. `get`, `items` and `select` answer from memory; `synced` is set after the first list."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        clock: Clock,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        transform: Transform | None = None,
    ) -> None:
        """With a `transform`, what it leaves out of one page's objects makes room for those of the next page."""
        self.resource = resource
        self.synced = asyncio.Event()
        self.connected = False
        self.refusal = ""  # why the API refuses to list, while it does
        self.absent = False  # whether that is because it does not serve the kind
        self._client = client
        self._clock = clock
        self._namespace = namespace
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._transform = transform
        self._objects: dict[Key, Object] = {}
        self._revision = ""
        self._listeners: list[Listener] = []
        self._indexes: dict[str, tuple[Callable[[Object], Iterable[str]], dict[str, dict[Key, Object]]]] = {}
        self._tasks = Tasks(f"informer/{resource.group_resource}")

    def listen(self, listener: Listener) -> None:
        """Call `listener` for every change from now on, and at once for what is already known."""
        self._listeners.append(listener)
        for obj in list(self._objects.values()):
            listener(None, obj)

    def add_index(self, name: str, values: Callable[[Object], Iterable[str]]) -> None:
        """Keep a lookup from each of `values(obj)` to the objects that have it."""
        table: dict[str, dict[Key, Object]] = {}
        self._indexes[name] = (values, table)
        for obj_key, obj in self._objects.items():
            for value in values(obj):
                table.setdefault(value, {})[obj_key] = obj

    def by_index(self, name: str, value: str) -> list[Object]:
        return list(self._indexes[name][1].get(value, {}).values())

    def get(self, obj_key: Key) -> Object | None:
        return self._objects.get(obj_key)

    def items(self) -> Iterator[Object]:
        return iter(list(self._objects.values()))

    def select(self, selector: Selector, namespace: str | None = None) -> list[Object]:
        return [
            obj
            for obj_key, obj in self._objects.items()
            if (namespace is None or obj_key.namespace == namespace) and selector.matches(labels(obj))
        ]

    def __len__(self) -> int:
        return len(self._objects)

    def start(self) -> None:
        self._tasks.start("run", self._run())

    async def close(self) -> None:
        await self._tasks.close()

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                if not self._revision:
                    await self._relist()
                self.connected, self.refusal, self.absent = True, "", False
                failures = 0
                await self._follow()
            except Expired:
                self._revision = ""
            except (TimeoutError, ApiError, OSError) as error:
                self.connected = False
                self.refusal = error.message if isinstance(error, Forbidden | NotFound) else ""
                self.absent = isinstance(error, NotFound)
                # Listing again costs more than resuming, but finds deletions that a restarted server no longer tells.
                self._revision = ""
                log.debug("watch of %s interrupted: %s", self.resource.group_resource, error)
                await self._clock.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1
            else:
                await asyncio.sleep(0)

    async def _relist(self) -> None:
        """Bring the mirror to what is there, page by page: listeners know the first objects while later ones are still
        on their way. What is gone is told before what the last page has."""
        found: set[Key] = set()
        page = ""
        while True:
            listing = await self._client.list(
                self.resource,
                self._namespace,
                label_selector=self._label_selector,
                field_selector=self._field_selector,
                limit=PAGE if self._transform else 0,
                page=page,
            )
            page, revision, fresh = listing.next_page, listing.resource_version, listing.items[::-1]
            del listing
            found.update(map(key, fresh))
            if not page:
                for obj_key in self._objects.keys() - found:
                    self._apply(obj_key, None)
            await self._take(fresh)
            if not page:
                self._revision = revision
                self.synced.set()
                return

    async def _take(self, fresh: list[Object]) -> None:
        """Take objects in, the last one first. Each is given up before the next one is taken, so that what is kept of
        that one finds room where this one was."""
        while fresh:
            obj = fresh.pop()
            obj_key = key(obj)
            known = self._objects.get(obj_key)
            if known is None or resource_version(known) != resource_version(obj):
                self._apply(obj_key, self._kept(obj))
            if self._transform and len(fresh) % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _kept(self, obj: Object) -> Object:
        return obj if self._transform is None else self._transform(obj)

    async def _follow(self) -> None:
        async for event in self._client.watch(
            self.resource,
            self._namespace,
            resource_version=self._revision,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        ):
            self._handle(event)

    def _handle(self, event: WatchEvent) -> None:
        self._revision = resource_version(event.object) or self._revision
        if event.type == "BOOKMARK":
            return
        self._apply(key(event.object), None if event.type == "DELETED" else self._kept(event.object))

    def _apply(self, obj_key: Key, obj: Object | None) -> None:
        old = self._objects.pop(obj_key, None)
        if obj is not None:
            self._objects[obj_key] = obj
        self._reindex(obj_key, old, obj)
        for listener in self._listeners:
            # It is one of many who listen: a fault of one must not keep the news from the others.
            try:
                listener(old, obj)
            except Exception:
                log.exception("a listener for %s failed on %s", self.resource.group_resource, obj_key)

    def _reindex(self, obj_key: Key, old: Object | None, obj: Object | None) -> None:
        for values, table in self._indexes.values():
            for value in values(old) if old is not None else ():
                bucket = table.get(value)
                if bucket is not None:
                    bucket.pop(obj_key, None)
                    if not bucket:
                        del table[value]
            for value in values(obj) if obj is not None else ():
                table.setdefault(value, {})[obj_key] = obj  # type: ignore[assignment]
