"""What every cluster has from the start: Kubernetes' namespaces and priority classes, the Service of the API, the class
of Ingresses that the nodes serve, the range of Services, and storage."""

from __future__ import annotations

from collections.abc import Iterable

from common import settings
from common.api import ingressclass, storage
from common.api.kinds import (
    APISERVICES,
    CSIDRIVERS,
    INGRESSCLASSES,
    NAMESPACES,
    PRIORITYCLASSES,
    SERVICECIDRS,
    SERVICES,
    STORAGECLASSES,
    Resource,
)
from common.api.meta import Object, format_time, name, namespace
from common.client.base import Client
from common.clock import Clock
from common.errors import NotFound
from console.registry.kinds import apiservices, serviceranges
from console.registry.kinds.scheduling import SYSTEM_CLASSES

NAMES = ("default", "kube-system", "kube-public", "kube-node-lease")


async def seed(client: Client, served: Iterable[tuple[str, str]]) -> None:
    """Create what is missing. `served` are the groups and versions that are built in. The default class comes once,
    with the cluster: whoever deletes it means it."""
    if await _is_new(client):
        await _ensure(client, STORAGECLASSES, local_class())
    for driver in storage.DRIVERS.values():
        await _ensure(client, CSIDRIVERS, {"metadata": {"name": driver}, "spec": {"attachRequired": False}})
    for title in NAMES:
        await _ensure(client, NAMESPACES, {"metadata": {"name": title}})
    for priority_class in SYSTEM_CLASSES:
        await _ensure(client, PRIORITYCLASSES, priority_class)
    for group, version in served:
        await _ensure(client, APISERVICES, apiservices.described(group, version))
    await _ensure(client, SERVICES, api_service())
    await _ensure(client, INGRESSCLASSES, ingressclass.built_in())


async def seed_range(client: Client, cidrs: Iterable[str], clock: Clock) -> None:
    """The ServiceCIDR of the cluster's own range, which is ready from the start: Services have their addresses of
    it."""
    made = serviceranges.default_range(cidrs)
    await _ensure(client, SERVICECIDRS, made)
    condition = {
        "type": serviceranges.READY,
        "status": "True",
        "lastTransitionTime": format_time(clock.now()),
        "reason": "",
        "message": "Kubernetes default Service CIDR is ready",
    }
    found = await client.get(SERVICECIDRS, name(made))
    if not (found.get("status") or {}).get("conditions"):
        patch = {"status": {"conditions": [condition]}}
        await client.patch(SERVICECIDRS, name(made), patch, subresource="status")


async def _is_new(client: Client) -> bool:
    try:
        await client.get(NAMESPACES, NAMES[0])
    except NotFound:
        return True
    return False


def local_class() -> Object:
    """Folders on the node that the scheduler chooses: needs no server, so every cluster can have it."""
    return {
        "metadata": {"name": "local", "annotations": {storage.DEFAULT_CLASS: "true"}},
        "provisioner": storage.LOCAL,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": storage.WAIT_FOR_FIRST_CONSUMER,
        "allowVolumeExpansion": True,
    }


def api_service() -> Object:
    """`default/kubernetes`: no selector, its endpoints are the agents' own entrances to the API."""
    return {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": settings.API_PORT}],
        },
    }


async def _ensure(client: Client, resource: Resource, obj: Object) -> None:
    # Asked first: a second Service with the API's own address would be refused for the address, not for the name.
    try:
        await client.get(resource, name(obj), namespace(obj) or None)
    except NotFound:
        await client.create(resource, obj)
