"""Publishes where the API answers in the cluster: the endpoints of the Service `default/kubernetes`.

No API server has an address in the pod network: every node has an entrance to it at its pod gateway, and the tables of
a node lead to its own. The objects say so to whoever looks for the API in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import ClassVar

from common.api.conditions import is_true
from common.api.kinds import ENDPOINTS, ENDPOINTSLICES, NODES, Resource
from common.api.meta import Key, Object, is_deleting, name, namespace
from common.errors import NotFound
from common.settings import TUNNEL_PORT, ClusterConfig
from console.controllers.base import Controller, Kit

from .mirror import SKIP_MIRROR
from .plan import SERVICE_NAME

API = Key("default", "kubernetes")
_PORT = {"name": "https", "port": TUNNEL_PORT, "protocol": "TCP"}


def entrances(nodes: Iterable[Object], version: int) -> list[tuple[str, str]]:
    """Address and node of each node that is Ready, in order."""
    found = []
    for node in nodes:
        cidrs = [ip_network(cidr) for cidr in (node.get("spec") or {}).get("podCIDRs") or ()]
        address = next((str(cidr[1]) for cidr in cidrs if cidr.version == version), "")
        if address and is_true(node, "Ready") and not is_deleting(node):
            found.append((address, name(node)))
    return sorted(found)


def wanted(found: list[tuple[str, str]], version: int) -> dict[Resource, Object]:
    """The two objects, without what the API adds."""
    metadata = {"name": API.name, "namespace": API.namespace}
    subset = {"addresses": [{"ip": address, "nodeName": node} for address, node in found], "ports": [_PORT]}
    return {
        ENDPOINTS: {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {**metadata, "labels": {SKIP_MIRROR: "true"}},
            **({"subsets": [subset]} if found else {}),
        },
        ENDPOINTSLICES: {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {SERVICE_NAME: API.name}},
            "addressType": f"IPv{version}",
            "ports": [_PORT],
            "endpoints": [
                {"addresses": [address], "conditions": {"ready": True}, "nodeName": node} for address, node in found
            ],
        },
    }


class ApiEndpointsController(Controller[Key]):
    """One key: the Service of the API."""

    name: ClassVar[str] = "apiserver-endpoints-controller"
    workers: ClassVar[int] = 1

    def __init__(self, kit: Kit, config: ClusterConfig) -> None:
        super().__init__(kit)
        self._version = config.networks(config.service_cidrs)[0].version
        self._nodes = self.follow(NODES, lambda _node: [API])
        self._mirrors = {resource: self.follow(resource, _is_api) for resource in (ENDPOINTS, ENDPOINTSLICES)}

    async def begin(self) -> None:
        self.queue.add(API)

    async def sync(self, key: Key) -> None:
        found = entrances(self._nodes.items(), self._version)
        for resource, obj in wanted(found, self._version).items():
            current = self._mirrors[resource].get(key)
            if current is None:
                await self.client.create(resource, obj, key.namespace)
            elif any(current.get(field) != value for field, value in obj.items() if field != "metadata") or (
                "subsets" in current and "subsets" not in obj
            ):
                try:
                    await self.client.update(resource, {**obj, "metadata": {**current["metadata"]}})
                except NotFound:
                    self.queue.add(key)


def _is_api(obj: Object) -> list[Key]:
    return [API] if (namespace(obj), name(obj)) == (API.namespace, API.name) else []
