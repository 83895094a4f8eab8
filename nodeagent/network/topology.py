"""What Node objects say about the network: who has which slice of the pod networks and which addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from common.api import meta
from common.api.meta import Object
from common.settings import ClusterConfig

ZONE = "topology.kubernetes.io/zone"


@dataclass(frozen=True, slots=True)
class Member:
    """A node of the cluster as the network sees it."""

    name: str
    addresses: tuple[str, ...]  # InternalIPs in the order of preference
    pod_cidrs: tuple[str, ...]  # the primary family first
    zone: str = ""

    def address(self, version: int) -> str | None:
        return next((text for text in self.addresses if ip_address(text).version == version), None)

    def pod_cidr(self, version: int) -> str | None:
        return next((cidr for cidr in self.pod_cidrs if ip_network(cidr).version == version), None)


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that bridge, routes and tables are derived from."""

    own: Member
    peers: tuple[Member, ...]
    config: ClusterConfig

    @property
    def versions(self) -> list[int]:
        """IP versions of the pod network on this node, the primary one first."""
        return [ip_network(cidr).version for cidr in self.own.pod_cidrs]

    def cluster_pods(self, version: int) -> str:
        return next((c for c in self.config.pod_cidrs if ip_network(c).version == version), "")

    def cluster_services(self, version: int) -> str:
        return next((c for c in self.config.service_cidrs if ip_network(c).version == version), "")

    def node_addresses(self, version: int) -> list[str]:
        """Of all nodes, this one included."""
        found = {text for member in (self.own, *self.peers) for text in member.addresses}
        return sorted(text for text in found if ip_address(text).version == version)


def read(node: Object, nodes: Iterable[Object], config: Object) -> Topology:
    """The topology as seen from `node`; `nodes` may or may not include it."""
    own = _member(node)
    peers = (_member(other) for other in nodes)
    others = sorted((peer for peer in peers if peer.name != own.name and peer.pod_cidrs), key=lambda peer: peer.name)
    return Topology(own, tuple(others), ClusterConfig.from_json(config))


def _member(node: Object) -> Member:
    spec = node.get("spec") or {}
    cidrs = spec.get("podCIDRs") or [spec.get("podCIDR")]
    return Member(
        meta.name(node),
        tuple(_addresses(node)),
        tuple(str(ip_network(cidr)) for cidr in cidrs if _is_network(cidr)),
        meta.labels(node).get(ZONE, ""),
    )


def _addresses(node: Object) -> Iterable[str]:
    for entry in (node.get("status") or {}).get("addresses") or ():
        if entry.get("type") != "InternalIP":
            continue
        try:
            address = ip_address(entry.get("address") or "")
        except ValueError:
            continue
        # A link-local address means something else on every link, so no route can lead there.
        if not address.is_link_local and not address.is_loopback:
            yield str(address)


def _is_network(text: object) -> bool:
    try:
        return ip_network(str(text)).num_addresses >= 8  # smaller slices have no room for gateway and pods
    except ValueError:
        return False
