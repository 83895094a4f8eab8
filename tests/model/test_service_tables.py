"""However Services change, the difference sent to the kernel ends in the same tables as making them anew, and no
statement on the way is one that nft would refuse."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from nodeagent.network import transaction
from nodeagent.network.policies import Block, Isolated, Pods, Port, Rule
from nodeagent.network.policyrules import PolicyTable
from nodeagent.network.policyrules import render as render_policies
from nodeagent.network.ruleset import Facts, Table, render
from nodeagent.network.services import Endpoint, ServicePort

FACTS = Facts(4, "10.42.0.0/16", "10.42.1.0/24", "10.43.0.0/16", bridge_sees_ip=True)
OTHER_FACTS = Facts(4, "10.42.0.0/16", "10.42.1.0/24", "10.43.0.0/16", bridge_sees_ip=False)
_TARGET = re.compile(r"(?:goto|jump) (\S+?)[,\s}]|(?:goto|jump) (\S+)$")
_COUNTER = re.compile(r"counter name (\S+)")
_SET = re.compile(r"@([\w-]+)")


class Kernel:
    """Just enough of nftables: names exist once, references hold what they name, a duplicate is refused."""

    def __init__(self) -> None:
        self.chains: dict[str, list[str]] = {}
        self.sets: dict[str, dict[str, str]] = {}
        self.counters: set[str] = set()

    def apply(self, lines: Iterable[str]) -> None:
        for line in lines:
            verb, what, _, _, *rest = line.split(" ", 5)
            getattr(self, f"_{verb}_{what}")(rest[0] if rest else "", rest[1] if len(rest) > 1 else "")

    def _add_table(self, name: str, body: str) -> None:
        """There is one table here, and it is there."""

    def _flush_table(self, name: str, body: str) -> None:
        self.chains = {chain: [] for chain in self.chains}

    def _delete_table(self, name: str, body: str) -> None:
        self.chains, self.sets, self.counters = {}, {}, set()

    def _add_chain(self, name: str, body: str) -> None:
        self.chains.setdefault(name, [])

    def _flush_chain(self, name: str, body: str) -> None:
        self.chains[name] = []

    def _delete_chain(self, name: str, body: str) -> None:
        assert not self.chains.pop(name), f"{name} has rules"
        assert name not in self._referenced(), f"{name} is in use"

    def _add_set(self, name: str, body: str) -> None:
        self.sets.setdefault(name, {})

    _add_map = _add_set

    def _flush_set(self, name: str, body: str) -> None:
        self.sets[name] = {}

    _flush_map = _flush_set

    def _delete_set(self, name: str, body: str) -> None:
        assert name not in self._referenced(), f"{name} is in use"
        del self.sets[name]

    def _add_counter(self, name: str, body: str) -> None:
        self.counters.add(name)

    def _delete_counter(self, name: str, body: str) -> None:
        used = {word for rules in self.chains.values() for rule in rules for word in _COUNTER.findall(rule)}
        assert name not in used, f"{name} is in use"
        self.counters.remove(name)

    def _add_rule(self, name: str, body: str) -> None:
        assert set(_COUNTER.findall(body)) <= self.counters, f"{body}: no such counter"
        for reference in references(body):
            assert reference in self.chains or reference in self.sets, f"{body}: no {reference}"
        self.chains[name].append(body)

    def _add_element(self, name: str, body: str) -> None:
        for key, value in elements(body):
            assert self.sets[name].get(key, value) == value, f"{name} has another {key}"
            assert not value or value == "drop" or value.removeprefix("goto ") in self.chains
            self.sets[name][key] = value

    def _delete_element(self, name: str, body: str) -> None:
        for key, _ in elements(body):
            del self.sets[name][key]

    def _referenced(self) -> set[str]:
        texts = [rule for rules in self.chains.values() for rule in rules]
        texts += [value for content in self.sets.values() for value in content.values()]
        return {name for text in texts for name in references(text)}


def references(text: str) -> set[str]:
    return {name for pair in _TARGET.findall(text) for name in pair if name} | set(_SET.findall(text))


def elements(body: str) -> list[tuple[str, str]]:
    pairs = (item.rsplit(" : ", 1) for item in body.strip("{} ").split(", "))
    return [(pair[0], pair[1] if len(pair) > 1 else "") for pair in pairs]


def kernel_with(table: Table) -> Kernel:
    kernel = Kernel()
    kernel.apply(transaction.replace(table, transaction.Leftovers()))
    return kernel


def holds(kernel: Kernel) -> tuple[dict[str, list[str]], dict[str, dict[str, str]], set[str]]:
    return kernel.chains, kernel.sets, kernel.counters


endpoints = st.builds(
    Endpoint,
    st.sampled_from(["10.42.1.5", "10.42.1.6", "10.42.2.5"]),
    st.just(80),
    st.booleans(),
    st.sampled_from([1, 100, 256]),
)


@st.composite
def service_ports(draw: st.DrawFn) -> list[ServicePort]:
    ports = []
    for index in draw(st.sets(st.integers(0, 3))):
        found = draw(st.lists(endpoints, max_size=3, unique_by=lambda endpoint: endpoint.address))
        ports.append(
            ServicePort(
                name=f"default/web{index}:http/tcp",
                protocol=draw(st.sampled_from(["tcp", "udp"])),
                port=draw(st.sampled_from([80, 81])),
                endpoints=tuple(sorted(found)),
                cluster_ips=(f"10.43.0.{index}",),
                node_port=draw(st.sampled_from([0, 30000 + index])),
                balancer_ips=draw(st.sampled_from([(), (f"203.0.113.{index}",)])),
                source_ranges=draw(st.sampled_from([None, (), ("198.51.100.0/24",)])),
                affinity_seconds=draw(st.sampled_from([0, 10, 20])),
                internal_local=draw(st.booleans()),
                external_local=draw(st.booleans()),
            )
        )
    return ports


nodes = st.sets(st.sampled_from(["192.0.2.1", "192.0.2.2"]))


@given(service_ports(), service_ports(), nodes, nodes)
def test_the_difference_leads_to_the_same_tables(
    before: list[ServicePort], after: list[ServicePort], old_nodes: set[str], new_nodes: set[str]
) -> None:
    old, new = render(FACTS, old_nodes, before), render(FACTS, new_nodes, after)
    kernel = kernel_with(old)
    changes = transaction.difference(old, new)
    assert changes is not None
    kernel.apply(changes)
    assert holds(kernel) == holds(kernel_with(new))


@given(service_ports(), nodes)
def test_a_converged_table_needs_nothing(ports: list[ServicePort], addresses: set[str]) -> None:
    assert transaction.difference(render(FACTS, addresses, ports), render(FACTS, addresses, ports)) == []


@given(service_ports(), service_ports())
def test_replacing_keeps_who_sticks_where(before: list[ServicePort], after: list[ServicePort]) -> None:
    old, new = render(FACTS, (), before), render(OTHER_FACTS, (), after)
    assert transaction.difference(old, new) is None
    kernel = kernel_with(old)
    kept = old.sets.keys() & new.sets.keys()
    for name in old.sets:
        kernel.sets[name]["192.0.2.9"] = ""
    kernel.apply(
        transaction.replace(
            new, transaction.Leftovers(frozenset(kernel.chains), frozenset(kernel.sets), frozenset(kernel.counters))
        )
    )
    assert {name for name, content in kernel.sets.items() if "192.0.2.9" in content} == kept
    for name in kept:
        del kernel.sets[name]["192.0.2.9"]
    assert holds(kernel) == holds(kernel_with(new))


@given(service_ports())
def test_every_chain_that_is_named_exists(ports: list[ServicePort]) -> None:
    table = render(FACTS, (), ports)
    known = table.fixed_names | table.chains.keys() | table.sets.keys()
    named = {name for rules in table.chains.values() for rule in rules for name in references(rule)}
    named |= {name for content in table.elements.values() for value in content.values() for name in references(value)}
    assert named <= known
    assert table.sets.keys() <= {name for rules in table.chains.values() for rule in rules for name in references(rule)}


rules = st.builds(
    Rule,
    st.none() | st.lists(st.sampled_from([Pods("a", "{}"), Pods("", "{}", "{}"), Block("10.0.0.0/8")])).map(tuple),
    st.none() | st.lists(st.sampled_from([Port("tcp", 80, 80), Port("udp"), Port("tcp", name="web")])).map(tuple),
)
directions = st.none() | st.lists(rules, max_size=2).map(tuple)
isolated_pods = st.lists(
    st.builds(
        Isolated,
        st.sampled_from([("10.42.1.5",), ("10.42.1.6",), ("10.42.1.7",)]),
        st.sampled_from([(), (("web/TCP", 8080),)]),
        directions,
        directions,
    ),
    max_size=3,
    unique_by=lambda pod: pod.addresses,
)
members = st.lists(st.sampled_from(["10.42.1.5", "10.42.2.5", "10.42.2.6"]), unique=True)


def policed(pods: list[Isolated], addresses: list[str]) -> PolicyTable:
    found = [{"addresses": [address], "ports": {"web/TCP": 80}} for address in addresses]
    return render_policies(4, "ip qd", pods, lambda _pods: found)


@given(isolated_pods, members, isolated_pods, members)
def test_policies_come_change_and_go_like_services(
    before: list[Isolated], old_members: list[str], after: list[Isolated], new_members: list[str]
) -> None:
    old = render(FACTS, (), (), policed(before, old_members))
    new = render(FACTS, (), (), policed(after, new_members))
    kernel = kernel_with(old)
    changes = transaction.difference(old, new)
    if changes is None:  # the first policy, or the last
        present = transaction.Leftovers(frozenset(kernel.chains), frozenset(kernel.sets), frozenset(kernel.counters))
        changes = transaction.replace(new, present)
    kernel.apply(changes)
    assert holds(kernel) == holds(kernel_with(new))
    assert transaction.difference(new, new) == []
