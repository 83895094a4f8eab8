"""Which addresses each Service of type LoadBalancer gets. Pure.

The nodes are the balancer, as with k3s' ServiceLB: a port of a Service is that port of every Ready node. So a port can
belong to one Service only; who has it keeps it, among the others the oldest gets it. With policy Local only nodes with
a ready endpoint count, as no other would answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from common.api.conditions import get_condition
from common.api.meta import Key, Object, is_deleting, key, labels, metadata, name

CLASS = "quarterdeck.io/nodes"
"""The loadBalancerClass that is ours, besides none at all."""
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


@dataclass(frozen=True, slots=True)
class Decision:
    """`addresses` for the status; `conflict` says who has a port that this Service asks for."""

    addresses: tuple[str, ...] = ()
    conflict: str = ""


def decide(
    services: Iterable[Object],
    nodes: Iterable[Object],
    local: Mapping[Key, set[str]],
    ingress_ports: frozenset[int],
) -> dict[Key, Decision]:
    """For every Service that is ours. `local` are the nodes with ready endpoints, by Service; `ingress_ports` are taken
    by the nodes' proxies."""
    usable = sorted((node for node in nodes if _is_usable(node)), key=name)
    owners: dict[tuple[int, str], str] = {}
    found: dict[Key, Decision] = {}
    settled = False
    for service in sorted((service for service in services if is_ours(service)), key=_precedence):
        if not settled and not addresses_of(service):
            # Whoever has no address yet comes after the proxies.
            settled = True
            for port in ingress_ports:
                owners.setdefault((port, "TCP"), "the Ingresses of this cluster")
        conflict = _claim(service, owners)
        found[key(service)] = Decision((), conflict) if conflict else Decision(_addresses(service, usable, local))
    return found


def is_ours(service: Object) -> bool:
    spec = service.get("spec") or {}
    return (
        spec.get("type") == "LoadBalancer"
        and spec.get("loadBalancerClass") in {None, CLASS}
        and not is_deleting(service)
    )


def addresses_of(service: Object) -> tuple[str, ...]:
    """Those that the Service has now."""
    entries = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return tuple(str(entry.get("ip", "")) for entry in entries)


def _precedence(service: Object) -> tuple[bool, str, Key]:
    return not addresses_of(service), str(metadata(service).get("creationTimestamp", "")), key(service)


def _claim(service: Object, owners: dict[tuple[int, str], str]) -> str:
    ports = [(int(port["port"]), str(port.get("protocol") or "TCP")) for port in service["spec"].get("ports") or ()]
    for port in ports:
        if port in owners:
            return f"port {port[0]}/{port[1]} of the nodes belongs to {owners[port]}"
    owners.update(dict.fromkeys(ports, f"Service {key(service)}"))
    return ""


def _is_usable(node: Object) -> bool:
    ready = get_condition(node, "Ready")
    return ready is not None and ready.get("status") == "True" and EXCLUDED not in labels(node)


def _addresses(service: Object, nodes: Iterable[Object], local: Mapping[Key, set[str]]) -> tuple[str, ...]:
    spec = service["spec"]
    only = local.get(key(service), set()) if spec.get("externalTrafficPolicy") == "Local" else None
    chosen = [node for node in nodes if only is None or name(node) in only]
    families = spec.get("ipFamilies") or ["IPv4"]
    return tuple(address for family in families for node in chosen for address in node_addresses(node, int(family[-1])))


def node_addresses(node: Object, version: int) -> list[str]:
    """The first InternalIP of that IP version."""
    entries = (node.get("status") or {}).get("addresses") or ()
    texts = [str(entry.get("address")) for entry in entries if entry.get("type") == "InternalIP"]
    return [text for text in texts if _version(text) == version][:1]


def _version(text: str) -> int:
    try:
        return ip_address(text).version
    except ValueError:
        return 0
