"""Definitions at work: rows of the registry that come, change and go with CustomResourceDefinitions.

Rows follow the store at once: whoever has the answer to a write of a definition finds the API as it says. A row is
there before its definition is called Established, and gone after the last object of a definition that is being deleted.
What the conditions say is decided in `registry/custom/naming.py`.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from common.aio import Tasks, WorkQueue, run_workers
from common.api import meta
from common.api.kinds import CUSTOMRESOURCEDEFINITIONS
from common.api.meta import Object
from common.clock import Clock
from common.errors import Conflict, Expired, NotFound
from common.pki import MASTERS
from console.registry.catalog import Registry
from console.registry.custom import naming
from console.registry.custom.rows import rows
from console.registry.row import Row
from console.store import Event, Store

from .caller import Caller
from .options import DeleteOptions
from .verbs import Verbs

log = logging.getLogger(__name__)

AGAIN_SECONDS = 0.2  # between looks at objects of a definition that are held by finalizers
PARTING_SECONDS = 2.0
"""Between the end of a definition and that of the watches of its kind: operators that follow definitions leave by
themselves, and take a watch that ends before for a failure."""
_RESOURCE = CUSTOMRESOURCEDEFINITIONS.group_resource
_CALLER = Caller("system:apiserver", frozenset({MASTERS}))


class CustomResources:
    """Keys are names of definitions. `load` before the API answers, `start` from then on."""

    def __init__(self, store: Store, registry: Registry, verbs: Verbs, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._verbs = verbs
        self._clock = clock
        self._served: dict[str, tuple[Object, list[Row]]] = {}
        self._queue: WorkQueue[str] = WorkQueue(clock, "custom-resources")
        self._tasks = Tasks("custom-resources")
        self._revision = 0

    def load(self) -> None:
        """Serve what is defined, in the order in which it was; whatever is served and defined no longer goes."""
        self._revision = self._store.revision
        known = {entry.obj["metadata"]["name"]: entry.obj for entry in self._store.entries(_RESOURCE)}
        for name in self._served.keys() - known.keys():
            self._withdraw(name)
        for name, definition in sorted(known.items(), key=lambda item: _created(item[1])):
            self._serve(definition)
            self._queue.add(name)

    def start(self) -> None:
        self._tasks.start("follow", self._follow())
        run_workers(self._queue, self._sync, 2, self._tasks, "custom-resources")

    async def close(self) -> None:
        await self._tasks.close()
        await self._queue.close()

    async def _follow(self) -> None:
        while True:
            try:
                watcher = self._store.watch(_RESOURCE, self._revision)
            except Expired:
                self.load()
                continue
            try:
                while batch := await watcher.batch():
                    for event in batch:
                        self._seen(event)
            finally:
                watcher.close()

    def _seen(self, event: Event) -> None:
        self._revision = event.revision
        definition = event.entry.obj
        if event.type == "DELETED":
            self._withdraw(meta.name(definition))
        else:
            self._serve(definition)
        # Names that one definition gets or leaves matter to the others of its group.
        for other in self._definitions():
            if other["spec"]["group"] == definition["spec"]["group"]:
                self._queue.add(meta.name(other))

    def _definitions(self) -> list[Object]:
        return [entry.obj for entry in self._store.entries(_RESOURCE)]

    def _serve(self, definition: Object) -> None:
        """Bring the registry to what a definition says; nothing happens when it says what it said."""
        name, essence = meta.name(definition), _essence(definition)
        before, present = self._served.get(name, ({}, []))
        if before == essence:
            return
        wanted = _rows(definition)
        kept = {row.resource for row in wanted}
        for row in present:
            if row.resource not in kept:
                self._registry.remove(row)
        for row in wanted:
            self._registry.add(row)
        self._served[name] = (essence, wanted)

    def _withdraw(self, name: str) -> None:
        _, present = self._served.pop(name, ({}, []))
        for row in present:
            self._registry.remove(row)
        if present:
            self._tasks.start(f"end watches of {name}", self._end_watches(name))

    async def _end_watches(self, name: str) -> None:
        await self._clock.sleep(PARTING_SECONDS)
        if name not in self._served:
            self._store.end_watches(name)

    async def _sync(self, name: str) -> None:
        entry = self._store.get(_RESOURCE, "", name)
        if entry is None:
            return
        definition = entry.obj
        status = naming.status_of(definition, [*self._definitions(), *self._built_in(definition)], self._clock.now())
        if status != definition.get("status"):
            self._serve({**definition, "status": status})
            definition = await self._write_status(definition, status)
        if meta.is_deleting(definition) and naming.CLEANUP in (definition["metadata"].get("finalizers") or ()):
            await self._empty(definition)

    async def _write_status(self, definition: Object, status: Object) -> Object:
        row = self._registry.row_for(CUSTOMRESOURCEDEFINITIONS)
        wanted = {**definition, "status": status}
        name = meta.name(definition)
        entry = await self._verbs.modify(_CALLER, "update", row, "", name, lambda _old: wanted, "status")
        return entry.obj

    def _built_in(self, definition: Object) -> list[Object]:
        """The kinds of the definition's group that are not defined by anybody, in the form of definitions."""
        group = definition["spec"]["group"]
        found = []
        for row in self._registry.rows():
            if row.custom is None and row.resource.group == group:
                names: Object = {"plural": row.resource.plural, "singular": row.singular, "kind": row.resource.kind}
                names |= {"shortNames": list(row.short_names), "listKind": row.list_kind}
                found.append({"metadata": {"name": "", "uid": "built-in"}, "spec": {"group": group},
                              "status": {"acceptedNames": names}})  # fmt: skip
        return found

    async def _empty(self, definition: Object) -> None:
        """Delete the objects of a definition that goes, then let it go. Come again while some are held."""
        name = meta.name(definition)
        left = self._store.entries(name) if self._served.get(name, ({}, []))[1] else []
        if left:
            row = self._served[name][1][0]
            pending = [entry for entry in left if not meta.is_deleting(entry.obj)]
            await self._verbs.delete_all(_CALLER, row, pending, DeleteOptions())
            if self._store.entries(name):
                self._queue.add_after(name, AGAIN_SECONDS)
                return
        row = self._registry.row_for(CUSTOMRESOURCEDEFINITIONS)

        def release(old: Object) -> Object:
            found = dict(old["metadata"])
            found["finalizers"] = [item for item in found.get("finalizers") or () if item != naming.CLEANUP]
            return {**old, "metadata": found}

        with suppress(NotFound, Conflict):
            await self._verbs.modify(_CALLER, "update", row, "", name, release)


def _rows(definition: Object) -> list[Row]:
    """The rows of a definition. One that an older version accepted, and that nothing can be made of now, must not keep
    the API from answering for all the others."""
    try:
        return rows(definition)
    except Exception:
        log.exception("the kind of %s is not served: its definition cannot be read", meta.name(definition))
        return []


def _created(definition: Object) -> tuple[str, str]:
    return str(meta.metadata(definition).get("creationTimestamp", "")), meta.name(definition)


def _essence(definition: Object) -> Object:
    """What of a definition makes its rows."""
    status = definition.get("status") or {}
    established = [item for item in status.get("conditions") or () if item.get("type") == "Established"]
    return {
        "spec": definition["spec"],
        "names": status.get("acceptedNames"),
        "established": [item.get("status") for item in established],
        "deleting": meta.is_deleting(definition),
    }
