"""The message of a pod that fits nowhere, and the verdict of each node."""

from __future__ import annotations

from common.api.meta import Object
from console.scheduler.core.evaluation import Evaluation
from console.scheduler.core.model import Classes, NodeFacts
from console.scheduler.core.scores import profile
from console.scheduler.core.state import ClusterState
from console.scheduler.core.verdict import first_refusals, no_victims, summary, verdicts
from tests.fakes.objects import node, pod


def cluster(*nodes: Object) -> ClusterState:
    state = ClusterState()
    for item in nodes:
        state.set_node(NodeFacts.of(item))
    return state


def test_nodes_count_by_their_first_refusal() -> None:
    taint = {"key": "gpu", "value": "only", "effect": "NoSchedule"}
    state = cluster(
        node("a", cpu="1"), node("b", cpu="1", memory="1Gi"), node("c", taints=[taint]), node("d", taints=[taint])
    )
    refusals = first_refusals(
        Evaluation(Classes().info(pod("web", cpu="2", memory="2Gi")).kind, state, profile("pack")), state
    )
    assert summary(refusals, 4, no_victims(refusals, 4)) == (
        "0/4 nodes are available: 1 Insufficient memory, 2 Insufficient cpu, 2 node(s) had untolerated taint(s). "
        "no new claims to deallocate, preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
    )


def test_without_nodes_it_says_so() -> None:
    assert summary({}, 0) == "no nodes available to schedule pods"


def test_a_verdict_shows_what_there_is_and_leaves_the_node_alone() -> None:
    classes = Classes()
    running = pod("web", cpu="1500m", memory="1Gi")
    running["metadata"]["uid"] = "web"
    info = classes.info(running)
    state = cluster(node("n1", cpu="2", memory="4Gi", pods=10))
    state.place(info, "n1")
    (verdict,) = verdicts(info, state, profile("pack"))
    assert verdict["fits"]
    assert verdict["free"] == {"cpu": "2", "memory": "4Gi", "pods": "10"}
    other = pod("other", cpu="1500m", memory="1Gi")
    other["metadata"]["uid"] = "other"
    (verdict,) = verdicts(classes.info(other), state, profile("pack"))
    assert (verdict["reasons"], verdict["score"]) == (["Insufficient cpu"], None)
    assert (verdict["requested"], verdict["free"]["cpu"]) == ({"cpu": "1500m", "memory": "1Gi"}, "500m")
