"""Where the profiles put pods."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from common.api.meta import Object
from console.scheduler.core.model import Classes, NodeFacts
from console.scheduler.core.rows import Rows
from console.scheduler.core.scores import profile
from console.scheduler.core.state import ClusterState
from tests.fakes.objects import node, pod


class Cluster:
    def __init__(self, *nodes: Object, profile_name: str = "pack") -> None:
        self.state = ClusterState()
        self.classes = Classes()
        self.rows = Rows(self.state, profile(profile_name))
        self.serial = 0
        for made in nodes:
            self.state.set_node(NodeFacts.of(made))

    def place(self, workload: str, count: int = 1, **asked: Any) -> list[str | None]:
        return [self._place(workload, asked) for _ in range(count)]

    def _place(self, workload: str, asked: dict[str, Any]) -> str | None:
        self.serial += 1
        owner = {"kind": "ReplicaSet", "uid": workload, "controller": True}
        made = pod(f"p{self.serial}", owner=owner, **asked)
        made["metadata"]["uid"] = f"p{self.serial}"
        info = self.classes.info(made)
        chosen = self.rows.choose(info.kind)
        if chosen is not None:
            self.state.place(info, chosen)
        return chosen


def nodes(count: int, **more: Any) -> list[Object]:
    return [node(f"n{index}", **more) for index in range(count)]


@pytest.mark.parametrize("name", ["pack", "spread"])
def test_replicas_of_one_workload_go_to_different_nodes_first(name: str) -> None:
    cluster = Cluster(*nodes(3), profile_name=name)
    assert Counter(cluster.place("web", 6, cpu="100m")) == {"n0": 2, "n1": 2, "n2": 2}


def test_pack_puts_single_pods_of_many_workloads_on_few_nodes() -> None:
    cluster = Cluster(*nodes(4, cpu="4"))
    placed = [cluster.place(f"job-{index}", cpu="1")[0] for index in range(8)]
    assert Counter(placed) == {"n0": 4, "n1": 4}


def test_spread_puts_them_on_many() -> None:
    cluster = Cluster(*nodes(4, cpu="4"), profile_name="spread")
    placed = [cluster.place(f"job-{index}", cpu="1")[0] for index in range(8)]
    assert Counter(placed) == dict.fromkeys(["n0", "n1", "n2", "n3"], 2)


def test_pack_takes_the_node_that_is_filled_best() -> None:
    cluster = Cluster(node("big", cpu="16"), node("small", cpu="2"))
    cluster.place("a", cpu="1", nodeSelector={"kubernetes.io/hostname": "big"})
    cluster.place("b", cpu="1", nodeSelector={"kubernetes.io/hostname": "small"})
    assert cluster.place("c", cpu="1") == ["small"]


def test_preferences_outweigh_packing() -> None:
    cluster = Cluster(node("used"), node("liked", labels={"disk": "ssd"}))
    cluster.place("a", cpu="1", nodeSelector={"kubernetes.io/hostname": "used"})
    preference = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
    wish = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": preference}]}
    assert cluster.place("b", cpu="1", affinity={"nodeAffinity": wish}) == ["liked"]


def test_a_soft_taint_is_avoided_but_taken_when_all_else_is_full() -> None:
    cluster = Cluster(node("soft", taints=[{"key": "a", "effect": "PreferNoSchedule"}]), node("free", cpu="1"))
    assert [cluster.place(f"w{index}", cpu="1")[0] for index in range(3)] == ["free", "soft", "soft"]


def test_nothing_fits_nowhere() -> None:
    assert Cluster(node("n1", cpu="1")).place("web", 2, cpu="1") == ["n1", None]
    assert Cluster().place("web") == [None]


def test_a_slot_is_used_again_and_keeps_nothing_of_its_last_node() -> None:
    cluster = Cluster(*nodes(2, cpu="1"))
    cluster.place("web", 2, cpu="1")
    cluster.state.remove_node("n0")
    cluster.state.set_node(NodeFacts.of(node("new", cpu="2", taints=[{"key": "a", "effect": "NoSchedule"}])))
    assert cluster.place("web", cpu="1") == [None]
    cluster.state.set_node(NodeFacts.of(node("new", cpu="2")))
    assert cluster.place("web", 3, cpu="1") == ["new", "new", None]


def test_pods_of_a_node_that_is_not_known_yet_count_when_it_comes() -> None:
    cluster = Cluster()
    made = pod("early", cpu="1")
    made["metadata"]["uid"] = "early"
    cluster.state.place(cluster.classes.info(made), "n1")
    cluster.state.set_node(NodeFacts.of(node("n1", cpu="1")))
    assert cluster.place("web", cpu="1") == [None]
    cluster.state.remove("early")
    assert cluster.place("web", cpu="1") == ["n1"]
