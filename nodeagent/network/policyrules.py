"""NetworkPolicies as nft sees them: chains, sets and elements of one address family.

Layout: the base chain `policies` lets replies and neighbour discovery pass, then leads by one look-up a direction to
the chain of the pod's rules, so that a packet of a pod that no policy selects costs two look-ups, and nothing at all
where there is none. Chains are named after what they say (`pol-…`), so that pods with the same rules share one and a
rule never changes under a packet; sets of pods (`np-…`) are named after their selector and change by elements.

    policies -> egress map -> pol-… -> arriving -> ingress map -> pol-… -> accept
                                  \\-> drop                             \\-> drop

Forwarded packets have passed the Services' DNAT and not yet any masquerading, so both ends are pods' own addresses.
What leaves this host itself, or ends in it, is not forwarded: that is how probes and DNS stay open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network

from common.api.meta import Object

from .policies import ALL_PODS, Block, Isolated, Pods, Port, Rule

Members = Callable[[Pods], Iterable[Object]]
_NEIGHBOURS = (
    "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, "
    "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report"
)  # what IPv6 needs to find anybody on a link, and bridges to know who listens
ALLOWED = {"ingress": "accept", "egress": "goto arriving"}


@dataclass
class PolicyTable:
    """The parts of a family's table that policies add; all empty without isolated pods."""

    fixed: list[str] = field(default_factory=list)  # statements that may be repeated
    fixed_names: frozenset[str] = frozenset()
    chains: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sets: dict[str, str] = field(default_factory=dict)
    elements: dict[str, dict[str, str]] = field(default_factory=dict)


def render(version: int, table: str, pods: Iterable[Isolated], members: Members) -> PolicyTable:
    """`table` is the nft name of the family's table (`ip qd`)."""
    made = PolicyTable()
    builder = _Builder(version, members, made)
    for pod in pods:
        builder.add(pod)
    if not builder.maps["ingress"] and not builder.maps["egress"]:
        return PolicyTable()
    made.elements |= builder.maps
    made.fixed_names = frozenset({"policies", "arriving", "ingress", "egress"})
    made.fixed = list(_fixed(version, table))
    return made


def _fixed(version: int, table: str) -> Iterable[str]:
    ip = "ip" if version == 4 else "ip6"
    for name in ("ingress", "egress"):
        yield f"add map {table} {name} {{ type ipv{version}_addr : verdict; }}"
    yield f"add chain {table} policies {{ type filter hook forward priority -9; policy accept; }}"
    yield f"add chain {table} arriving"
    for name in ("policies", "arriving"):
        yield f"flush chain {table} {name}"
    rules = ["ct state established,related accept"]
    if version == 6:
        rules.append(f"icmpv6 type {{ {_NEIGHBOURS} }} accept")
    # A pod that reaches itself through a Service cannot be kept from it.
    rules += [f"{ip} saddr . {ip} daddr @hairpin accept", f"{ip} saddr vmap @egress", "goto arriving"]
    for rule in rules:
        yield f"add rule {table} policies {rule}"
    yield f"add rule {table} arriving {ip} daddr vmap @ingress"


class _Builder:
    def __init__(self, version: int, members: Members, made: PolicyTable) -> None:
        self._version = version
        self._ip = "ip" if version == 4 else "ip6"
        self._members = members
        self._made = made
        self.maps: dict[str, dict[str, str]] = {"ingress": {}, "egress": {}}

    def add(self, pod: Isolated) -> None:
        address = next(self._of_family(pod.addresses), None)
        if address is None:
            return
        for direction, rules in (("ingress", pod.ingress), ("egress", pod.egress)):
            if rules is not None:
                named = dict(pod.ports)
                lines = [line for rule in rules for line in self._rule(direction, rule, named)]
                self.maps[direction][address] = f"goto {self._chain([*lines, 'drop'])}"

    def _of_family(self, addresses: Iterable[str]) -> Iterator[str]:
        return (text for text in addresses if (":" in text) == (self._version == 6))

    def _chain(self, lines: list[str]) -> str:
        name = f"pol-{_tag(chr(10).join(lines))}"
        self._made.chains[name] = tuple(lines)
        return name

    def _rule(self, direction: str, rule: Rule, named: dict[str, int]) -> list[str]:
        ports, names = self._ports(direction, rule.ports, named)
        lines = []
        if ports:
            peers = [""] if rule.peers is None else [self._peer(direction, entry) for entry in rule.peers]
            lines += [f"{peer} {port}".strip() for peer in peers if peer is not None for port in ports]
        # The name of a port that is reached means another number on each pod.
        sets = (ALL_PODS,) if rule.peers is None else [entry for entry in rule.peers if isinstance(entry, Pods)]
        lines += [self._named(entry, port) for entry in sets for port in names]
        return [f"{line} {ALLOWED[direction]}".strip() for line in lines]

    def _ports(
        self, direction: str, ports: tuple[Port, ...] | None, named: dict[str, int]
    ) -> tuple[list[str], list[Port]]:
        """Matches of ports, and the named ports of other pods."""
        if ports is None:
            return [""], []
        numbers: dict[str, list[str] | None] = {}
        others = []
        for port in ports:
            first, last = port.first, port.last
            if port.name and direction == "egress":
                others.append(port)
                continue
            if port.name:
                first = last = named.get(f"{port.name}/{port.protocol.upper()}", 0)
                if not first:
                    continue
            known = numbers.setdefault(port.protocol, [])
            if not first:
                numbers[port.protocol] = None
            elif known is not None:
                known.append(str(first) if first == last else f"{first}-{last}")
        return [_protocol(protocol, found) for protocol, found in sorted(numbers.items())], others

    def _peer(self, direction: str, peer: Pods | Block) -> str | None:
        """The match of a peer; None when it has no address of this family."""
        side = f"{self._ip} {'saddr' if direction == 'ingress' else 'daddr'}"
        if isinstance(peer, Block):
            if ip_network(peer.cidr, strict=False).version != self._version:
                return None
            text = f"{side} {ip_network(peer.cidr, strict=False)}"
            excepted = ", ".join(str(ip_network(cidr, strict=False)) for cidr in peer.excepted)
            return f"{text} {side} != {{ {excepted} }}" if excepted else text
        name = f"np-{_tag(repr(peer))}"
        if name not in self._made.sets:
            self._made.sets[name] = f"type ipv{self._version}_addr;"
            addresses = (address for found in self._members(peer) for address in found["addresses"])
            self._made.elements[name] = dict.fromkeys(self._of_family(addresses), "")
        return f"{side} @{name}"

    def _named(self, peer: Pods, port: Port) -> str:
        name = f"np-{_tag(repr((peer, port)))}"
        if name not in self._made.sets:
            self._made.sets[name] = f"type ipv{self._version}_addr . inet_proto . inet_service;"
            self._made.elements[name] = {
                f"{address} . {port.protocol} . {found['ports'][wanted]}": ""
                for found in self._members(peer)
                if (wanted := f"{port.name}/{port.protocol.upper()}") in found["ports"]
                for address in self._of_family(found["addresses"])
            }
        return f"{self._ip} daddr . meta l4proto . th dport @{name}"


def _protocol(protocol: str, numbers: list[str] | None) -> str:
    if numbers is None:
        return f"meta l4proto {protocol}"
    return f"meta l4proto {protocol} th dport {{ {', '.join(_merged(numbers))} }}"


def _merged(numbers: Iterable[str]) -> list[str]:
    """Ranges without overlaps, which nft refuses in one set."""
    spans = sorted((int(text.split("-")[0]), int(text.split("-")[-1])) for text in numbers)
    found: list[tuple[int, int]] = []
    for first, last in spans:
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return [str(first) if first == last else f"{first}-{last}" for first, last in found]


def _tag(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
