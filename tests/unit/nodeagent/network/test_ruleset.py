"""The service tables as nft sees them."""

from __future__ import annotations

import re
from dataclasses import replace

from nodeagent.network.ruleset import Facts, Table, counter_name, render
from nodeagent.network.services import Endpoint, ServicePort

FACTS = Facts(4, "10.42.0.0/16", "10.42.1.0/24", "10.43.0.0/16", bridge_sees_ip=True)
HERE, THERE = Endpoint("10.42.1.5", 8080, local=True), Endpoint("10.42.2.5", 8080, local=False)
WEB = ServicePort("default/web:http/tcp", "tcp", 80, (HERE, THERE), ("10.43.0.10",), node_port=30080)


def chain(table: Table, element: str, mapping: str = "svc") -> tuple[str, ...]:
    return table.chains[table.elements[mapping][element].removeprefix("goto ")]


def test_a_virtual_address_chooses_among_all_endpoints() -> None:
    table = render(FACTS, ["192.0.2.1"], [WEB])
    assert chain(table, "10.43.0.10 . tcp . 80") == (
        f"counter name {counter_name(WEB.name)}",
        "ip saddr != 10.42.0.0/16 meta mark set meta mark | 0x4000",
        (
            "meta l4proto tcp dnat ip to numgen random mod 2 map "
            '{ 0 : 10.42.1.5 . 8080, 1 : 10.42.2.5 . 8080 } comment "default/web:http/tcp"'
        ),
    )
    assert table.elements["hairpin"] == {"10.42.1.5 . 10.42.1.5": ""}
    assert table.elements["nodes"] == {"192.0.2.1": ""}
    assert table.elements["noep"] == table.elements["noepnp"] == {}


def test_ipv6_endpoints_are_written_in_brackets() -> None:
    facts = Facts(6, "fd00:42::/56", "fd00:42:0:1::/64", "fd00:43::/112", bridge_sees_ip=True)
    port = replace(WEB, endpoints=(Endpoint("fd00:42:0:1::5", 8080, local=True),), cluster_ips=("fd00:43::10",))
    table = render(facts, [], [port])
    assert "meta l4proto tcp dnat to [fd00:42:0:1::5]:8080" in chain(table, "fd00:43::10 . tcp . 80")[2]
    assert table.family == "ip6"


def test_node_ports_are_masqueraded_with_policy_cluster_and_not_with_local() -> None:
    entry = chain(render(FACTS, [], [WEB]), "tcp . 30080", "nodeport")
    assert entry[0] == "meta mark set meta mark | 0x4000"
    assert entry[1].startswith("goto svc-")
    entry = chain(render(FACTS, [], [replace(WEB, external_local=True)]), "tcp . 30080", "nodeport")
    assert [rule.rsplit("-", 1)[0] for rule in entry] == [
        "ip saddr 10.42.0.0/16 goto svc", "fib saddr type local goto svc", "goto loc",
    ]  # fmt: skip


def test_policy_local_without_local_endpoint_drops_what_comes_from_outside() -> None:
    port = replace(WEB, external_local=True, internal_local=True, endpoints=(THERE,))
    table = render(FACTS, [], [port])
    assert table.elements["noepnp"] == {"tcp . 30080": "drop"}
    assert table.elements["noep"] == {"10.43.0.10 . tcp . 80": "drop"}
    assert len(chain(table, "tcp . 30080", "nodeport")) == 2


def test_without_endpoints_all_ways_in_are_refused() -> None:
    port = replace(WEB, endpoints=(), external_ips=("203.0.113.5",))
    table = render(FACTS, [], [port])
    refused = {"10.43.0.10 . tcp . 80": "goto rejected", "203.0.113.5 . tcp . 80": "goto rejected"}
    assert table.elements["noep"] == refused
    assert table.elements["noepnp"] == {"tcp . 30080": "goto rejected"}
    assert table.elements["svc"] == table.chains == {}


def test_affinity_has_a_set_for_each_endpoint_whose_name_outlives_other_changes() -> None:
    sticky = replace(WEB, affinity_seconds=100)
    table = render(FACTS, [], [sticky])
    assert len(table.sets) == 2
    fewer = render(FACTS, [], [replace(sticky, endpoints=(HERE,), affinity_seconds=50)])
    assert fewer.sets.keys() < table.sets.keys()
    (name,) = fewer.sets
    assert fewer.chains[name.replace("aff-", "ep-")][0] == f"update @{name} {{ ip saddr timeout 50s }}"


def test_source_ranges_guard_balancer_addresses_only() -> None:
    port = replace(
        WEB, external_ips=("203.0.113.5",), balancer_ips=("203.0.113.6",), source_ranges=("198.51.100.0/24",)
    )
    table = render(FACTS, [], [port])
    guard = chain(table, "203.0.113.6 . tcp . 80")
    assert guard[0].startswith("ip saddr { 198.51.100.0/24 } goto ext-")
    assert guard[1] == "drop"
    assert chain(table, "203.0.113.5 . tcp . 80")[0].startswith("meta mark")
    nobody = render(FACTS, [], [replace(port, source_ranges=())])
    assert chain(nobody, "203.0.113.6 . tcp . 80") == ("drop",)


def test_answers_that_bypass_the_tables_are_masqueraded() -> None:
    rule = "add rule ip qd postrouting ct status dnat ip saddr 10.42.1.0/24 ip daddr 10.42.1.0/24 masquerade"
    assert rule not in render(FACTS, [], []).fixed
    assert rule in render(replace(FACTS, bridge_sees_ip=False), [], []).fixed


def test_a_long_service_name_fits_into_a_comment() -> None:
    port = replace(WEB, name="n" * 63 + "/" + "s" * 63 + ":p/tcp")
    comment = chain(render(FACTS, [], [port]), "10.43.0.10 . tcp . 80")[-1].split('"')[1]
    assert len(comment) == 120


def test_weights_decide_how_many_random_numbers_an_endpoint_has() -> None:
    port = replace(WEB, endpoints=(replace(HERE, weight=50), replace(THERE, weight=100)))
    (rule,) = [rule for rule in chain(render(FACTS, [], [port]), "10.43.0.10 . tcp . 80") if "numgen" in rule]
    assert "numgen random mod 3 map { 0 : 10.42.1.5 . 8080, 1-2 : 10.42.2.5 . 8080 }" in rule
    sticky = render(FACTS, [], [replace(port, affinity_seconds=60)])
    (rule,) = [rule for rule in chain(sticky, "10.43.0.10 . tcp . 80") if "vmap" in rule]
    assert re.search(r"mod 3 vmap \{ 0 : goto ep-\S+, 1-2 : goto ep-\S+ \}", rule)


def test_a_pod_of_this_node_reaches_itself_though_its_slice_does_not_say_where_it_is() -> None:
    here, there = Endpoint("10.42.1.7", 8080, local=False), Endpoint("10.42.2.7", 8080, local=False)
    table = render(FACTS, [], [replace(WEB, endpoints=(here, there))])
    assert table.elements["hairpin"] == {"10.42.1.7 . 10.42.1.7": ""}
