"""Node conditions, taints and evictions."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import EVENTS, NODES, PODS
from common.api.meta import Key, Object, is_deleting, name
from common.api.pods import is_ready
from common.api.taints import Taint
from console.controllers.nodelifecycle import NodeLifecycleController
from console.controllers.nodelifecycle.plan import leaving, revised_taints
from tests.fakes.api import copy
from tests.fakes.cluster import at
from tests.fakes.objects import node, pod

NOW = at("2026-01-01T00:00:00Z")


def effects(taints: list[Object] | None) -> set[tuple[str, str]]:
    return {(taint["key"].removeprefix("node.kubernetes.io/"), taint["effect"]) for taint in taints or ()}


@pytest.mark.parametrize(
    ("made", "evict", "expected"),
    [
        (node("n", ready=False), True, {("not-ready", "NoSchedule"), ("not-ready", "NoExecute")}),
        (node("n", ready="Unknown"), True, {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}),
        (node("n", ready="Unknown"), False, {("unreachable", "NoSchedule")}),
        (node("n", unschedulable=True), False, {("unschedulable", "NoSchedule")}),
    ],
)
def test_conditions_become_taints(made: Object, evict: bool, expected: set[tuple[str, str]]) -> None:
    assert effects(revised_taints(made, evict, NOW)) == expected


def test_a_full_disk_keeps_new_pods_away() -> None:
    made = node("n")
    made["status"]["conditions"].append({"type": "DiskPressure", "status": "True"})
    assert effects(revised_taints(made, False, NOW)) == {("disk-pressure", "NoSchedule")}


def test_taints_of_others_stay_and_ours_go_when_they_are_not_true_any_more() -> None:
    theirs = {"key": "gpu", "value": "only", "effect": "NoSchedule"}
    ours = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}
    assert revised_taints(node("n", taints=[theirs, ours]), False, NOW) == [theirs]
    assert revised_taints(node("n", taints=[theirs]), False, NOW) is None


def tolerating(seconds: int | None) -> Object:
    toleration: Object = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
    if seconds is not None:
        toleration["tolerationSeconds"] = seconds
    return pod("web", tolerations=[toleration])


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (pod("web"), [0.0]),
        (tolerating(5), [3.0]),
        (tolerating(0), [0.0]),
        (tolerating(1), [0.0]),
        (tolerating(None), []),
    ],
)
def test_pods_leave_when_their_toleration_ends(made: Object, expected: list[float]) -> None:
    tainted = node("n", taints=[{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}])
    assert [entry.seconds for entry in leaving(tainted, [made], lambda _taint: 100.0, 102.0)] == expected


def test_the_shortest_toleration_of_all_taints_counts() -> None:
    both = [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}, {"key": "other", "effect": "NoExecute"}]
    since = {"node.kubernetes.io/unreachable": 0.0, "other": 50.0}

    def seen(taint: Taint) -> float:
        return since[taint.key]

    assert [entry.seconds for entry in leaving(node("n", taints=both), [tolerating(None)], seen, 50.0)] == [0.0]


@pytest.fixture
async def running(world: Any) -> Any:
    world.api.seed(NODES, node("n1"), node("n2"))
    world.api.seed(
        PODS, pod("web", node="n1", ready=True), pod("calm", node="n1", tolerations=[{"operator": "Exists"}])
    )
    await world.start(NodeLifecycleController(world.kit))
    await world.settle(21)
    return world


def report(world: Any, node_key: str, status: str) -> None:
    changed = copy(world.api.find(NODES, Key("", node_key)))
    changed["status"]["conditions"][0]["status"] = status
    world.api.update(NODES, changed, "status")


def deleted(world: Any) -> list[str]:
    return [name(entry) for entry in world.api.items(PODS) if is_deleting(entry)]


async def test_pods_of_a_lost_node_are_unready_and_leave(running: Any) -> None:
    report(running, "n1", "Unknown")
    await running.settle()
    assert not is_ready(running.api.find(PODS, Key("default", "web")))
    assert deleted(running) == ["web"]
    conditions = running.api.find(PODS, Key("default", "web"))["status"]["conditions"]
    assert {"DisruptionTarget": "DeletionByTaintManager"}.items() <= {
        entry["type"]: entry.get("reason") for entry in conditions
    }.items()
    assert {"NodeNotReady", "TaintManagerEviction"} <= {event["reason"] for event in running.api.items(EVENTS)}


async def test_a_node_that_is_back_in_time_loses_nothing(running: Any) -> None:
    patient = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 5}
    running.api.seed(PODS, pod("patient", node="n1", ready=True, tolerations=[patient]))
    for _ in range(3):
        report(running, "n1", "Unknown")
        await running.settle(3)
        report(running, "n1", "True")
        await running.settle(3)
    assert deleted(running) == ["web"]
    report(running, "n1", "Unknown")
    await running.settle(6)
    assert deleted(running) == ["patient", "web"]


async def test_a_users_taint_evicts_from_a_ready_node_too(running: Any) -> None:
    taint = {"key": "maintenance", "effect": "NoExecute"}
    await running.client.patch(NODES, "n1", {"spec": {"taints": [taint]}})
    await running.settle()
    assert deleted(running) == ["web"]


async def test_each_pod_leaves_a_tainted_node_when_its_own_toleration_ends(running: Any) -> None:
    for name_, seconds in (("soon", 5), ("later", 30)):
        toleration = {
            "key": "evict",
            "operator": "Equal",
            "value": "v",
            "effect": "NoExecute",
            "tolerationSeconds": seconds,
        }
        running.api.seed(PODS, pod(name_, node="n1", ready=True, tolerations=[toleration]))
    await running.client.patch(
        NODES, "n1", {"spec": {"taints": [{"key": "evict", "value": "v", "effect": "NoExecute"}]}}
    )
    await running.settle(6)
    assert deleted(running) == ["soon", "web"]
    await running.settle(30)
    assert deleted(running) == ["later", "soon", "web"]


async def test_a_taint_that_is_taken_back_in_time_evicts_nobody(running: Any) -> None:
    patient = {"key": "evict", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 10}
    running.api.seed(PODS, pod("patient", node="n1", ready=True, tolerations=[patient]))
    await running.client.patch(NODES, "n1", {"spec": {"taints": [{"key": "evict", "effect": "NoExecute"}]}})
    await running.settle(5)
    await running.client.patch(NODES, "n1", {"spec": {"taints": []}})
    await running.settle(30)
    assert deleted(running) == ["web"]


async def test_the_only_node_keeps_its_pods(running: Any) -> None:
    running.api.vanish(NODES, Key("", "n2"))
    report(running, "n1", "Unknown")
    await running.settle(60)
    assert deleted(running) == []
    assert is_ready(running.api.find(PODS, Key("default", "web")))
    running.api.seed(NODES, node("n3"))
    await running.settle()
    assert deleted(running) == ["web"]
