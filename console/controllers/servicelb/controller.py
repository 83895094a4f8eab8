"""The balancer controller: writes `status.loadBalancer` as `plan` decides, and tells of ports that two ask for.

Neighbours: agents make nftables of the addresses in the status; console/controllers/ingress of those of the proxies.
"""

from __future__ import annotations

from typing import ClassVar

from common.api.ingressclass import class_of, our_classes
from common.api.kinds import ENDPOINTSLICES, INGRESSCLASSES, INGRESSES, NODES, SERVICES
from common.api.meta import Key, Object, is_deleting, key, labels, name, namespace, resource_version, uid
from common.errors import NotFound
from common.settings import ClusterConfig
from console.controllers.base import Controller, Kit, finish_all

from .plan import Decision, addresses_of, decide, is_ours

_ALL = "all"
_SERVICE_LABEL = "kubernetes.io/service-name"


class ServiceBalancerController(Controller[str]):
    """One key: ports belong to nodes, so every Service matters to every other."""

    name: ClassVar[str] = "service-lb-controller"
    component: ClassVar[str] = "service-controller"
    workers: ClassVar[int] = 1

    def __init__(self, kit: Kit, config: ClusterConfig) -> None:
        super().__init__(kit)
        self._ports = frozenset({config.ingress_http_port, config.ingress_https_port})
        self._told: dict[Key, str] = {}
        self._services = self.follow(SERVICES, self._keys)
        self._ingresses = self.follow(INGRESSES, lambda _obj: [_ALL])
        self._classes = self.follow(INGRESSCLASSES, lambda _obj: [_ALL])
        self._slices = self.follow(ENDPOINTSLICES, self._keys_of_slice)
        self._nodes = self.mirror(NODES)
        self._nodes.listen(self._node_changed)

    def _keys(self, service: Object) -> list[str]:
        return [_ALL] if is_ours(service) or addresses_of(service) else []

    def _keys_of_slice(self, obj: Object) -> list[str]:
        service = self._services.get(_service_of(obj))
        return [_ALL] if service is not None and _is_local(service) else []

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        if old is None or new is None or _relevant(old) != _relevant(new):
            self.queue.add(_ALL)

    async def sync(self, key: str) -> None:
        services = list(self._services.items())
        classes = our_classes(self._classes.items())
        proxied = any(class_of(ingress) in classes for ingress in self._ingresses.items())
        found = decide(services, self._nodes.items(), self._local(), self._ports if proxied else frozenset())
        await finish_all(self._write(service, found.get(_key(service), Decision())) for service in services)
        self._told = {service: text for service, text in self._told.items() if service in found}

    def _local(self) -> dict[Key, set[str]]:
        nodes: dict[Key, set[str]] = {}
        for obj in self._slices.items():
            for endpoint in obj.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready") is not False and endpoint.get("nodeName"):
                    nodes.setdefault(_service_of(obj), set()).add(endpoint["nodeName"])
        return nodes

    async def _write(self, service: Object, decision: Decision) -> None:
        self._tell(service, decision)
        spec = service.get("spec") or {}
        # A balancer of another class has its own controller; what has no balancer any more loses its addresses.
        foreign = spec.get("type") == "LoadBalancer" and not is_ours(service)
        if foreign or decision.addresses == addresses_of(service) or is_deleting(service):
            return
        entries = [{"ip": address, "ipMode": "VIP"} for address in decision.addresses]
        patch = {
            "metadata": {"uid": uid(service), "resourceVersion": resource_version(service)},
            "status": {"loadBalancer": {"ingress": entries or None}},
        }
        try:
            await self.client.patch(SERVICES, name(service), patch, namespace(service), subresource="status")
        except NotFound:
            return
        if entries and not addresses_of(service):
            self.events.normal(SERVICES, service, "EnsuredLoadBalancer", "Ensured load balancer")

    def _tell(self, service: Object, decision: Decision) -> None:
        before = self._told.get(_key(service), "")
        if decision.conflict and decision.conflict != before:
            self.events.warning(SERVICES, service, "SyncLoadBalancerFailed", decision.conflict)
        self._told[_key(service)] = decision.conflict


_key = key


def _service_of(obj: Object) -> Key:
    return Key(namespace(obj), labels(obj).get(_SERVICE_LABEL, ""))


def _is_local(service: Object) -> bool:
    return is_ours(service) and (service.get("spec") or {}).get("externalTrafficPolicy") == "Local"


def _relevant(node: Object) -> object:
    status = node.get("status") or {}
    ready = next((item.get("status") for item in status.get("conditions") or () if item.get("type") == "Ready"), None)
    return ready, status.get("addresses"), labels(node)
