"""The endpoints that a Service should have, from its pods. Pure.

Kubernetes' rules: serving is the pod's readiness, ready also needs that the pod is not being deleted, and
`publishNotReadyAddresses` makes every endpoint ready. A pod that ended, or has no address yet, is no endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeAlias

from common.api.meta import Object, is_deleting, name, namespace, uid
from common.api.pods import ips, is_ready, is_terminal, node_name

from . import topology

ZoneOf: TypeAlias = Callable[[str], str]
"""The zone of a node by its name, empty when it has none."""


@dataclass(frozen=True, slots=True)
class Group:
    """Endpoints that share a slice must share address type and ports."""

    family: str
    ports: tuple[tuple[str, str, int, str], ...]  # name, protocol, port, appProtocol

    def port_list(self) -> list[Object]:
        return [
            {"name": port_name, "protocol": protocol, "port": port}
            | ({"appProtocol": app_protocol} if app_protocol else {})
            for port_name, protocol, port, app_protocol in self.ports
        ]


def families(service: Object) -> list[str]:
    spec = service["spec"]
    found = spec.get("ipFamilies")
    if found:
        return list(found)
    address = spec.get("clusterIP") or ""
    return ["IPv6"] if ":" in address else ["IPv4"]


def desired(
    service: Object, pods: Iterable[Object], zone_of: ZoneOf, shares: Mapping[str, float] | None = None
) -> dict[Group, dict[str, Object]]:
    """Endpoints by group and address. A family without endpoints has an empty group, so that its slice exists.
    `shares` are those of the zones, for a Service that asks for hints by them."""
    groups: dict[Group, dict[str, Object]] = {}
    wanted = families(service)
    prefers = str(service["spec"].get("trafficDistribution") or "") if shares is None else ""
    for pod in pods:
        if is_terminal(pod):
            continue
        ports = ports_of(service, pod)
        for family in wanted:
            address = address_of(pod, family)
            if address:
                group = groups.setdefault(Group(family, ports), {})
                group[address] = hinted(endpoint(service, pod, address, zone_of), prefers)
    for family in wanted:
        if not any(group.family == family for group in groups):
            groups[Group(family, ())] = {}
    return groups if shares is None else _by_zones(groups, wanted, shares)


def _by_zones(
    groups: dict[Group, dict[str, Object]], wanted: Iterable[str], shares: Mapping[str, float]
) -> dict[Group, dict[str, Object]]:
    """The same with hints for the zones' shares, in each family on its own."""
    told: dict[str, str] = {}
    for family in wanted:
        ready = {
            address: str(entry.get("zone") or "")
            for group, found in groups.items()
            if group.family == family
            for address, entry in found.items()
            if entry["conditions"]["ready"]
        }
        told |= topology.hints(ready, shares)
    return {
        group: {
            address: {**entry, "hints": {"forZones": [{"name": told[address]}]}} if address in told else entry
            for address, entry in found.items()
        }
        for group, found in groups.items()
    }


def address_of(pod: Object, family: str) -> str:
    """The pod's address of that family, empty when it has none."""
    return next((ip for ip in ips(pod) if f"IPv{ip_address(ip).version}" == family), "")


def hinted(entry: Object, prefers: str) -> Object:
    """The endpoint with hints for whom it is meant, by the Service's trafficDistribution. One that is not ready has
    none, as it is used only where nothing better is."""
    if not prefers or not entry["conditions"]["ready"]:
        return entry
    hints: Object = {}
    if entry.get("zone"):
        hints["forZones"] = [{"name": entry["zone"]}]
    if prefers == "PreferSameNode" and entry.get("nodeName"):
        hints["forNodes"] = [{"name": entry["nodeName"]}]
    return {**entry, "hints": hints} if hints else entry


def endpoint(service: Object, pod: Object, address: str, zone_of: ZoneOf) -> Object:
    serving = is_ready(pod)
    terminating = is_deleting(pod)
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    endpoint: Object = {
        "addresses": [address],
        "conditions": {
            "ready": published or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": {"kind": "Pod", "namespace": namespace(pod), "name": name(pod), "uid": uid(pod)},
    }
    node = node_name(pod)
    if node:
        endpoint["nodeName"] = node
    zone = zone_of(node)
    if zone:
        endpoint["zone"] = zone
    spec = pod.get("spec") or {}
    if spec.get("hostname") and spec.get("subdomain") == name(service):
        endpoint["hostname"] = spec["hostname"]
    return endpoint


def ports_of(service: Object, pod: Object) -> tuple[tuple[str, str, int, str], ...]:
    """The pod's side of the Service's ports; a named one that the pod does not have is left out for it."""
    found = []
    for port in service["spec"].get("ports") or ():
        protocol = port.get("protocol") or "TCP"
        number = _target(port, protocol, pod)
        if number is not None:
            found.append((port.get("name") or "", protocol, number, port.get("appProtocol") or ""))
    return tuple(found)


def _target(port: Object, protocol: str, pod: Object) -> int | None:
    target = port.get("targetPort")
    if target is None or target == 0 or target == "":
        return int(port["port"])
    if isinstance(target, int):
        return target
    spec = pod.get("spec") or {}
    sidecars = [item for item in spec.get("initContainers") or () if item.get("restartPolicy") == "Always"]
    for container in [*(spec.get("containers") or ()), *sidecars]:
        for offered in container.get("ports") or ():
            if offered.get("name") == target and (offered.get("protocol") or "TCP") == protocol:
                return int(offered["containerPort"])
    return None
