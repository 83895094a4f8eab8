"""APIServices for the groups and versions that definitions of users bring: made when one is served, gone with the last.

They carry Kubernetes' label for such objects, and only those that do are removed.
"""

from __future__ import annotations

from functools import partial

from common.aio import Tasks, WorkQueue, run_workers
from common.api import meta
from common.api.conditions import is_true
from common.api.kinds import APISERVICES, CUSTOMRESOURCEDEFINITIONS, Resource
from common.api.meta import Object
from common.client.base import Client
from common.clock import Clock
from common.errors import AlreadyExists, NotFound
from console.store import Event, Store

AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"
_PRIORITIES = {"groupPriorityMinimum": 1000, "versionPriority": 100}


class Registration:
    """Keys are names of APIServices."""

    def __init__(self, store: Store, client: Client, clock: Clock) -> None:
        self._store = store
        self._client = client
        self._queue: WorkQueue[str] = WorkQueue(clock, "registration")
        self._tasks = Tasks("registration")

    def start(self) -> None:
        for resource in (CUSTOMRESOURCEDEFINITIONS, APISERVICES):
            for entry in self._store.entries(resource.group_resource):
                self._seen(resource, entry.obj)
            self._store.follow(resource.group_resource, partial(self._changed, resource))
        run_workers(self._queue, self._sync, 1, self._tasks, "registration")

    async def close(self) -> None:
        await self._tasks.close()
        await self._queue.close()

    def _changed(self, resource: Resource, event: Event) -> None:
        for entry in (event.entry, event.old):
            if entry is not None:
                self._seen(resource, entry.obj)

    def _seen(self, resource: Resource, obj: Object) -> None:
        if resource is APISERVICES:
            if meta.labels(obj).get(AUTOMANAGED) == "true":
                self._queue.add(meta.name(obj))
            return
        for version in obj["spec"].get("versions") or ():
            self._queue.add(f"{version['name']}.{obj['spec']['group']}")

    async def _sync(self, name: str) -> None:
        version, _, group = name.partition(".")
        found = self._store.get(APISERVICES.group_resource, "", name)
        wanted = self._is_served(group, version)
        if wanted and found is None:
            metadata = {"name": name, "labels": {AUTOMANAGED: "true"}}
            try:
                await self._client.create(
                    APISERVICES, {"metadata": metadata, "spec": {"group": group, "version": version, **_PRIORITIES}}
                )
            except AlreadyExists:
                return
        elif not wanted and found is not None and meta.labels(found.obj).get(AUTOMANAGED) == "true":
            try:
                await self._client.delete(APISERVICES, name, uid=meta.uid(found.obj))
            except NotFound:
                return

    def _is_served(self, group: str, version: str) -> bool:
        definitions = (entry.obj for entry in self._store.entries(CUSTOMRESOURCEDEFINITIONS.group_resource))
        return any(
            item.get("served") and item["name"] == version
            for definition in definitions
            if definition["spec"]["group"] == group and is_true(definition, "Established")
            for item in definition["spec"]["versions"]
        )
