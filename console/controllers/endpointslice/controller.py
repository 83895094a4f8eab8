"""The EndpointSlice controller: acts on `plan`.

Neighbours: agents report readiness in pod status, sessions carry the slices to every node. A pod that is deleted is
not ready from its deletion on, which starts its way out of all tables before its containers are told to stop.
"""

from __future__ import annotations

from typing import ClassVar

from common.api.kinds import NODES, PODS, SERVICES
from common.api.meta import Key, Object, key, labels
from console.controllers.base import Kit

from . import topology
from .plan import MANAGER, plan
from .selected import Selected
from .writer import SliceWriter


class EndpointSliceController(SliceWriter):
    name: ClassVar[str] = "endpointslice-controller"
    component: ClassVar[str] = "endpoint-slice-controller"
    manager: ClassVar[str] = MANAGER
    by_service: ClassVar[str] = "service"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._selected = Selected(kit)
        self._services = self.follow(SERVICES, lambda obj: [key(obj)])
        self._nodes = self.mirror(NODES)
        self._shares: dict[str, float] = {}
        self._nodes.listen(self._node_changed)
        self.follow(PODS, self._selected.services_of)

    async def sync(self, key: Key) -> None:
        if self.is_behind(key) or self.rests(key):
            return
        service = self._services.get(key)
        pods = self._selected.pods_of(service)
        automatic = service is not None and topology.is_automatic(service)
        shares = self._shares if automatic else None
        await self.carry_out(key, plan(service, pods, self.slices_of(key), self._zone_of, shares))
        self.rest(key, len(pods))

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        if topology.matters(old) == topology.matters(new):
            return
        shares = topology.shares_of(self._nodes.items())
        if shares != self._shares:
            self._shares = shares
            for service in self._services.items():
                if topology.is_automatic(service):
                    self.queue.add(key(service))

    def _zone_of(self, node: str) -> str:
        obj = self._nodes.get(Key("", node))
        return labels(obj).get(topology.ZONE, "") if obj is not None else ""
