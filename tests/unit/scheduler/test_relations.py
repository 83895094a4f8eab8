"""Affinity to other pods and spreading over a topology: where pods go, and the words of a refusal."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from common.api.meta import Object
from console.scheduler.core.evaluation import Evaluation
from console.scheduler.core.model import Classes, NodeFacts
from console.scheduler.core.rows import Rows
from console.scheduler.core.scores import profile
from console.scheduler.core.state import ClusterState
from tests.fakes.objects import node, pod

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
SKEWED = "node(s) didn't match pod topology spread constraints"


class Cluster:
    def __init__(self, zones: str = "xxyy", name: str = "pack") -> None:
        self.state = ClusterState()
        self.classes = Classes()
        self.profile = profile(name)
        self.rows = Rows(self.state, self.profile)
        self.serial = 0
        for index, zone in enumerate(zones):
            self.state.set_node(NodeFacts.of(node(f"n{index}", labels={ZONE: zone} if zone != "-" else {})))

    def place(self, app: str, count: int = 1, at: str = "", owner: str = "", **spec: Any) -> list[str | None]:
        found = []
        for _ in range(count):
            self.serial += 1
            more = {"owner": {"uid": owner, "controller": True}} if owner else {}
            made = pod(f"p{self.serial}", cpu="100m", labels={"app": app}, **more, **spec)
            made["metadata"]["uid"] = f"p{self.serial}"
            info = self.classes.info(made)
            chosen = at or self.rows.choose(info.kind)
            if chosen:
                self.state.place(info, chosen)
            found.append(chosen)
        return found

    def refusals(self, name: str, app: str, **spec: Any) -> list[str]:
        kind = self.classes.info(pod("asking", labels={"app": app}, **spec)).kind
        found = self.state.node(name)
        assert found is not None
        return [reason for no in Evaluation(kind, self.state, self.profile).refusals(found) for reason in no.reasons]


def term(app: str, key: str = HOST, **more: Any) -> Object:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key, **more}


def near(*terms: Object) -> Object:
    return {"podAffinity": {REQUIRED: list(terms)}}


def apart(*terms: Object) -> Object:
    return {"podAntiAffinity": {REQUIRED: list(terms)}}


def spread(app: str, key: str, when: str = "DoNotSchedule", **more: Any) -> list[Object]:
    return [{"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": when,
             "labelSelector": {"matchLabels": {"app": app}}, **more}]  # fmt: skip


def test_pods_that_want_to_be_apart_take_a_node_each_and_then_wait() -> None:
    cluster = Cluster()
    assert sorted(map(str, cluster.place("web", 5, affinity=apart(term("web"))))) == ["None", "n0", "n1", "n2", "n3"]
    assert cluster.refusals("n0", "web", affinity=apart(term("web"))) == [
        "node(s) didn't match pod anti-affinity rules",
        "node(s) didn't satisfy existing pods anti-affinity rules",
    ]
    assert cluster.refusals("n0", "web") == ["node(s) didn't satisfy existing pods anti-affinity rules"]
    assert cluster.refusals("n0", "other") == []


def test_company_is_had_where_it_is_and_the_first_goes_anywhere() -> None:
    cluster = Cluster()
    assert cluster.place("cache", affinity=near(term("db", ZONE))) == [None]
    assert cluster.refusals("n0", "cache", affinity=near(term("db", ZONE))) == [
        "node(s) didn't match pod affinity rules"
    ]
    cluster.place("db", at="n2")
    assert set(cluster.place("cache", 4, affinity=near(term("db", ZONE)))) <= {"n2", "n3"}
    first, *others = cluster.place("group", 4, affinity=near(term("group")))
    assert others == [first] * 3


def test_only_pods_of_the_named_namespaces_count() -> None:
    cluster = Cluster()
    cluster.state.set_namespace("team", {"tier": "1"})
    cluster.place("db", at="n0", namespace="team")
    assert cluster.place("web", affinity=near(term("db"))) == [None]
    assert cluster.place("web", affinity=near(term("db", namespaces=["team"]))) == ["n0"]
    chosen = near(term("db", namespaceSelector={"matchLabels": {"tier": "1"}}))
    assert cluster.place("web", affinity=chosen) == ["n0"]
    cluster.state.set_namespace("team", {"tier": "2"})
    assert cluster.place("web", affinity=chosen) == [None]
    assert cluster.place("web", affinity=near(term("db", namespaceSelector={}))) == ["n0"]


@pytest.mark.parametrize("name", ["pack", "spread"])
def test_wishes_decide_between_nodes(name: str) -> None:
    cluster = Cluster(name=name)
    cluster.place("db", at="n3")
    cluster.place("filler", at="n1")
    wish = [{"weight": 1, "podAffinityTerm": term("db")}]
    assert cluster.place("web", affinity={"podAffinity": {PREFERRED: wish}}) == ["n3"]
    assert cluster.place("web", 2, affinity={"podAntiAffinity": {PREFERRED: wish}}).count("n3") == 0
    cluster.place(
        "magnet", at="n2", affinity={"podAffinity": {PREFERRED: [{"weight": 9, "podAffinityTerm": term("x")}]}}
    )
    assert cluster.place("x") == ["n2"]


def test_label_keys_narrow_a_term_to_pods_of_the_same_revision() -> None:
    cluster = Cluster()
    rule = apart(term("web", matchLabelKeys=["app"]))
    assert len(set(cluster.place("web", 4, affinity=rule))) == 4
    assert cluster.place("web", affinity=apart(term("web", mismatchLabelKeys=["app"]))) == [None]


def test_a_hard_spread_keeps_the_skew() -> None:
    cluster = Cluster("xxyz-")
    placed = cluster.place("web", 7, topologySpreadConstraints=spread("web", ZONE))
    zones = Counter({"n0": "x", "n1": "x", "n2": "y", "n3": "z"}.get(str(name), "-") for name in placed)
    assert max(zones.values()) - min(zones.values()) <= 1
    assert set(zones) == {"x", "y", "z"}
    cluster = Cluster("xy-")
    cluster.place("web", at="n0")
    assert cluster.refusals("n0", "web", topologySpreadConstraints=spread("web", ZONE)) == [SKEWED]
    assert cluster.refusals("n1", "web", topologySpreadConstraints=spread("web", ZONE)) == []
    assert cluster.refusals("n2", "web", topologySpreadConstraints=spread("web", ZONE)) == [
        f"{SKEWED} (missing required label)"
    ]


def test_too_few_domains_count_as_empty_ones() -> None:
    cluster = Cluster("xy")
    few = spread("web", ZONE, minDomains=3)
    assert cluster.place("web", 3, topologySpreadConstraints=few).count(None) == 1


def test_nodes_where_the_pod_cannot_go_count_as_its_policies_say() -> None:
    cluster = Cluster("xy")
    cluster.place("web", at="n0")
    here = {"nodeSelector": {ZONE: "x"}}
    assert cluster.place("web", topologySpreadConstraints=spread("web", ZONE), **here) == ["n0"]
    strict = spread("web", ZONE, nodeAffinityPolicy="Ignore")
    assert cluster.place("web", topologySpreadConstraints=strict, **here) == [None]
    tainted = node("n1", labels={ZONE: "y"}, taints=[{"key": "a", "effect": "NoSchedule"}])
    cluster.state.set_node(NodeFacts.of(tainted))
    assert cluster.place("web", topologySpreadConstraints=spread("web", ZONE)) == [None]
    lenient = spread("web", ZONE, nodeTaintsPolicy="Honor")
    assert cluster.place("web", topologySpreadConstraints=lenient) == ["n0"]


def test_pods_that_end_do_not_count_for_spreading() -> None:
    cluster = Cluster("xy")
    going = pod("old", labels={"app": "web"})
    going["metadata"] |= {"uid": "old", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    cluster.state.place(cluster.classes.info(going), "n0")
    assert cluster.refusals("n0", "web", topologySpreadConstraints=spread("web", ZONE)) == []


@pytest.mark.parametrize("name", ["pack", "spread"])
def test_a_soft_spread_evens_out_and_never_refuses(name: str) -> None:
    cluster = Cluster("xy", name)
    placed = cluster.place("web", 6, topologySpreadConstraints=spread("web", ZONE, "ScheduleAnyway"))
    assert Counter(placed) == {"n0": 3, "n1": 3}


@pytest.mark.parametrize("name", ["pack", "spread"])
def test_replicas_spread_over_zones_by_themselves(name: str) -> None:
    cluster = Cluster("xxxyz", name)
    assert {str(item) for item in cluster.place("web", 3, owner="rs")} >= {"n3", "n4"}


def test_a_pod_chooses_its_profile_by_the_schedulers_name() -> None:
    cluster = Cluster("----")
    packed = cluster.place("a", 4, schedulerName="quarterdeck-pack")
    assert len(set(packed)) == 1
    cluster = Cluster("----")
    assert len(set(cluster.place("a", 4, schedulerName="quarterdeck-spread"))) == 4
