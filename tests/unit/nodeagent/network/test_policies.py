"""What NetworkPolicies mean for the pods of a node, and how that is written for nft."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.meta import Object, name
from common.api.policypeers import peer
from nodeagent.network.policies import ALL_PODS, Isolated, Membership, OwnPeers, Pods, Port, Rule, isolated
from nodeagent.network.policyrules import PolicyTable, render

POD: Object = {
    "metadata": {"uid": "u1", "name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {
        "containers": [{"name": "main", "ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 9}]}]
    },
    "status": {"phase": "Running", "podIP": "10.42.1.5", "podIPs": [{"ip": "10.42.1.5"}, {"ip": "fd00::5"}]},
}


def record(title: str, namespace: str = "shop", ip: str = "10.42.2.5", **labels: str) -> Object:
    found = peer({**POD, "metadata": {"uid": title, "name": title, "namespace": namespace, "labels": labels}}, [ip])
    assert found is not None
    return found


def policy(namespace: str = "shop", **spec: Any) -> Object:
    return {"metadata": {"name": "p", "namespace": namespace}, "spec": {"podSelector": {}, **spec}}


def members_of(*found: Object) -> Any:
    return lambda _pods: found


def test_a_pod_is_a_peer_while_it_has_addresses_of_its_own() -> None:
    assert peer(POD) == {
        "metadata": {"uid": "u1", "namespace": "shop", "name": "web", "labels": {"app": "web"}},
        "addresses": ["10.42.1.5", "fd00::5"],
        "ports": {"http/TCP": 8080},
    }
    assert peer({**POD, "status": {}}) is None
    assert peer({**POD, "status": {**POD["status"], "phase": "Succeeded"}}) is None
    assert peer({**POD, "spec": {**POD["spec"], "hostNetwork": True}}) is None


@pytest.mark.parametrize(
    ("spec", "ingress", "egress"),
    [
        ({"policyTypes": ["Ingress"]}, (), None),
        ({"policyTypes": ["Egress"]}, None, ()),
        ({"policyTypes": ["Ingress", "Egress"], "ingress": [{}]}, (Rule(None, None),), ()),
        ({"policyTypes": ["Ingress"], "podSelector": {"matchLabels": {"app": "x"}}}, "open", "open"),
    ],
)
def test_a_direction_is_closed_when_a_policy_names_it(spec: Object, ingress: object, egress: object) -> None:
    found = isolated([policy(**spec)], [record("a", app="web")])
    assert [(pod.ingress, pod.egress) for pod in found] == ([] if ingress == "open" else [(ingress, egress)])


def test_policies_are_of_their_namespace_and_add_up() -> None:
    one = policy(policyTypes=["Ingress"], ingress=[{"ports": [{"port": 80}]}])
    two = {**policy(policyTypes=["Ingress"], ingress=[{"ports": [{"port": 81, "endPort": 90}]}])}
    two["metadata"] = {"name": "q", "namespace": "shop"}
    (found,) = isolated([two, one, policy("bank", policyTypes=["Egress"])], [record("a")])
    assert found.ingress == (Rule(None, (Port("tcp", 80, 80),)), Rule(None, (Port("tcp", 81, 90),)))
    assert found.egress is None


def test_membership_follows_pods_and_namespaces() -> None:
    members, web = Membership(), Pods("shop", '{"matchLabels": {"app": "web"}}')
    gold = Pods("", "{}", '{"matchLabels": {"tier": "gold"}}')
    spaces = [{"metadata": {"name": "shop", "labels": {"tier": "gold"}}}, {"metadata": {"name": "bank"}}]
    a, b, c = record("a", app="web"), record("b", app="db"), record("c", "bank", app="web")
    members.update([a, b, c], spaces)
    assert [name(found) for found in members.of(web)] == ["a"]
    assert [name(found) for found in members.of(gold)] == ["a", "b"]
    members.update([record("a", app="db"), record("b", app="web"), c], spaces)
    assert [name(found) for found in members.of(web)] == ["b"]
    members.update([a, c], [{"metadata": {"name": "bank", "labels": {"tier": "gold"}}}])
    assert [name(found) for found in members.of(web)] == ["a"]
    assert [name(found) for found in members.of(gold)] == ["c"]


def test_the_record_of_an_own_pod_stays_the_same_object() -> None:
    own = OwnPeers()
    first = own.get("u1", POD, ("10.42.1.5",))
    assert first is not None
    assert own.get("u1", POD, ("10.42.1.5",)) is first
    assert own.get("u1", POD, ("10.42.1.6",)) != first


def rules_of(pod: Isolated, direction: str = "ingress", version: int = 4, *found: Object) -> list[str]:
    made = render(version, "ip qd", [pod], members_of(*found))
    address = next(text for text in pod.addresses if (":" in text) == (version == 6))
    return list(made.chains[made.elements[direction][address].removeprefix("goto ")])


def pod_with(ingress: tuple[Rule, ...] | None = None, egress: tuple[Rule, ...] | None = None) -> Isolated:
    return Isolated(("10.42.1.5", "fd00::5"), (("http/TCP", 8080),), ingress, egress)


def test_nothing_is_written_where_nothing_is_isolated() -> None:
    made = render(4, "ip qd", [], members_of())
    assert made == PolicyTable()


def test_ports_of_a_protocol_are_one_match_without_overlaps() -> None:
    ports = (Port("tcp", 80, 80), Port("tcp", 100, 200), Port("tcp", 150, 300), Port("udp"), Port("tcp", name="http"))
    assert rules_of(pod_with((Rule(None, ports),))) == [
        "meta l4proto tcp th dport { 80, 100-300, 8080 } accept",
        "meta l4proto udp accept",
        "drop",
    ]
    assert rules_of(pod_with((Rule(None, (Port("tcp", name="other"),)),))) == ["drop"]


def test_a_named_port_of_others_is_theirs() -> None:
    pod = pod_with(egress=(Rule(None, (Port("tcp", name="http"),)),))
    made = render(4, "ip qd", [pod], members_of(record("a", ip="10.42.2.7")))
    ((title, content),) = [(key, value) for key, value in made.elements.items() if key.startswith("np-")]
    assert content == {"10.42.2.7 . tcp . 8080": ""}
    assert rules_of(pod, "egress", 4) == [f"ip daddr . meta l4proto . th dport @{title} goto arriving", "drop"]
    assert ALL_PODS.namespaces == "{}"


def test_pods_with_the_same_rules_share_a_chain_and_a_set() -> None:
    rule = Rule((Pods("shop", "{}"),), None)
    pods = [pod_with((rule,)), Isolated(("10.42.1.6",), (), (rule,), None)]
    made = render(4, "ip qd", pods, members_of(record("a", ip="10.42.2.7"), record("b", ip="fd00::7")))
    assert len(made.chains) == len(made.sets) == 1
    assert [content for key, content in made.elements.items() if key.startswith("np-")] == [{"10.42.2.7": ""}]
    assert made.elements["ingress"].keys() == {"10.42.1.5", "10.42.1.6"}
    assert made.elements["egress"] == {}


def test_blocks_count_in_their_family_alone() -> None:
    rules = isolated([policy(policyTypes=["Ingress"], ingress=[{"from": [
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.0.0/16"]}}
    ]}])], [record("a")])[0].ingress  # fmt: skip
    written = "ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16, 10.2.0.0/16 } accept"
    assert rules_of(pod_with(rules)) == [written, "drop"]
    assert rules_of(pod_with(rules), "ingress", 6) == ["drop"]
