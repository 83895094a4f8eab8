"""Everything the node's tables and DNS are to hold, computed from Services and slices without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from common.api import meta
from common.api.meta import Object

from . import policyrules, ruleset, services
from .addresses import gateway
from .dns.records import ZoneBuilder
from .dns.zone import Zone
from .memo import Memo
from .policies import ALL_PODS, NO_POLICIES, Isolated, Membership, Pods, PolicyObjects, isolated
from .services import ServicePort, View
from .topology import Topology

UdpEndpoint = tuple[str, str, int]  # Service port, address, port


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the agent said last."""

    services: tuple[Object, ...] = ()
    slices: tuple[Object, ...] = ()
    unready: frozenset[str] = frozenset()
    policies: PolicyObjects = NO_POLICIES
    own: tuple[Object, ...] = ()  # the pods of this node, as peers of policies


@dataclass(frozen=True, slots=True)
class Wanted:
    tables: tuple[ruleset.Table, ...]
    zone: Zone
    udp: frozenset[UdpEndpoint]


class Compiler:
    """Keeps what it made of each Service; otherwise the same inputs always give the same."""

    def __init__(self) -> None:
        self._ports: dict[int, Memo[list[ServicePort]]] = {4: Memo(), 6: Memo()}
        self._zone = ZoneBuilder()
        self._members = Membership()

    def compile(self, topology: Topology, inputs: Inputs, bridge_sees_ip: dict[int, bool]) -> Wanted:
        """`bridge_sees_ip` says by IP version whether bridged packets pass the tables."""
        gateways = {ip_network(cidr).version: gateway(cidr) for cidr in topology.own.pod_cidrs}
        view = View(topology.own.name, tuple(sorted(gateways.items())), inputs.unready, topology.own.zone)
        grouped = services.group_slices(inputs.slices)
        bound = self._isolated(inputs)
        tables = []
        udp: set[UdpEndpoint] = set()
        for version in topology.versions:
            ports = services.service_ports(inputs.services, grouped, version, view, self._ports[version])
            facts = _facts(topology, version, bridge_sees_ip[version])
            rules = policyrules.render(version, ruleset.table_name(facts), bound, self._members.of)
            tables.append(ruleset.render(facts, topology.node_addresses(version), ports, rules))
            for port in ports:
                if port.protocol == "udp":
                    udp |= {(port.name, endpoint.address, endpoint.port) for endpoint in port.endpoints}
        zone = self._zone.build(inputs.services, grouped, inputs.unready, topology.config, gateways.values())
        return Wanted(tuple(tables), zone, frozenset(udp))

    def _isolated(self, inputs: Inputs) -> list[Isolated]:
        if not inputs.policies.policies:
            self._members = Membership()
            return []
        bound = isolated(inputs.policies.policies, inputs.own)
        own = {meta.uid(pod) for pod in inputs.own}
        others = [peer for peer in inputs.policies.peers if meta.uid(peer) not in own]
        self._members.update([*inputs.own, *others], inputs.policies.namespaces)
        rules = [rule for pod in bound for rule in (*(pod.ingress or ()), *(pod.egress or ()))]
        self._members.keep({ALL_PODS, *(peer for rule in rules for peer in rule.peers or () if isinstance(peer, Pods))})
        return bound


def _facts(topology: Topology, version: int, bridge_sees_ip: bool) -> ruleset.Facts:
    own = str(topology.own.pod_cidr(version))
    return ruleset.Facts(
        version=version,
        pods=topology.cluster_pods(version) or own,
        own_pods=own,
        services=topology.cluster_services(version),
        bridge_sees_ip=bridge_sees_ip,
    )
