"""What NetworkPolicies mean for the pods of this node: pure, no rule syntax (that is `policyrules`).

The rules are networking.k8s.io/v1's: a pod that a policy selects takes (or sends) only what some policy of it lets
through; replies, and traffic between a pod and its own node, are nobody's to forbid. `Membership` keeps which pods a
selector means, so that a sync costs what changed and not what there is.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.api import meta
from common.api.meta import Object
from common.api.policypeers import peer
from common.api.selectors import Selector, from_label_selector

DIRECTIONS = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}


@dataclass(frozen=True, slots=True)
class PolicyObjects:
    """What the control plane said: policies and namespaces as they are, peers as `common.api.policypeers` has them."""

    policies: tuple[Object, ...] = ()
    namespaces: tuple[Object, ...] = ()
    peers: tuple[Object, ...] = ()


NO_POLICIES = PolicyObjects()


@dataclass(frozen=True, slots=True)
class Pods:
    """A set of pods: of one namespace, or of all whose labels fit. The texts are label selectors as sorted JSON."""

    namespace: str  # empty: `namespaces` chooses
    pods: str
    namespaces: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """An `ipBlock`."""

    cidr: str
    excepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """A port or a range of ports of a protocol; without number and name, all of them. A name means a port of the
    pod that is reached."""

    protocol: str  # tcp, udp or sctp
    first: int = 0
    last: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is let through: from or to any of the peers, on any of the ports. None means all of them."""

    peers: tuple[Pods | Block, ...] | None
    ports: tuple[Port, ...] | None


@dataclass(frozen=True, slots=True)
class Isolated:
    """A pod of this node that policies select. None: that direction is open."""

    addresses: tuple[str, ...]
    ports: tuple[tuple[str, int], ...]  # its named ports, `name/PROTOCOL`
    ingress: tuple[Rule, ...] | None
    egress: tuple[Rule, ...] | None


@dataclass(frozen=True, slots=True)
class _Policy:
    namespace: str
    pods: Selector
    rules: Mapping[str, tuple[Rule, ...]]


def isolated(policies: Iterable[Object], own: Iterable[Object]) -> list[Isolated]:
    """The pods of this node (as peers) that policies select, with what is let through, in order of their addresses."""
    by_namespace: dict[str, list[_Policy]] = {}
    for policy in sorted(policies, key=meta.key):
        by_namespace.setdefault(meta.namespace(policy), []).append(_read(policy))
    found = []
    for pod in own:
        mine = [policy for policy in by_namespace.get(meta.namespace(pod), ()) if policy.pods.matches(meta.labels(pod))]
        if mine:
            ports = tuple(sorted((pod.get("ports") or {}).items()))
            found.append(Isolated(tuple(pod["addresses"]), ports, _all(mine, "Ingress"), _all(mine, "Egress")))
    return sorted(found, key=lambda pod: pod.addresses)


def _all(policies: Sequence[_Policy], direction: str) -> tuple[Rule, ...] | None:
    chosen = [policy.rules[direction] for policy in policies if direction in policy.rules]
    # The same rule of two policies is one: dict keeps the order.
    return tuple(dict.fromkeys(rule for rules in chosen for rule in rules)) if chosen else None


def _read(policy: Object) -> _Policy:
    spec = policy.get("spec") or {}
    space = meta.namespace(policy)
    rules = {
        direction: tuple(_rule(space, rule, peers) for rule in spec.get(field_name) or ())
        for direction, (field_name, peers) in DIRECTIONS.items()
        if direction in (spec.get("policyTypes") or ["Ingress"])
    }
    return _Policy(space, from_label_selector(spec.get("podSelector") or {}), rules)


def _rule(namespace: str, rule: Object, peers: str) -> Rule:
    listed, ports = rule.get(peers) or (), rule.get("ports") or ()
    return Rule(
        tuple(_peer(namespace, entry) for entry in listed) if listed else None,
        tuple(_port(port) for port in ports) if ports else None,
    )


def _peer(namespace: str, entry: Object) -> Pods | Block:
    block = entry.get("ipBlock")
    if block:
        return Block(str(block.get("cidr")), tuple(block.get("except") or ()))
    pods, namespaces = entry.get("podSelector"), entry.get("namespaceSelector")
    if namespaces is None:
        return Pods(namespace, _text(pods))
    return Pods("", _text(pods or {}), _text(namespaces))


def _text(selector: Any) -> str:
    return json.dumps(selector, sort_keys=True)


def _port(port: Object) -> Port:
    protocol, number = str(port.get("protocol") or "TCP").lower(), port.get("port")
    if number is None:
        return Port(protocol)
    if isinstance(number, str):
        return Port(protocol, name=number)
    return Port(protocol, int(number), int(port.get("endPort") or number))


@dataclass
class _Chosen:
    wanted: Pods
    pods: Selector
    namespaces: Selector | None
    members: dict[str, Object] = field(default_factory=dict)


class Membership:
    """Which peers each set of pods has. Peers are compared by identity: what did not change is the same object."""

    def __init__(self) -> None:
        self._peers: dict[str, Object] = {}
        self._namespaces: dict[str, Mapping[str, str]] = {}
        self._chosen: dict[Pods, _Chosen] = {}

    def update(self, peers: Iterable[Object], namespaces: Iterable[Object]) -> None:
        labels: dict[str, Mapping[str, str]] = {meta.name(space): meta.labels(space) for space in namespaces}
        if labels != self._namespaces:
            self._namespaces = labels
            self._chosen = {wanted: kept for wanted, kept in self._chosen.items() if kept.namespaces is None}
        now = {meta.uid(found): found for found in peers}
        for uid in self._peers.keys() - now.keys():
            for chosen in self._chosen.values():
                chosen.members.pop(uid, None)
        for uid, found in now.items():
            if self._peers.get(uid) is not found:
                for chosen in self._chosen.values():
                    self._place(chosen, uid, found)
        self._peers = now

    def of(self, wanted: Pods) -> Iterable[Object]:
        chosen = self._chosen.get(wanted)
        if chosen is None:
            namespaces = from_label_selector(json.loads(wanted.namespaces)) if wanted.namespaces else None
            chosen = _Chosen(wanted, from_label_selector(json.loads(wanted.pods)), namespaces)
            self._chosen[wanted] = chosen
            for uid, found in self._peers.items():
                self._place(chosen, uid, found)
        return chosen.members.values()

    def keep(self, wanted: Iterable[Pods]) -> None:
        """Forget every other set."""
        self._chosen = {entry: self._chosen[entry] for entry in wanted if entry in self._chosen}

    def _place(self, chosen: _Chosen, uid: str, found: Object) -> None:
        if self._fits(chosen, found):
            chosen.members[uid] = found
        else:
            chosen.members.pop(uid, None)

    def _fits(self, chosen: _Chosen, found: Object) -> bool:
        space = meta.namespace(found)
        if chosen.namespaces is None:
            placed = space == chosen.wanted.namespace
        else:
            placed = chosen.namespaces.matches(self._namespaces.get(space, {}))
        return placed and chosen.pods.matches(meta.labels(found))


class OwnPeers:
    """The records of this node's pods, each the same object while it does not change."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Object, tuple[str, ...], Object | None]] = {}

    def get(self, uid: str, pod: Object, addresses: tuple[str, ...]) -> Object | None:
        known = self._known.get(uid)
        if known is None or known[0] is not pod or known[1] != addresses:
            known = self._known[uid] = (pod, addresses, peer(pod, addresses))
        return known[2]

    def prune(self, present: Container[str]) -> None:
        self._known = {uid: known for uid, known in self._known.items() if uid in present}


ALL_PODS = Pods("", _text({}), _text({}))
"""Every pod of the cluster: whom a named port without peers may mean."""
