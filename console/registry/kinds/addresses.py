"""Which service addresses and node ports are free.

The server admits one write at a time, so what a scan finds free stays free until the object is stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from common.api import kinds, meta
from common.api.conditions import is_true
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.row import Context

from . import address_forms

MAX_SPAN = 1 << 16  # addresses of a range that are given out; an IPv6 range has more than anybody counts


def other_services(service: Object, context: Context) -> list[Object]:
    """All Services but this one."""
    own = meta.uid(service)
    return [item for item in context.lookup.items(kinds.SERVICES) if item["metadata"].get("uid") != own]


def ranges(context: Context) -> list[str]:
    """What Services get addresses of: the cluster's own ranges, then those of further ServiceCIDRs that are ready."""
    found = list(context.config.service_cidrs)
    for item in sorted(context.lookup.items(kinds.SERVICECIDRS), key=meta.name):
        if is_true(item, "Ready") and not meta.is_deleting(item):
            found += [cidr for cidr in item["spec"]["cidrs"] if cidr not in found]
    return found


def used_addresses(services: Iterable[Object]) -> set[str]:
    """All cluster addresses of the services."""
    found: set[str] = set()
    for service in services:
        spec = service.get("spec") or {}
        found.update(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else ()))
    return found - {"None", ""}


def used_node_ports(services: Iterable[Object]) -> set[tuple[int, str]]:
    """All node ports with their protocols, those for health checks included."""
    found: set[tuple[int, str]] = set()
    for service in services:
        spec = service.get("spec") or {}
        for port in spec.get("ports") or ():
            if port.get("nodePort"):
                found.add((int(port["nodePort"]), str(port.get("protocol", "TCP"))))
        if spec.get("healthCheckNodePort"):
            found.add((int(spec["healthCheckNodePort"]), "TCP"))
    return found


def free_address(cidr: str, used: set[str], seed: str) -> str | None:
    """A free address of the range, None when it is full. The network's own and the broadcast address are never
    given, nor the first one, which is the API's. The search starts where `seed` says, so that neighbours in time are
    no neighbours in address and one that was freed is not reused at once."""
    network = ip_network(cidr)
    last = min(network.num_addresses, MAX_SPAN) - (2 if network.version == 4 else 1)
    return _search(network, used, seed, last)


def _search(network: IPv4Network | IPv6Network, used: set[str], seed: str, last: int) -> str | None:
    count = last - 1
    if count < 1:
        return None
    start = start_of(seed, count)
    for step in range(count):
        address = str(network[2 + (start + step) % count])
        if address not in used:
            return address
    return None


def first_address(cidr: str) -> str:
    """The address of the `kubernetes` Service."""
    return str(ip_network(cidr)[1])


def free_node_port(ports: range, used: set[tuple[int, str]], protocols: Iterable[str], seed: str) -> int | None:
    """A port of the range that is free for all the protocols, None when there is none."""
    wanted = tuple(protocols)
    start = start_of(seed, len(ports))
    for step in range(len(ports)):
        port = ports[(start + step) % len(ports)]
        if not any((port, protocol) in used for protocol in wanted):
            return port
    return None


def start_of(seed: str, count: int) -> int:
    """Where a search starts: evenly spread, the same for the same seed."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") % count


def is_in(address: str, cidr: str) -> bool:
    """Whether the address can be given out of the range."""
    network, parsed = ip_network(cidr), address_forms.address(address)
    if parsed.version != network.version or parsed not in network:
        return False
    return parsed != network.network_address and (network.version == 6 or parsed != network.broadcast_address)


def balancers(obj: Object) -> list[Object]:
    """What the status of a Service or Ingress says of its load balancers."""
    return ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []


_SPECIAL = (
    ("is_unspecified", "may not be unspecified (0.0.0.0 or ::)"),
    ("is_loopback", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
    ("is_link_local", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
)
_MULTICAST = {ip_network("224.0.0.0/24"), ip_network("ff02::/16")}  # those that stay on a link


def special_address(path: str, value: str, known: Container[str] = ()) -> list[Cause]:
    """What keeps an address from being one that many machines can reach; `known` may be written as they were."""
    causes = address_forms.ip(path, value, known)
    if causes:
        return causes
    parsed = address_forms.address(value)
    causes = [validation.wrong(path, value, problem) for field, problem in _SPECIAL if getattr(parsed, field)]
    if any(parsed.version == network.version and parsed in network for network in _MULTICAST):
        problem = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        causes.append(validation.wrong(path, value, problem))
    return causes
