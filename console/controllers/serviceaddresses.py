"""Addresses of Services as objects: an IPAddress for each, and ServiceCIDRs that are ready and stay while in use.

The registry gives the addresses out, in one turn with the write of the Service; what is kept here shows who has which,
and keeps a range from going while Services have addresses of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import ClassVar

from common.api.conditions import get_condition, set_condition
from common.api.kinds import IPADDRESSES, SERVICECIDRS, SERVICES
from common.api.meta import Key, Object, is_deleting, key, labels, metadata, name, resource_version, uid
from common.errors import AlreadyExists, NotFound
from console.controllers.base import Controller, Kit

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
FAMILY = "ipaddress.kubernetes.io/ip-family"
MANAGED_BY = "ipaddress.kubernetes.io/managed-by"
MANAGER = "ipallocator.k8s.io"
BY_SERVICE = "service"
_READY = ("True", "", "Kubernetes Service CIDR is ready")
_IN_USE = (
    "False", "Terminating",
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
)  # fmt: skip


def addresses_of(service: Object) -> dict[str, Object]:
    """The IPAddresses of a Service by their names."""
    spec = service.get("spec") or {}
    found = {}
    for text in spec.get("clusterIPs") or ():
        if text != "None":
            marks = {FAMILY: f"IPv{ip_address(text).version}", MANAGED_BY: MANAGER}
            place = key(service)
            parent = {"group": "", "resource": SERVICES.plural, "namespace": place.namespace, "name": place.name}
            found[text] = {"metadata": {"name": text, "labels": marks}, "spec": {"parentRef": parent}}
    return found


def _service_of(address: Object) -> list[Key]:
    parent = (address.get("spec") or {}).get("parentRef") or {}
    if parent.get("resource") != SERVICES.plural or parent.get("group"):
        return []
    return [Key(str(parent.get("namespace") or ""), str(parent.get("name") or ""))]


def is_in_use(gone: Object, ranges: Iterable[Object], addresses: Iterable[str]) -> bool:
    """Whether an address is of this range and of no other that stays."""
    own = [ip_network(cidr) for cidr in (gone.get("spec") or {}).get("cidrs") or ()]
    others = [
        ip_network(cidr)
        for item in ranges
        if uid(item) != uid(gone) and not is_deleting(item)
        for cidr in (item.get("spec") or {}).get("cidrs") or ()
    ]
    held = (ip_address(text) for text in addresses)
    return any(
        any(address in network for network in own) and not any(address in network for network in others)
        for address in held
    )


class ServiceAddressController(Controller[Key]):
    """Keys are Services."""

    name: ClassVar[str] = "service-ip-address-controller"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.index(IPADDRESSES, BY_SERVICE, lambda obj: [str(place) for place in _service_of(obj)])
        self._services = self.follow(SERVICES, lambda obj: [key(obj)])
        self._addresses = self.follow(IPADDRESSES, _service_of)

    async def sync(self, key: Key) -> None:
        service = self._services.get(key)
        wanted = addresses_of(service) if service is not None else {}
        for found in self._addresses.by_index(BY_SERVICE, str(key)):
            if name(found) in wanted:
                del wanted[name(found)]
            elif labels(found).get(MANAGED_BY) == MANAGER:
                await self._release(found)
        for made in wanted.values():
            try:
                await self.client.create(IPADDRESSES, made)
            except AlreadyExists:
                # Left by another Service, or made by a user: the mirror will show what becomes of it.
                self.queue.add_after(key, 1.0)

    async def _release(self, address: Object) -> None:
        try:
            await self.client.delete(IPADDRESSES, name(address), uid=uid(address))
        except NotFound:
            return


class ServiceRangeController(Controller[Key]):
    """Keys are ServiceCIDRs."""

    name: ClassVar[str] = "service-cidr-controller"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._ranges = self.follow(SERVICECIDRS, lambda obj: [key(obj)])
        self._addresses = self.follow(IPADDRESSES, lambda _obj: [key(item) for item in self._ending()])

    def _ending(self) -> list[Object]:
        return [item for item in self._ranges.items() if is_deleting(item)]

    async def sync(self, key: Key) -> None:
        found = self._ranges.get(key)
        if found is None:
            return
        finalizers = list(metadata(found).get("finalizers") or ())
        if not is_deleting(found):
            if FINALIZER not in finalizers:
                found = await self._hold(found, [*finalizers, FINALIZER])
            await self._tell(found, _READY)
        elif FINALIZER in finalizers:
            if is_in_use(found, self._ranges.items(), map(name, self._addresses.items())):
                await self._tell(found, _IN_USE)
            else:
                await self._hold(found, [item for item in finalizers if item != FINALIZER])

    async def _hold(self, found: Object, finalizers: list[str]) -> Object:
        guard = {"uid": uid(found), "resourceVersion": resource_version(found)}
        patch = {"metadata": {**guard, "finalizers": finalizers or None}}
        return await self.client.patch(SERVICECIDRS, name(found), patch)

    async def _tell(self, found: Object, told: tuple[str, str, str]) -> None:
        status, reason, message = told
        if (get_condition(found, "Ready") or {}).get("status") == status:
            return
        current = list((found.get("status") or {}).get("conditions") or ())
        patch = {
            "metadata": {"uid": uid(found), "resourceVersion": resource_version(found)},
            "status": {"conditions": set_condition(current, "Ready", status, reason, message, self.clock.now())},
        }
        await self.client.patch(SERVICECIDRS, name(found), patch, subresource="status")
