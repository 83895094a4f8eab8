"""The EndpointSlice mirroring controller: what users write into Endpoints reaches every node as slices."""

from __future__ import annotations

from typing import ClassVar

from common.api.kinds import ENDPOINTS, SERVICES
from common.api.meta import Key, key
from console.controllers.base import Kit

from .mirror import MIRROR_MANAGER, mirror
from .writer import SliceWriter


class MirroringController(SliceWriter):
    name: ClassVar[str] = "endpointslicemirroring-controller"
    component: ClassVar[str] = "endpoint-slice-mirroring-controller"
    manager: ClassVar[str] = MIRROR_MANAGER
    by_service: ClassVar[str] = "mirrored service"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._services = self.follow(SERVICES, lambda obj: [key(obj)])
        self._endpoints = self.follow(ENDPOINTS, lambda obj: [key(obj)])

    async def sync(self, key: Key) -> None:
        if not self.is_behind(key):
            todo = mirror(self._endpoints.get(key), self._services.get(key), self.slices_of(key))
            await self.carry_out(key, todo)
