"""Keeps the FlowSchemas and PriorityLevelConfigurations that every cluster has, and says of schemas whose level is
missing.

As in Kubernetes: the mandatory objects are what they are; a suggested one comes back when it is deleted, and is kept at
its suggestion unless its annotation `apf.kubernetes.io/autoupdate-spec` says "false"; one that is annotated "true" and
suggested no longer goes. It is looked at whenever one of them changes: no change is missed, so no time has to pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from common.aio import Tasks, WorkQueue, run_workers
from common.api import meta
from common.api.conditions import get_condition, set_condition
from common.api.kinds import FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS, Resource
from common.api.meta import Object
from common.client.base import Client
from common.clock import Clock
from common.errors import AlreadyExists, Conflict, NotFound
from console.registry.kinds.flowcontrol_defaults import AUTO_UPDATE, EXEMPT, MANDATORY, SUGGESTED
from console.store import Event, Store

RESOURCES = (PRIORITYLEVELCONFIGURATIONS, FLOWSCHEMAS)
DANGLING = "Dangling"


class Upkeep:
    def __init__(self, store: Store, client: Client, clock: Clock) -> None:
        self._store = store
        self._client = client
        self._clock = clock
        self._queue: WorkQueue[str] = WorkQueue(clock, "flow-control")
        self._tasks = Tasks("flow-control")

    async def start(self) -> None:
        """Make what is missing, then look after it."""
        await self._sync("")
        for resource in RESOURCES:
            self._store.follow(resource.group_resource, self._changed)
        run_workers(self._queue, self._sync, 1, self._tasks, "flow-control")

    async def close(self) -> None:
        await self._tasks.close()
        await self._queue.close()

    def _changed(self, _event: Event) -> None:
        self._queue.add("")

    async def _sync(self, _key: str) -> None:
        """All of them: they are few, and one tells of another."""
        await asyncio.gather(*(self._keep(resource) for resource in RESOURCES))
        await asyncio.gather(*(self._tell(schema) for schema in self._objects(FLOWSCHEMAS).values()))

    def _objects(self, resource: Resource) -> dict[str, Object]:
        return {meta.name(entry.obj): entry.obj for entry in self._store.entries(resource.group_resource)}

    async def _keep(self, resource: Resource) -> None:
        plan = planned(self._objects(resource), MANDATORY[resource], SUGGESTED[resource])
        await asyncio.gather(*(self._put(resource, name, obj) for name, obj in plan.items()))

    async def _put(self, resource: Resource, name: str, wanted: Object | None) -> None:
        try:
            if wanted is None:
                await self._client.delete(resource, name)
            elif meta.uid(wanted):
                await self._client.update(resource, wanted)
            else:
                await self._client.create(resource, wanted)
        except (AlreadyExists, Conflict, NotFound):
            return  # somebody changed it this moment, and it is looked at again for that

    async def _tell(self, schema: Object) -> None:
        status = described(schema, frozenset(self._objects(PRIORITYLEVELCONFIGURATIONS)), self._clock)
        if status is None:
            return
        try:
            await self._client.update(FLOWSCHEMAS, {**schema, "status": status}, subresource="status")
        except (Conflict, NotFound):
            return


def planned(
    found: Mapping[str, Object], mandatory: Mapping[str, Object], suggested: Mapping[str, Object]
) -> dict[str, Object | None]:
    """What to write, by name; None is to be deleted. Nothing for an object that is as it should be."""
    plan: dict[str, Object | None] = {}
    for name, wanted in {**suggested, **mandatory}.items():
        kept = _kept(found.get(name), wanted, is_fixed=name in mandatory)
        if kept is not None:
            plan[name] = kept
    for name, obj in found.items():
        if name not in mandatory and name not in suggested and _says(obj) == "true":
            plan[name] = None
    return plan


def _kept(found: Object | None, wanted: Object, *, is_fixed: bool) -> Object | None:
    """The object as it should be; None when it is so."""
    metadata = {**meta.metadata(wanted), "annotations": {AUTO_UPDATE: "true"}}
    if found is None:
        return {**wanted, "metadata": metadata}
    said = _says(found)
    # Who changed one that says nothing of this meant it: only then its generation is above the first.
    updates = is_fixed or said == "true" or (said != "false" and meta.generation(found) == 1)
    annotations = {**meta.annotations(found), AUTO_UPDATE: "true" if updates else "false"}
    spec = _fixed(found, wanted) if updates else found["spec"]
    result = {**found, "metadata": {**meta.metadata(found), "annotations": annotations}, "spec": spec}
    return None if result == found else result


def _fixed(found: Object, wanted: Object) -> Object:
    """The spec that is wanted; how much others may borrow of the exempt level is not fixed."""
    spec: Object = wanted["spec"]
    if meta.name(wanted) == EXEMPT and spec.get("type") == "Exempt" and found["spec"].get("exempt"):
        return {**spec, "exempt": found["spec"]["exempt"]}
    return spec


def _says(obj: Object) -> str:
    return meta.annotations(obj).get(AUTO_UPDATE, "")


def described(schema: Object, levels: frozenset[str], clock: Clock) -> Object | None:
    """The status of a schema; None when it says so already."""
    name = schema["spec"]["priorityLevelConfiguration"]["name"]
    text = f'This FlowSchema references the PriorityLevelConfiguration object named "{name}" '
    there = name in levels
    status, reason = ("False", "Found") if there else ("True", "NotFound")
    text += "and it exists" if there else "but there is no such object"
    known = list((schema.get("status") or {}).get("conditions") or ())
    now = get_condition(schema, DANGLING) or {}
    if (now.get("status"), now.get("reason"), now.get("message")) == (status, reason, text):
        return None
    return {
        **(schema.get("status") or {}),
        "conditions": set_condition(known, DANGLING, status, reason, text, clock.now()),
    }
