"""What the controllers of slices share: carrying a plan out, not deciding by a mirror that lags, and rests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from common.api.kinds import ENDPOINTSLICES, Resource
from common.api.meta import Key, Object, labels, name, namespace, uid
from common.errors import AlreadyExists, ApiError, NotFound
from console.controllers.base import Controller, Kit
from console.controllers.expectations import Expectations

from .layout import Plan
from .plan import MANAGED_BY, SERVICE_NAME

# Every pod that changes means all endpoints of its Service anew, for every node: a thousand pods that start together
# would mean a million. Up to so many endpoints a change goes out at once, beyond that a Service rests in between.
MAX_UNRESTED = 100
REST_SECONDS = 0.001  # an endpoint


class PlanWriter(Controller[Key]):
    """Keys are Services. `resource` is what plans are about."""

    resource: ClassVar[Resource]
    workers: ClassVar[int] = 5

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.expectations: Expectations[Key] = Expectations(kit.clock)
        self._rests: dict[Key, float] = {}  # until when a Service of many endpoints is left alone
        self.mirrored = self.mirror(self.resource)
        self.mirrored.listen(self._changed)

    def services_of(self, obj: Object) -> Iterable[Key]:
        """The Services that one of the objects that are planned concerns."""
        raise NotImplementedError

    def _changed(self, old: Object | None, new: Object | None) -> None:
        for obj in (old, new):
            for service in self.services_of(obj) if obj is not None else ():
                if new is not None and obj is not None:
                    self.expectations.seen(service, name(obj))
                self.queue.add(service)

    def is_behind(self, key: Key) -> bool:
        """Whether the mirror lacks what was just made: planning without it would make it twice. Comes again."""
        waiting = self.expectations.remaining(key)
        if waiting:
            self.queue.add_after(key, waiting)
        return waiting > 0

    def rests(self, key: Key) -> bool:
        """Whether the Service is to be left alone for now. Comes again."""
        rest = self._rests.get(key, 0.0) - self.clock.monotonic()
        if rest > 0:
            self.queue.add_after(key, rest)
        else:
            self._rests.pop(key, None)
        return rest > 0

    def rest(self, key: Key, endpoints: int) -> None:
        """The Service, which has so many, was looked after."""
        if (rest := (endpoints - MAX_UNRESTED) * REST_SECONDS) > 0:
            self._rests[key] = self.clock.monotonic() + rest

    async def carry_out(self, key: Key, todo: Plan) -> None:
        # Updates first: they may take endpoints out, which is more urgent than anything that comes in.
        for obj in todo.update:
            await self.client.update(self.resource, obj)
        for obj in todo.create:
            self.expectations.expect(key, name(obj))
            try:
                await self.client.create(self.resource, obj, key.namespace)
            except AlreadyExists:
                self.expectations.seen(key, name(obj))
            except ApiError as error:
                if error.code < 500:
                    self.expectations.seen(key, name(obj))
                raise
        for obj in todo.delete:
            try:
                await self.client.delete(self.resource, name(obj), key.namespace, uid=uid(obj))
            except NotFound:
                continue


class SliceWriter(PlanWriter):
    """Writes the slices that carry its `manager`; slices of others are none of its business."""

    resource: ClassVar[Resource] = ENDPOINTSLICES
    manager: ClassVar[str]
    by_service: ClassVar[str]  # index of slices by Service

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.index(ENDPOINTSLICES, self.by_service, lambda obj: [str(key) for key in self.services_of(obj)])

    def services_of(self, obj: Object) -> Iterable[Key]:
        found = labels(obj)
        if found.get(MANAGED_BY) != self.manager or not found.get(SERVICE_NAME):
            return []
        return [Key(namespace(obj), found[SERVICE_NAME])]

    def slices_of(self, service: Key) -> list[Object]:
        return list(self.mirrored.by_index(self.by_service, str(service)))
