"""Decides how pods of other nodes are reached: a plain route where the peer is on one Ethernet link, VXLAN otherwise.

Pure: what the kernel says of each peer address comes in as `Reach`, routes and tunnels go out. A peer that has no
address of the pod network's family on this link (IPv6 pods, IPv4 hosts) is reached through the tunnel as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from .addresses import gateway
from .topology import Member, Topology

VXLAN_ID = 20804
VXLAN_PORT = 8472  # Linux' own; the kernel tells tunnels of several owners on one port apart by their id
OVERHEAD = {4: 50, 6: 70}  # bytes: Ethernet, IP, UDP and VXLAN headers
DEFAULT_MTU = 1500


@dataclass(frozen=True, slots=True)
class Reach:
    """How the kernel would send to an address: the device, its MTU, and whether the address is on that very link."""

    device: str
    mtu: int
    direct: bool


@dataclass(frozen=True, slots=True, order=True)
class Route:
    destination: str
    device: str
    gateway: str = ""
    source: str = ""  # preferred source address
    onlink: bool = False  # the gateway is behind the device although no address says so

    @property
    def version(self) -> int:
        return ip_network(self.destination).version


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One VXLAN device. It learns nothing: all neighbours are known, so nobody can add himself."""

    name: str
    local: str  # address of this host that the tunnel uses
    mac: str
    mtu: int
    addresses: tuple[str, ...]  # of the device: what a node sends into the tunnel has a source that leads back
    neighbours: Mapping[str, str]  # gateway address of a peer's slice -> MAC
    forwarding: Mapping[str, str]  # MAC -> the peer's own address


@dataclass(frozen=True, slots=True)
class RoutePlan:
    routes: frozenset[Route]
    tunnels: tuple[Tunnel, ...]


def plan(topology: Topology, reach: Mapping[str, Reach], bridge: str) -> RoutePlan:
    """Routes to all peers, and to the virtual addresses so that a host without default route reaches them too."""
    routes = set(_service_routes(topology, bridge))
    through: dict[int, list[tuple[Member, str]]] = {4: [], 6: []}
    for peer in topology.peers:
        tunnelled = []
        for cidr in peer.pod_cidrs:
            version = ip_network(cidr).version
            if version not in topology.versions:
                continue
            direct = _direct(peer, version, reach)
            if direct is None:
                tunnelled.append(cidr)
            else:
                routes.add(Route(cidr, reach[direct].device, gateway=direct))
        underlay = _underlay(topology.own, peer)
        if underlay:
            through[underlay] += [(peer, cidr) for cidr in tunnelled]
    tunnels = []
    for underlay, entries in through.items():
        if entries:
            tunnel = _tunnel(topology, underlay, entries, reach)
            tunnels.append(tunnel)
            routes |= {_tunnel_route(topology, tunnel, cidr) for _, cidr in entries}
    return RoutePlan(frozenset(routes), tuple(tunnels))


def _service_routes(topology: Topology, bridge: str) -> list[Route]:
    found = []
    for version in topology.versions:
        services, own = topology.cluster_services(version), topology.own.pod_cidr(version)
        if services and own:
            found.append(Route(services, bridge, source=gateway(own)))
    return found


def _direct(peer: Member, version: int, reach: Mapping[str, Reach]) -> str | None:
    """The peer's address of that family that is on one link with this host."""
    address = peer.address(version)
    return address if address and address in reach and reach[address].direct else None


def _underlay(own: Member, peer: Member) -> int | None:
    return next((version for version in (4, 6) if own.address(version) and peer.address(version)), None)


def _tunnel(topology: Topology, underlay: int, entries: list[tuple[Member, str]], reach: Mapping[str, Reach]) -> Tunnel:
    remotes = {peer.name: str(peer.address(underlay)) for peer, _ in entries}
    mtus = [reach[remote].mtu for remote in remotes.values() if remote in reach]
    return Tunnel(
        name=f"qdvx{underlay}",
        local=str(topology.own.address(underlay)),
        mac=_mac(topology, topology.own.name),
        mtu=min(mtus, default=DEFAULT_MTU) - OVERHEAD[underlay],
        addresses=tuple(gateway(cidr) for cidr in topology.own.pod_cidrs),
        neighbours={gateway(cidr): _mac(topology, peer.name) for peer, cidr in entries},
        forwarding={_mac(topology, name): remote for name, remote in remotes.items()},
    )


def _tunnel_route(topology: Topology, tunnel: Tunnel, cidr: str) -> Route:
    own = topology.own.pod_cidr(ip_network(cidr).version) or ""
    return Route(cidr, tunnel.name, gateway=gateway(cidr), source=gateway(own), onlink=True)


def _mac(topology: Topology, node: str) -> str:
    """The same on every node without asking: a locally administered address out of cluster and node name."""
    digest = hashlib.sha256(f"{topology.config.uid}/{node}".encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))
