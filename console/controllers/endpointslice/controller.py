"""The EndpointSlice controller: acts on `plan`.

Neighbours: agents report readiness in pod status, sessions carry the slices to every node. A pod that is deleted is
not ready from its deletion on, which starts its way out of all tables before its containers are told to stop.
"""

from __future__ import annotations

from typing import ClassVar

from common.api.kinds import NODES, PODS, SERVICES
from common.api.meta import Key, key, labels
from console.controllers.base import Kit

from .plan import MANAGER, plan
from .selected import Selected
from .writer import SliceWriter

ZONE = "topology.kubernetes.io/zone"
# Every pod that changes means all endpoints of its Service anew, for every node: a thousand pods that start together
# would mean a million. Up to so many endpoints a change goes out at once, beyond that a Service rests in between.
MAX_UNRESTED = 100
REST_SECONDS = 0.001  # an endpoint


class EndpointSliceController(SliceWriter):
    name: ClassVar[str] = "endpointslice-controller"
    component: ClassVar[str] = "endpoint-slice-controller"
    manager: ClassVar[str] = MANAGER
    by_service: ClassVar[str] = "service"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._selected = Selected(kit)
        self._rests: dict[Key, float] = {}  # until when a Service of many endpoints is left alone
        self._services = self.follow(SERVICES, lambda obj: [key(obj)])
        self._nodes = self.mirror(NODES)
        self.follow(PODS, self._selected.services_of)

    async def sync(self, key: Key) -> None:
        if self.is_behind(key):
            return
        if (rest := self._rests.pop(key, 0.0) - self.clock.monotonic()) > 0:
            self._rests[key] = self.clock.monotonic() + rest
            self.queue.add_after(key, rest)
            return
        service = self._services.get(key)
        pods = self._selected.pods_of(service)
        await self.carry_out(key, plan(service, pods, self.slices_of(key), self._zone_of))
        if (rest := (len(pods) - MAX_UNRESTED) * REST_SECONDS) > 0:
            self._rests[key] = self.clock.monotonic() + rest

    def _zone_of(self, node: str) -> str:
        obj = self._nodes.get(Key("", node))
        return labels(obj).get(ZONE, "") if obj is not None else ""
