"""Where the pods of a node that is drained would land."""

from __future__ import annotations

from typing import Any

from common.api.meta import Object
from console.scheduler.core.fitting import moves
from console.scheduler.core.model import Classes, NodeFacts, PodInfo
from console.scheduler.core.scores import profile
from console.scheduler.core.state import ClusterState
from tests.fakes.objects import node, pod


class Cluster:
    def __init__(self, *nodes: Object) -> None:
        self.state, self.classes = ClusterState(), Classes()
        for made in nodes:
            self.state.set_node(NodeFacts.of(made))

    def put(self, name: str, where: str, **asked: Any) -> PodInfo:
        owner = {"kind": "ReplicaSet", "uid": asked.pop("workload", "web"), "controller": True}
        made = pod(name, owner=owner, **asked)
        made["metadata"]["uid"] = name
        info = self.classes.info(made)
        self.state.place(info, where)
        return info


def test_pods_take_the_room_that_is_elsewhere_and_the_last_has_no_home() -> None:
    cluster = Cluster(node("a", cpu="2"), node("b", cpu="1"), node("c", cpu="1"))
    leaving = [cluster.put(f"p{index}", "a", cpu="600m") for index in range(3)]
    found = moves(leaving, "a", cluster.state, profile("pack"))
    assert sorted(move["node"] for move in found[:2]) == ["b", "c"]
    assert found[2] == {
        "namespace": "default", "name": "p2", "node": "",
        "message": "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. "
        "no new claims to deallocate, preemption: 0/3 nodes "
        "are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.",
    }  # fmt: skip


def test_nothing_stays_of_the_question() -> None:
    cluster = Cluster(node("a"), node("b"))
    leaving = [cluster.put("p", "a", cpu="1")]
    assert moves(leaving, "a", cluster.state, profile("pack"))[0]["node"] == "b"
    assert cluster.state.where("p") == "a"
    left = cluster.state.node("b")
    assert left is not None
    assert not left.pods


def test_what_pods_keep_apart_stays_apart() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    cluster = Cluster(node("a"), node("b"), node("c"))
    cluster.put("other", "b", labels={"app": "db"}, affinity=affinity)
    leaving = [cluster.put("p", "a", labels={"app": "db"}, affinity=affinity)]
    assert moves(leaving, "a", cluster.state, profile("pack"))[0]["node"] == "c"
