"""What every cluster has from the start: Kubernetes' namespaces and priority classes, the Service of the API, and the
class of Ingresses that the nodes serve."""

from __future__ import annotations

from common import settings
from common.api import ingressclass
from common.api.kinds import INGRESSCLASSES, NAMESPACES, PRIORITYCLASSES, SERVICES, Resource
from common.api.meta import Object, name, namespace
from common.client.base import Client
from common.errors import NotFound
from console.registry.kinds.scheduling import SYSTEM_CLASSES

NAMES = ("default", "kube-system", "kube-public", "kube-node-lease")


async def seed(client: Client) -> None:
    """Create what is missing."""
    for title in NAMES:
        await _ensure(client, NAMESPACES, {"metadata": {"name": title}})
    for priority_class in SYSTEM_CLASSES:
        await _ensure(client, PRIORITYCLASSES, priority_class)
    await _ensure(client, SERVICES, api_service())
    await _ensure(client, INGRESSCLASSES, ingressclass.built_in())


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
