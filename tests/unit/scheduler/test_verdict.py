"""The message of a pod that fits nowhere."""

from __future__ import annotations

from console.scheduler.core.model import Classes, NodeFacts, NodeInfo
from console.scheduler.core.scores import profile
from console.scheduler.core.verdict import node_verdict, summary
from tests.fakes.objects import node, pod


def test_nodes_count_by_their_first_refusal() -> None:
    taint = {"key": "gpu", "value": "only", "effect": "NoSchedule"}
    made = [node("a", cpu="1"), node("b", cpu="1", memory="1Gi"), node("c", taints=[taint]), node("d", taints=[taint])]
    kind = Classes().info(pod("web", cpu="2", memory="2Gi")).kind
    assert summary(kind, [NodeInfo.of(NodeFacts.of(item)) for item in made]) == (
        "0/4 nodes are available: 1 Insufficient memory, 2 Insufficient cpu, 2 node(s) had untolerated "
        "taint {gpu: only}. preemption: 0/4 nodes are available: 2 No preemption victims found for incoming pod, "
        "2 Preemption is not helpful for scheduling."
    )


def test_without_nodes_it_says_so() -> None:
    assert summary(Classes().info(pod("web")).kind, []) == "no nodes available to schedule pods"


def test_a_verdict_shows_what_there_is_and_leaves_the_node_alone() -> None:
    classes = Classes()
    running = pod("web", cpu="1500m", memory="1Gi")
    running["metadata"]["uid"] = "web"
    info = classes.info(running)
    target = NodeInfo.of(NodeFacts.of(node("n1", cpu="2", memory="4Gi", pods=10)))
    target.add(info)
    verdict = node_verdict(info.kind, "web", target, profile("pack"))
    assert verdict["fits"]
    assert verdict["free"] == {"cpu": "2", "memory": "4Gi", "pods": "10"}
    other = node_verdict(info.kind, "other", target, profile("pack"))
    assert (other["reasons"], other["score"]) == (["Insufficient cpu"], None)
    assert (other["requested"], other["free"]["cpu"]) == ({"cpu": "1500m", "memory": "1Gi"}, "500m")
