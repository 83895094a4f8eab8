"""The Endpoints controller: keeps the older kind for clients that know no EndpointSlices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from common.api import meta
from common.api.kinds import ENDPOINTS, PODS, SERVICES, Resource
from common.api.meta import Key, Object
from console.controllers.base import Kit

from .selected import Selected
from .subsets import plan
from .writer import PlanWriter


class EndpointsController(PlanWriter):
    name: ClassVar[str] = "endpoint-controller"
    resource: ClassVar[Resource] = ENDPOINTS

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._selected = Selected(kit)
        self._deleted: set[Key] = set()  # Services that went, until their Endpoints have gone too
        self._services = self.mirror(SERVICES)
        self._services.listen(self._service_changed)
        self.follow(PODS, self._selected.services_of)

    def services_of(self, obj: Object) -> Iterable[Key]:
        return [meta.key(obj)]

    def _service_changed(self, old: Object | None, new: Object | None) -> None:
        for obj in (old, new):
            if obj is not None:
                self.queue.add(meta.key(obj))
        if new is not None:
            self._deleted.discard(meta.key(new))
        elif old is not None:
            self._deleted.add(meta.key(old))

    async def sync(self, key: Key) -> None:
        if self.is_behind(key) or self.rests(key):
            return
        service = self._services.get(key)
        pods = self._selected.pods_of(service)
        todo = plan(service, pods, self.mirrored.get(key), was_deleted=key in self._deleted)
        await self.carry_out(key, todo)
        self.rest(key, len(pods))
        self._deleted.discard(key)
