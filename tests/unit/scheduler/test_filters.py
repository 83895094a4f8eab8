"""Each filter's refusal, in Kubernetes' words."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.meta import Object
from console.scheduler.core.evaluation import Evaluation
from console.scheduler.core.model import Classes, NodeFacts
from console.scheduler.core.scores import profile
from console.scheduler.core.state import ClusterState
from tests.fakes.objects import node, pod

CLASSES = Classes()


def refusals(made_pod: Object, made_node: Object, *running: Object) -> list[str]:
    state = ClusterState()
    state.set_node(NodeFacts.of(made_node))
    for other in running:
        named = {**other, "metadata": {**other["metadata"], "uid": other["metadata"]["name"]}}
        state.place(CLASSES.info(named), made_node["metadata"]["name"])
    evaluation = Evaluation(CLASSES.info(made_pod).kind, state, profile("pack"))
    return [reason for node in state.nodes() for no in evaluation.refusals(node) for reason in no.reasons]


def test_a_pod_that_asks_nothing_fits() -> None:
    assert refusals(pod("web"), node("n1")) == []


def test_every_lacking_resource_is_named() -> None:
    made = pod("web", cpu="2", memory="2Gi")
    assert refusals(made, node("n1", cpu="1", memory="1Gi")) == ["Insufficient cpu", "Insufficient memory"]


def test_what_runs_already_counts() -> None:
    running = [pod("a", cpu="600m"), pod("b", cpu="300m")]
    assert refusals(pod("web", cpu="100m"), node("n1", cpu="1"), *running) == []
    assert refusals(pod("web", cpu="101m"), node("n1", cpu="1"), *running) == ["Insufficient cpu"]


def test_a_pod_that_is_resized_holds_what_it_had_until_it_has_less() -> None:
    running = pod("running", node="n1", cpu="500m")
    name = running["spec"]["containers"][0]["name"]
    running["status"]["containerStatuses"] = [{"name": name, "allocatedResources": {"cpu": "1500m"}}]
    wanting = pod("new", cpu="1")
    assert refusals(wanting, node("n1", cpu="2"), running) == ["Insufficient cpu"]
    running["status"]["containerStatuses"][0]["allocatedResources"] = {"cpu": "500m"}
    assert refusals(wanting, node("n1", cpu="2"), running) == []


def test_an_unknown_resource_is_insufficient() -> None:
    made = pod("web")
    made["spec"]["containers"][0]["resources"] = {"limits": {"example.com/gpu": "1"}}
    assert refusals(made, node("n1")) == ["Insufficient example.com/gpu"]


def test_the_number_of_pods_is_limited() -> None:
    assert refusals(pod("web"), node("n1", pods=1), pod("a")) == ["Too many pods"]


def test_a_cordoned_node_takes_only_who_tolerates_it() -> None:
    assert refusals(pod("web"), node("n1", unschedulable=True)) == ["node(s) were unschedulable"]
    tolerant = pod("web", tolerations=[{"operator": "Exists"}])
    assert refusals(tolerant, node("n1", unschedulable=True)) == []


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({"key": "disk", "operator": "Equal", "value": "slow", "effect": "NoSchedule"}, True),
        ({"key": "disk", "value": "slow"}, True),
        ({"key": "disk", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "disk", "value": "fast"}, False),
        ({"key": "disk", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_taints_need_tolerations(toleration: Object, fits: bool) -> None:
    tainted = node("n1", taints=[{"key": "disk", "value": "slow", "effect": "NoSchedule"}])
    expected = [] if fits else ["node(s) had untolerated taint {disk: slow}"]
    assert refusals(pod("web", tolerations=[toleration]), tainted) == expected


def test_a_soft_taint_refuses_nobody() -> None:
    assert refusals(pod("web"), node("n1", taints=[{"key": "a", "effect": "PreferNoSchedule"}])) == []


@pytest.mark.parametrize(("ready", "taint"), [(False, "not-ready"), ("Unknown", "unreachable")])
def test_a_node_that_is_not_ready_counts_as_tainted_at_once(ready: Any, taint: str) -> None:
    expected = [f"node(s) had untolerated taint {{node.kubernetes.io/{taint}: }}"]
    assert refusals(pod("web"), node("n1", ready=ready)) == expected


def affinity(*terms: Object) -> Object:
    required = {"nodeSelectorTerms": list(terms)}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def term(key: str, operator: str, *values: str) -> Object:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("spec", "fits"),
    [
        ({"nodeSelector": {"zone": "a"}}, True),
        ({"nodeSelector": {"zone": "b"}}, False),
        ({"affinity": affinity(term("zone", "In", "a", "b"))}, True),
        ({"affinity": affinity(term("zone", "NotIn", "a"))}, False),
        ({"affinity": affinity(term("cores", "Gt", "8"))}, True),
        ({"affinity": affinity(term("cores", "Lt", "8"))}, False),
        ({"affinity": affinity(term("zone", "DoesNotExist"), term("cores", "Exists"))}, True),
        ({"affinity": affinity({})}, False),
        ({"affinity": affinity()}, False),
        ({"affinity": affinity({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]})}, True),
        ({"nodeSelector": {"zone": "a"}, "affinity": affinity(term("zone", "In", "b"))}, False),
    ],
)
def test_node_selectors_and_affinity(spec: Object, fits: bool) -> None:
    labelled = node("n1", labels={"zone": "a", "cores": "16"})
    expected = [] if fits else ["node(s) didn't match Pod's node affinity/selector"]
    assert refusals(pod("web", **spec), labelled) == expected


def test_pods_that_name_their_node_are_refused_by_the_others_in_other_words() -> None:
    only = affinity({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]})
    assert refusals(pod("web", affinity=only), node("n1")) == []
    assert refusals(pod("web", affinity=only), node("n2")) == ["node(s) didn't satisfy plugin(s) [NodeAffinity]"]


def with_port(name: str, port: int, ip: str = "", protocol: str = "TCP") -> Object:
    made = pod(name)
    made["spec"]["containers"][0]["ports"] = [{"hostPort": port, "hostIP": ip, "protocol": protocol}]
    return made


@pytest.mark.parametrize(
    ("wanted", "taken", "fits"),
    [
        (with_port("a", 80), with_port("b", 80), False),
        (with_port("a", 80), with_port("b", 81), True),
        (with_port("a", 80), with_port("b", 80, protocol="UDP"), True),
        (with_port("a", 80, "10.0.0.1"), with_port("b", 80, "10.0.0.2"), True),
        (with_port("a", 80, "10.0.0.1"), with_port("b", 80, "0.0.0.0"), False),
    ],
)
def test_host_ports_are_had_once(wanted: Object, taken: Object, fits: bool) -> None:
    expected = [] if fits else ["node(s) didn't have free ports for the requested pod ports"]
    assert refusals(wanted, node("n1"), taken) == expected


def test_init_containers_and_overhead_count_as_documented() -> None:
    made = pod("web", cpu="500m", initContainers=[{"name": "i", "resources": {"requests": {"cpu": "2"}}}],
               overhead={"cpu": "250m"})  # fmt: skip
    kind = CLASSES.info(made).kind
    assert dict(kind.requests)["cpu"] == 2250


def test_pods_that_ask_the_same_share_a_class() -> None:
    owner = {"kind": "ReplicaSet", "uid": "rs", "controller": True}
    first, second = (CLASSES.info(pod(name, cpu="1", owner=owner)) for name in ("a", "b"))
    other = CLASSES.info(pod("c", cpu="2", owner=owner))
    assert first.kind is second.kind
    assert other.kind is not first.kind
