"""Whom a proxied request is for, by the name in its path; with Kubernetes' rules and messages. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass

from common.api import meta
from common.api.kinds import ENDPOINTSLICES
from common.api.meta import Object
from common.api.pods import ips, node_name
from common.errors import BadRequest, ServiceUnavailable
from console.registry.row import Lookup

SERVICE_NAME = "kubernetes.io/service-name"
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Asked:
    """A name as it stands in the path: `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`."""

    scheme: str
    name: str
    port: str  # a number, a name or empty


@dataclass(frozen=True, slots=True)
class Target:
    """`pod` is the pod that answers, as namespace and name, on `node`; without one, `address` is asked itself."""

    scheme: str
    address: str
    port: int
    node: str = ""
    pod: tuple[str, str] | None = None


def split(name: str) -> Asked:
    parts = name.split(":")
    if len(parts) == 3 and parts[0] in DEFAULT_PORTS and parts[1]:
        return Asked(*parts)
    if len(parts) == 2 and all(parts):
        return Asked("", *parts)
    if len(parts) == 1:
        return Asked("", name, "")
    raise BadRequest(f'invalid request "{name}"')


def of_pod(asked: Asked, pod: Object) -> Target:
    """The port asked for or, without one, the first that a container names."""
    scheme = asked.scheme or "http"
    if asked.port and not _is_port(asked.port):
        raise BadRequest(f'invalid pod port "{asked.port}": allowed are 1 to 65535')
    named = [port for item in (pod.get("spec") or {}).get("containers") or () for port in item.get("ports") or ()]
    default = int(named[0]["containerPort"]) if named else DEFAULT_PORTS[scheme]
    addresses = ips(pod)
    if not addresses or not node_name(pod):
        raise BadRequest("address not allowed")
    port = int(asked.port) if asked.port else default
    return Target(scheme, addresses[0], port, node_name(pod), (meta.namespace(pod), meta.name(pod)))


def of_service(asked: Asked, service: Object, subsets: list[Object]) -> Target:
    """One of the ready endpoints behind the port; `subsets` are those of the Service's Endpoints."""
    ports = (service.get("spec") or {}).get("ports") or []
    wanted = asked.port
    if _is_port(wanted):
        known = [port for port in ports if port.get("port") == int(wanted)]
        if not known:
            raise ServiceUnavailable(f'no service port {int(wanted)} found for service "{asked.name}"')
        wanted = str(known[0].get("name") or "")
    if not subsets:
        raise ServiceUnavailable(f'no endpoints available for service "{asked.name}"')
    found = [
        (address, int(port["port"]))
        for subset in subsets
        for port in subset.get("ports") or ()
        if (port.get("name") or "") == wanted
        for address in subset.get("addresses") or ()
    ]
    if not found:
        raise ServiceUnavailable(f'no endpoints available for service "{service_name(asked)}"')
    address, port = random.choice(found)  # noqa: S311 - spreads load, guards nothing
    reference = address.get("targetRef") or {}
    pod = (str(reference.get("namespace")), str(reference.get("name"))) if reference.get("kind") == "Pod" else None
    return Target(asked.scheme or "http", str(address["ip"]), port, str(address.get("nodeName") or ""), pod)


def of_endpoint(target: Target, pod: Object | None) -> Target:
    """An endpoint whose pod is gone is asked by its address, like one that never was a pod."""
    gone = pod is None or not target.node
    return Target(target.scheme, target.address, target.port) if gone else target


def slices_of(lookup: Lookup, namespace: str, name: str) -> list[Object]:
    """The EndpointSlices of a Service."""
    return [
        item
        for item in lookup.items(ENDPOINTSLICES)
        if meta.namespace(item) == namespace and meta.labels(item).get(SERVICE_NAME) == name
    ]


def subsets(slices: list[Object]) -> list[Object]:
    """What is ready in slices, in the form that Endpoints have."""
    found = []
    for item in slices:
        ready = [one for one in item.get("endpoints") or () if (one.get("conditions") or {}).get("ready") is not False]
        addresses = [{**one, "ip": address} for one in ready for address in one.get("addresses") or ()]
        found.append({"addresses": addresses, "ports": item.get("ports") or []})
    return found


def service_name(asked: Asked) -> str:
    """As it was asked for."""
    return ":".join(part for part in (asked.scheme, asked.name, asked.port) if part)


def _is_port(text: str) -> bool:
    return len(text) <= 5 and text.isascii() and text.isdecimal() and 0 < int(text) < 65536
