"""The resource quota controller: keeps in each ResourceQuota's status what is used of it.

Admission counts for itself; the status is for people and programs that look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from common.api import quotas
from common.api.definitions import resources_of
from common.api.kinds import CUSTOMRESOURCEDEFINITIONS, PODS, RESOURCEQUOTAS, Resource
from common.api.meta import Key, Object, is_deleting, key, namespace
from common.client import Informer
from common.errors import Conflict, NotFound

from .base import Controller, Kit

CUSTOM_SECONDS = 5.0  # between two counts of objects of kinds that come and go, which nobody mirrors for this


def status(quota: Object, used: quotas.Amounts) -> Object:
    hard = (quota.get("spec") or {}).get("hard") or {}
    return {"hard": hard, "used": {name: quotas.shown(name, used[name]) for name in hard}}


class ResourceQuotaController(Controller[Key]):
    """Keys are ResourceQuotas. `resources` are all kinds that the API keeps."""

    name: ClassVar[str] = "resourcequota-controller"
    workers: ClassVar[int] = 2

    def __init__(self, kit: Kit, resources: Sequence[Resource]) -> None:
        super().__init__(kit)
        self._quotas = self.follow(RESOURCEQUOTAS, lambda quota: [key(quota)])
        self._definitions = self.mirror(CUSTOMRESOURCEDEFINITIONS)
        self._kinds: dict[str, Informer] = {}
        for resource in resources:
            if resource.namespaced:
                self._kinds[resource.group_resource] = self._follow_counted(resource)

    def _follow_counted(self, resource: Resource) -> Informer:
        name = resource.group_resource

        def concerned(obj: Object) -> Iterable[Key]:
            return [
                key(quota)
                for quota in self._quotas.items()
                if namespace(quota) == namespace(obj) and name in quotas.resources_of(_hard(quota))
            ]

        return self.follow(resource, concerned)

    async def sync(self, key: Key) -> None:
        quota = self._quotas.get(key)
        if quota is None:
            return
        wanted = quotas.resources_of(_hard(quota))
        objects = {name: await self._objects(name, key.namespace) for name in wanted}
        if wanted - self._kinds.keys() or any(map(is_deleting, objects.get(PODS.plural, ()))):
            # Nobody tells of objects that are not mirrored, nor of the moment from which a lost pod takes nothing.
            self.queue.add_after(key, CUSTOM_SECONDS)
        new = status(quota, quotas.total(quota, objects, self.clock.now()))
        if new != quota.get("status"):
            try:
                await self.client.update(RESOURCEQUOTAS, {**quota, "status": new}, subresource="status")
            except (Conflict, NotFound):
                self.queue.add_after(key, 0.05)

    async def _objects(self, name: str, space: str) -> list[Object]:
        informer = self._kinds.get(name)
        if informer is not None:
            return [obj for obj in informer.items() if namespace(obj) == space]
        for definition in self._definitions.items():
            found = resources_of(definition)
            if found and found[0].group_resource == name:
                return (await self.client.list(found[0], space)).items
        return []


def _hard(quota: Object) -> Iterable[str]:
    return (quota.get("spec") or {}).get("hard") or {}
