"""Who leaves for whom."""

from __future__ import annotations

from typing import Any

from common.api.meta import Object
from common.api.selectors import from_labels
from console.scheduler.core.evaluation import Evaluation
from console.scheduler.core.model import Classes, NodeFacts, PodInfo
from console.scheduler.core.preemption import Budget, Preemption, preempt
from console.scheduler.core.scores import profile
from console.scheduler.core.state import ClusterState
from console.scheduler.core.verdict import first_refusals, summary
from tests.fakes.objects import node, pod

CLASSES = Classes()
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def info(name: str, priority: int = 0, cpu: str = "1", started: str = "", **more: Any) -> PodInfo:
    made = pod(name, cpu=cpu, priority=priority, **more)
    made["metadata"]["uid"] = name
    made["status"]["startTime"] = started
    return CLASSES.info(made)


def cluster(*nodes: Object, **running: list[PodInfo]) -> ClusterState:
    state = ClusterState()
    for item in nodes:
        state.set_node(NodeFacts.of(item))
    for name, pods in running.items():
        for running_pod in pods:
            state.place(running_pod, name)
    return state


def attempt(pod: PodInfo, state: ClusterState, *budgets: Budget) -> Preemption | str:
    refusals = first_refusals(Evaluation(pod.kind, state, profile("pack")), state)
    return preempt(pod, state, profile("pack"), refusals, budgets)


def victims(way: Preemption | str) -> tuple[str, list[str]]:
    assert isinstance(way, Preemption), way
    return way.node, [victim.uid for victim in way.victims]


def test_as_few_as_possible_leave_and_the_least_important() -> None:
    state = cluster(node("a", cpu="3"), a=[info("low", 1), info("lower", 0), info("mid", 5)])
    assert victims(attempt(info("new", 10), state)) == ("a", ["lower"])
    assert victims(attempt(info("new", 10, "2"), state)) == ("a", ["low", "lower"])
    assert {name for item in state.nodes() for name in item.pods} == {"low", "lower", "mid"}


def test_of_equal_ones_those_that_started_last_leave() -> None:
    old, young = info("old", started="2026-01-01T00:00:00Z"), info("young", started="2026-01-02T00:00:00Z")
    assert victims(attempt(info("new", 10), cluster(node("a", cpu="2"), a=[old, young]))) == ("a", ["young"])
    state = cluster(node("a", cpu="1"), node("b", cpu="1"), a=[old], b=[young])
    assert victims(attempt(info("new", 10), state)) == ("b", ["young"])


def test_the_node_whose_victims_matter_least_is_taken() -> None:
    state = cluster(node("a", cpu="1"), node("b", cpu="1"), a=[info("mid", 5)], b=[info("low", 1)])
    assert victims(attempt(info("new", 10), state)) == ("b", ["low"])
    state = cluster(
        node("a", cpu="2"), node("b", cpu="2"),
        a=[info("a1", cpu="1"), info("a2", cpu="1")], b=[info("b1", cpu="2")],
    )  # fmt: skip
    assert victims(attempt(info("new", 10, "2"), state)) == ("b", ["b1"])


def test_budgets_are_kept_when_they_can_be() -> None:
    guarded = info("guarded", 0, labels={"app": "db"})
    budget = Budget("default", from_labels({"app": "db"}), 0, frozenset())
    state = cluster(node("a", cpu="1"), node("b", cpu="1"), a=[guarded], b=[info("free", 5)])
    assert victims(attempt(info("new", 10), state, budget)) == ("b", ["free"])
    state = cluster(node("a", cpu="2"), a=[guarded, info("free", 5)])
    assert victims(attempt(info("new", 10), state, budget)) == ("a", ["free"])
    state = cluster(node("a", cpu="1"), a=[guarded])
    way = attempt(info("new", 10), state, budget)
    assert isinstance(way, Preemption)
    assert (way.violations, [victim.uid for victim in way.victims]) == (1, ["guarded"])


def test_nobody_leaves_for_nothing() -> None:
    state = cluster(node("a", cpu="1"), node("b", cpu="1", unschedulable=True), a=[info("same", 10)])
    new = info("new", 10)
    refusals = first_refusals(Evaluation(new.kind, state, profile("pack")), state)
    said = attempt(new, state)
    assert isinstance(said, str)
    assert summary(refusals, 2, said) == (
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable. "
        "no new claims to deallocate, preemption: 0/2 nodes are "
        "available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."
    )
    state = cluster(node("a", cpu="2"), a=[info("big", 20), info("low", 0)])
    assert attempt(info("new", 10, "2"), state) == "0/1 nodes are available: 1 Insufficient cpu."


def test_the_polite_and_those_whose_victims_are_leaving_wait() -> None:
    state = cluster(node("a", cpu="1"), a=[info("low")])
    assert attempt(info("new", 10, preemptionPolicy="Never"), state) == "not eligible due to preemptionPolicy=Never."
    going = pod("low", cpu="1")
    going["metadata"] |= {"uid": "low", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    state = cluster(node("a", cpu="1"), a=[CLASSES.info(going)])
    waiting = pod("new", cpu="1", priority=10)
    waiting["metadata"]["uid"] = "new"
    waiting["status"]["nominatedNodeName"] = "a"
    assert attempt(CLASSES.info(waiting), state) == "not eligible due to a terminating pod on the nominated node."


def test_pods_that_are_in_the_way_by_anti_affinity_leave() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    state = cluster(node("a", cpu="4"), a=[info("web", 0, labels={"app": "web"}), info("other")])
    shy = info("new", 10, affinity={"podAntiAffinity": {_REQUIRED: [term]}})
    assert victims(attempt(shy, state)) == ("a", ["web"])
    state = cluster(node("a", cpu="4"), a=[info("web", 0, affinity={"podAntiAffinity": {_REQUIRED: [term]}})])
    assert victims(attempt(info("new", 10, labels={"app": "web"}), state)) == ("a", ["web"])
