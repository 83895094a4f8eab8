"""The EndpointSlice controller: acts on `plan`.

Neighbours: agents report readiness in pod status, sessions carry the slices to every node. A pod that is deleted is
not ready from its deletion on, which starts its way out of all tables before its containers are told to stop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from common.api.kinds import ENDPOINTSLICES, NODES, PODS, SERVICES
from common.api.meta import Key, Object, key, labels, name, namespace, uid
from common.api.selectors import from_labels
from common.errors import AlreadyExists, ApiError, NotFound
from console.controllers.base import BY_NAMESPACE, Controller, Kit, namespace_index
from console.controllers.expectations import Expectations

from .plan import MANAGED_BY, MANAGER, SERVICE_NAME, Plan, plan

ZONE = "topology.kubernetes.io/zone"
_BY_SERVICE, _BY_LABEL = "service", "label"
# Every pod that changes means all endpoints of its Service anew, for every node: a thousand pods that start together
# would mean a million. Up to so many endpoints a change goes out at once, beyond that a Service rests in between.
MAX_UNRESTED = 100
REST_SECONDS = 0.001  # an endpoint


class EndpointSliceController(Controller[Key]):
    """Keys are Services."""

    name: ClassVar[str] = "endpointslice-controller"
    workers: ClassVar[int] = 5

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.expectations: Expectations[Key] = Expectations(kit.clock)
        self._rests: dict[Key, float] = {}  # until when a Service of many endpoints is left alone
        self.index(PODS, _BY_LABEL, lambda pod: [_label(namespace(pod), item) for item in labels(pod).items()])
        self.index(SERVICES, BY_NAMESPACE, namespace_index)
        self.index(ENDPOINTSLICES, _BY_SERVICE, lambda obj: [str(key) for key in _service_of(obj)])
        self._services = self.follow(SERVICES, lambda obj: [key(obj)])
        self._nodes = self.mirror(NODES)
        self._slices = self.mirror(ENDPOINTSLICES)
        self._slices.listen(self._slice_changed)
        self._pods = self.follow(PODS, self._services_of)

    def _slice_changed(self, old: Object | None, new: Object | None) -> None:
        for obj in (old, new):
            for service in _service_of(obj) if obj is not None else ():
                if new is not None and obj is not None:
                    self.expectations.seen(service, name(obj))
                self.queue.add(service)

    def _services_of(self, pod: Object) -> Iterable[Key]:
        pod_labels = labels(pod)
        for service in self._services.by_index(BY_NAMESPACE, namespace(pod)):
            selector = service["spec"].get("selector")
            if selector and all(pod_labels.get(field) == value for field, value in selector.items()):
                yield key(service)

    async def sync(self, key: Key) -> None:
        service = self._services.get(key)
        waiting = self.expectations.remaining(key)
        if waiting:
            # A slice that was just made is not mirrored yet; planning without it would make it twice.
            self.queue.add_after(key, waiting)
            return
        if (rest := self._rests.pop(key, 0.0) - self.clock.monotonic()) > 0:
            self._rests[key] = self.clock.monotonic() + rest
            self.queue.add_after(key, rest)
            return
        pods = self._selected(key.namespace, service["spec"].get("selector")) if service is not None else []
        await self._apply(key, plan(service, pods, self._slices.by_index(_BY_SERVICE, str(key)), self._zone_of))
        if (rest := (len(pods) - MAX_UNRESTED) * REST_SECONDS) > 0:
            self._rests[key] = self.clock.monotonic() + rest

    def _selected(self, space: str, wanted: dict[str, str] | None) -> list[Object]:
        """The pods that a Service selects, found by the rarest of its labels."""
        if not wanted:
            return []
        selector = from_labels(wanted)
        found = min((self._pods.by_index(_BY_LABEL, _label(space, item)) for item in wanted.items()), key=len)
        return [pod for pod in found if selector.matches(labels(pod))]

    def _zone_of(self, node: str) -> str:
        obj = self._nodes.get(Key("", node))
        return labels(obj).get(ZONE, "") if obj is not None else ""

    async def _apply(self, key: Key, todo: Plan) -> None:
        # Updates first: they may take endpoints out, which is more urgent than anything that comes in.
        for obj in todo.update:
            await self.client.update(ENDPOINTSLICES, obj)
        for obj in todo.create:
            self.expectations.expect(key, name(obj))
            try:
                await self.client.create(ENDPOINTSLICES, obj, key.namespace)
            except AlreadyExists:
                self.expectations.seen(key, name(obj))
            except ApiError as error:
                if error.code < 500:
                    self.expectations.seen(key, name(obj))
                raise
        for obj in todo.delete:
            try:
                await self.client.delete(ENDPOINTSLICES, name(obj), key.namespace, uid=uid(obj))
            except NotFound:
                continue


def _label(space: str, item: tuple[str, str]) -> str:
    return f"{space}/{item[0]}={item[1]}"


def _service_of(endpointslice: Object) -> list[Key]:
    """The Service of a slice that this controller manages; slices of others are none of its business."""
    found = labels(endpointslice)
    if found.get(MANAGED_BY) != MANAGER or not found.get(SERVICE_NAME):
        return []
    return [Key(namespace(endpointslice), found[SERVICE_NAME])]
