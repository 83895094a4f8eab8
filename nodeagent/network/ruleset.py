"""The nftables table of one address family, as data: what it holds, not how it gets there (that is `transaction`).

Layout: maps from address, protocol and port to the chain of a Service port, so that a packet costs one lookup however
many Services there are. Chains of one Service port:

    svc-…  chooses among all endpoints          loc-…  among those of this node
    ext-…  entry from outside the pod network   bal-…  the same, behind loadBalancerSourceRanges
    ep-…   one endpoint, and aff-… the set of clients that stick to it (session affinity only)

What NetworkPolicies add comes from `policyrules`.

Named counters count the new connections to each Service port.

Bit 0x4000 of the packet mark asks for masquerading; bit 0x2000 tells the chain in front of Docker's (`glue`) that the
packet is of this cluster. Nothing is dropped or accepted for traffic that is not.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from common.settings import TUNNEL_PORT

from .base import DNS_PORT
from .policyrules import PolicyTable
from .routes import VXLAN_PORT
from .services import Endpoint, ServicePort

TABLE = "qd"
BRIDGE = "qd0"
MASQUERADE_MARK = 0x4000
TRUSTED_MARK = 0x2000
HAIRPIN = "hairpin"
"""The set of addresses, each with itself, of pods that may be sent what they asked a Service for."""
PLAIN_SETS = frozenset({"nodes", HAIRPIN})  # of the fixed names in `elements`; the others are verdict maps


@dataclass(frozen=True, slots=True)
class Facts:
    """What the fixed part of a family's table depends on."""

    version: int  # 4 or 6
    pods: str  # pod network of the whole cluster
    own_pods: str  # this node's slice of it
    services: str  # network of the virtual addresses; empty when the cluster has none of this family
    bridge_sees_ip: bool  # sysctl bridge-nf-call-ip(6)tables: bridged packets pass these tables too


@dataclass(frozen=True, slots=True)
class Table:
    """A family's table. Chains, sets and elements are compared one by one; a change of `fixed` renews all."""

    family: str  # ip or ip6
    fixed: tuple[str, ...] = ()  # statements that may be repeated: maps, sets, base chains and their rules
    fixed_names: frozenset[str] = frozenset()
    sets: Mapping[str, str] = field(default_factory=dict)  # of affinity and of policies: name -> definition
    counters: frozenset[str] = frozenset()  # of new connections, by Service port
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # name -> rules
    elements: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # map or set -> key -> verdict or ""


_FIXED_CHAINS = {
    "services": "",
    "rejected": "",
    "unserved": "",
    "prerouting": "type nat hook prerouting priority -110; policy accept;",
    "output": "type nat hook output priority -110; policy accept;",
    "postrouting": "type nat hook postrouting priority 90; policy accept;",
    "forward": "type filter hook forward priority -10; policy accept;",
    "filter-input": "type filter hook input priority -10; policy accept;",
    "filter-output": "type filter hook output priority -10; policy accept;",
}


def render(
    facts: Facts, nodes: Iterable[str], ports: Iterable[ServicePort], policies: PolicyTable | None = None
) -> Table:
    """The whole table. `nodes` are the addresses of all nodes, `ports` the Service ports of this family."""
    policies = policies or PolicyTable()
    builder = _Builder(facts)
    for port in ports:
        builder.add(port)
    builder.elements["nodes"] = dict.fromkeys(nodes, "")
    return Table(
        family=_family(facts),
        fixed=(*_fixed(facts), *policies.fixed),
        fixed_names=frozenset({*_FIXED_CHAINS, *builder.elements, *policies.fixed_names}),
        sets=builder.sets | policies.sets,
        counters=frozenset(builder.counters),
        chains=builder.chains | policies.chains,
        elements=builder.elements | policies.elements,
    )


def _family(facts: Facts) -> str:
    return "ip" if facts.version == 4 else "ip6"


def table_name(facts: Facts) -> str:
    """The table of the family as nft calls it."""
    return f"{_family(facts)} {TABLE}"


def _fixed(facts: Facts) -> Iterable[str]:
    table = table_name(facts)
    kind = f"ipv{facts.version}_addr"
    for name in ("svc", "noep"):
        yield f"add map {table} {name} {{ type {kind} . inet_proto . inet_service : verdict; }}"
    for name in ("nodeport", "noepnp"):
        yield f"add map {table} {name} {{ type inet_proto . inet_service : verdict; }}"
    yield f"add set {table} nodes {{ type {kind}; }}"
    yield f"add set {table} hairpin {{ type {kind} . {kind}; }}"
    for name, hook in _FIXED_CHAINS.items():
        yield f"add chain {table} {name} {{ {hook} }}" if hook else f"add chain {table} {name}"
    for name in _FIXED_CHAINS:
        yield f"flush chain {table} {name}"
    for name, rules in _fixed_rules(facts).items():
        for rule in rules:
            yield f"add rule {table} {name} {rule}"


def _fixed_rules(facts: Facts) -> dict[str, list[str]]:
    ip = _family(facts)
    loopback = "127.0.0.0/8" if facts.version == 4 else "::1"
    pods, trusted = facts.pods, f"meta mark set meta mark | {TRUSTED_MARK:#x}"
    nodeport = f"fib daddr type local {ip} daddr != {loopback} meta l4proto . th dport vmap"
    unserved = [
        f"{ip} daddr . meta l4proto . th dport vmap @noep",
        f"{nodeport} @noepnp",
    ]
    if facts.services:
        # An address of this machine inside the service network is somebody's own business.
        unserved += ["fib daddr type local return", f"{ip} daddr {facts.services} goto rejected"]
    return {
        "services": [f"{ip} daddr . meta l4proto . th dport vmap @svc", f"{nodeport} @nodeport"],
        "rejected": ["meta l4proto tcp reject with tcp reset", "reject"],
        "unserved": unserved,
        "prerouting": ["jump services"],
        "output": ["jump services"],
        "postrouting": _postrouting(facts, ip),
        "forward": [
            "ct state new jump unserved",
            # Between pods of one bridge, neighbour discovery included: it has addresses outside the pod network.
            f'iifname "{BRIDGE}" oifname "{BRIDGE}" {trusted} return',
            f"{ip} saddr {pods} {ip} daddr {pods} {trusted} return",
            f"ct state established,related {ip} daddr {pods} {trusted} return",
            f"ct state established,related {ip} saddr {pods} {trusted} return",
            f"ct state established,related ct status dnat {trusted} return",
            f"{ip} saddr @nodes {ip} daddr {pods} {trusted} return",
            f"ct status dnat {ip} daddr {pods} {trusted} return",
            f"ct status dnat {ip} daddr @nodes {trusted}",
        ],
        "filter-input": [
            "ct state new jump unserved",
            # What pods and nodes need of this host: DNS, the tunnel to the API server, the other end of tunnels.
            f'iifname "{BRIDGE}" udp dport {DNS_PORT} {trusted} return',
            f'iifname "{BRIDGE}" tcp dport {{ {DNS_PORT}, {TUNNEL_PORT} }} {trusted} return',
            f"{ip} saddr @nodes udp dport {VXLAN_PORT} {trusted}",
        ],
        "filter-output": ["ct state new jump unserved"],
    }


def _postrouting(facts: Facts, ip: str) -> list[str]:
    own = facts.own_pods
    # A pod that is answered by itself would see its own address as the sender and drop the packet. Where the bridge
    # forwards answers without these tables, the same is true of every pod behind a virtual address on the same bridge.
    if facts.bridge_sees_ip:
        hairpin = f"{ip} saddr . {ip} daddr @hairpin masquerade"
    else:
        hairpin = f"ct status dnat {ip} saddr {own} {ip} daddr {own} masquerade"
    return [
        f"meta mark & {MASQUERADE_MARK:#x} == {MASQUERADE_MARK:#x} masquerade",
        hairpin,
        f"{ip} saddr {own} {ip} daddr != {facts.pods} {ip} daddr != @nodes masquerade",
    ]


class _Builder:
    """Collects chains, sets and elements of all Service ports."""

    def __init__(self, facts: Facts) -> None:
        self._ip = _family(facts)
        self._version = facts.version
        self._pods = facts.pods
        self._own_pods = facts.own_pods
        self.sets: dict[str, str] = {}
        self.counters: set[str] = set()
        self.chains: dict[str, tuple[str, ...]] = {}
        self.elements: dict[str, dict[str, str]] = {
            "svc": {}, "nodeport": {}, "noep": {}, "noepnp": {}, HAIRPIN: {}, "nodes": {},
        }  # fmt: skip
        self._mark = f"meta mark set meta mark | {MASQUERADE_MARK:#x}"

    def add(self, port: ServicePort) -> None:
        tag = _tag(port.name)
        local = port.local_endpoints
        if port.endpoints:
            # Who is not a pod gets its answers only through this node, so it must be masqueraded.
            self._choice(f"svc-{tag}", port, port.endpoints, [f"{self._ip} saddr != {self._pods} {self._mark}"])
        if local and (port.internal_local or port.external_local):
            self._choice(f"loc-{tag}", port, local, [])
        for endpoint in port.endpoints:
            # Slices that users write may leave out on which node an endpoint is.
            if endpoint.local or _is_in(endpoint.address, self._own_pods):
                self.elements[HAIRPIN][f"{endpoint.address} . {endpoint.address}"] = ""
        self._cluster_ips(port, tag, local)
        self._outside(port, tag, local)

    def _cluster_ips(self, port: ServicePort, tag: str, local: tuple[Endpoint, ...]) -> None:
        usable = local if port.internal_local else port.endpoints
        for address in port.cluster_ips:
            key = f"{address} . {port.protocol} . {port.port}"
            if usable:
                self.elements["svc"][key] = f"goto {'loc' if port.internal_local else 'svc'}-{tag}"
            else:
                self.elements["noep"][key] = _refusal(port)

    def _outside(self, port: ServicePort, tag: str, local: tuple[Endpoint, ...]) -> None:
        """NodePort, external and load-balancer addresses."""
        addresses = (*port.external_ips, *port.balancer_ips)
        if not port.node_port and not addresses:
            return
        if port.endpoints:
            self.chains[f"ext-{tag}"] = self._entry(port, tag, bool(local))
            if port.source_ranges is not None:
                ranges = ", ".join(port.source_ranges)
                admitted = (f"{self._ip} saddr {{ {ranges} }} goto ext-{tag}",) if ranges else ()
                self.chains[f"bal-{tag}"] = (*admitted, "drop")
        refusal = "drop" if port.external_local and port.endpoints else _refusal(port)
        unserved = not port.endpoints or (port.external_local and not local)
        if port.node_port:
            self._element(
                "nodeport", "noepnp", f"{port.protocol} . {port.node_port}", port, f"ext-{tag}", unserved, refusal
            )
        for address in addresses:
            restricted = port.source_ranges is not None and address in port.balancer_ips
            entry = f"bal-{tag}" if restricted else f"ext-{tag}"
            key = f"{address} . {port.protocol} . {port.port}"
            self._element("svc", "noep", key, port, entry, unserved, refusal)

    def _element(
        self, served: str, refused: str, key: str, port: ServicePort, entry: str, unserved: bool, refusal: str
    ) -> None:
        # With policy Local and no endpoint here, pods and this node are still served while others are refused.
        if port.endpoints:
            self.elements[served][key] = f"goto {entry}"
        if unserved:
            self.elements[refused][key] = refusal

    def _entry(self, port: ServicePort, tag: str, has_local: bool) -> tuple[str, ...]:
        if not port.external_local:
            return (self._mark, f"goto svc-{tag}")
        inside = (f"{self._ip} saddr {self._pods} goto svc-{tag}", f"fib saddr type local goto svc-{tag}")
        return (*inside, f"goto loc-{tag}") if has_local else inside

    def _choice(self, chain: str, port: ServicePort, endpoints: tuple[Endpoint, ...], before: list[str]) -> None:
        counter = counter_name(port.name)
        self.counters.add(counter)
        rules = [
            f"counter name {counter}",
            *before,
            *(self._sticky(chain, port, endpoints) if port.affinity_seconds else []),
        ]
        if not port.affinity_seconds:
            rules.append(self._dnat(port.protocol, endpoints))
        # The name of the Service makes `nft list` readable for whoever looks for a fault.
        rules[-1] += f' comment "{port.name[:120]}"'
        self.chains[chain] = tuple(rules)

    def _sticky(self, chain: str, port: ServicePort, endpoints: tuple[Endpoint, ...]) -> list[str]:
        known, chosen = [], []
        slots, total = _slots(endpoints)
        for slot, endpoint in zip(slots, endpoints, strict=True):
            tag = f"{chain.removeprefix('svc-')}-{_tag(f'{endpoint.address} {endpoint.port}')}"
            self.sets[f"aff-{tag}"] = f"type ipv{self._version}_addr; flags dynamic,timeout;"
            # The timeout is given with each element, so that changing it keeps the set and with it who sticks where.
            remember = f"update @aff-{tag} {{ {self._ip} saddr timeout {port.affinity_seconds}s }}"
            self.chains[f"ep-{tag}"] = (remember, self._dnat(port.protocol, (endpoint,)))
            known.append(f"{self._ip} saddr @aff-{tag} goto ep-{tag}")
            chosen.append(f"{slot} : goto ep-{tag}")
        return [*known, f"numgen random mod {total} vmap {{ {', '.join(chosen)} }}"]

    def _dnat(self, protocol: str, endpoints: tuple[Endpoint, ...]) -> str:
        if len(endpoints) == 1:
            only = endpoints[0]
            address = only.address if self._version == 4 else f"[{only.address}]"
            return f"meta l4proto {protocol} dnat to {address}:{only.port}"
        slots, total = _slots(endpoints)
        pairs = ", ".join(f"{slot} : {item.address} . {item.port}" for slot, item in zip(slots, endpoints, strict=True))
        choice = f"numgen random mod {total} map {{ {pairs} }}"
        return f"meta l4proto {protocol} dnat {self._ip} to {choice}"


def _slots(endpoints: tuple[Endpoint, ...]) -> tuple[list[str], int]:
    """Which random numbers mean which endpoint, in proportion to the weights, and how many numbers there are."""
    unit = math.gcd(*(endpoint.weight for endpoint in endpoints))
    slots, start = [], 0
    for endpoint in endpoints:
        end = start + endpoint.weight // unit - 1
        slots.append(str(start) if end == start else f"{start}-{end}")
        start = end + 1
    return slots, start


@functools.lru_cache(65536)
def _is_in(address: str, cidr: str) -> bool:
    return ip_address(address) in ip_network(cidr)


def counter_name(port: str) -> str:
    """The counter of new connections to a Service port, by the port's name."""
    return f"cnt-{_tag(port)}"


def _refusal(port: ServicePort) -> str:
    """Kubernetes: a Service without endpoints refuses at once; one with endpoints elsewhere only (policy Local) drops,
    so that a client or balancer tries another node."""
    return "drop" if port.endpoints else "goto rejected"


def _tag(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
