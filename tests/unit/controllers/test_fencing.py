"""A pod of a lost node is removed when the node has certainly stopped it, and not before."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import EVENTS, NODES, PODS
from common.api.meta import Key, Object
from console.controllers.fencing import LEASE_SECONDS, FencingController
from tests.fakes.api import copy
from tests.fakes.objects import node, pod

OWNER = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "s", "controller": True}


def lost(name: str, reason: str = "NodeStatusUnknown") -> Object:
    made = node(name, ready="Unknown")
    made["status"]["conditions"][0]["reason"] = reason
    return made


def stuck(name: str, owner: Object | None = OWNER) -> Object:
    made = pod(name, node="n1", phase="Running", owner=owner)
    made["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}
    return made


async def begin(world: Any, *nodes: Object) -> None:
    world.api.seed(NODES, *nodes)
    staying = pod("staying-0", node="n1", phase="Running", owner=OWNER)
    world.api.seed(PODS, stuck("db-0"), stuck("other-x", {**OWNER, "kind": "ReplicaSet"}), staying)
    await world.start(FencingController(world.kit))


def names(world: Any) -> list[str]:
    return [entry["metadata"]["name"] for entry in world.api.items(PODS)]


def reasons(world: Any) -> list[str]:
    return [event["reason"] for event in world.api.items(EVENTS)]


def set_ready(world: Any, name: str, status: str) -> None:
    changed = copy(world.api.find(NODES, Key("", name)))
    changed["status"]["conditions"][0]["status"] = status
    world.api.update(NODES, changed, "status")


async def test_it_goes_one_lease_after_its_node_was_lost(world: Any) -> None:
    await begin(world, lost("n1"), node("n2"), node("n3"))
    await world.settle(LEASE_SECONDS - 2)
    assert names(world) == ["db-0", "other-x", "staying-0"]
    await world.settle(3)
    assert names(world) == ["other-x", "staying-0"]
    assert reasons(world) == ["Fenced"]


async def test_a_node_that_comes_back_keeps_it(world: Any) -> None:
    await begin(world, lost("n1"), node("n2"), node("n3"))
    await world.settle(LEASE_SECONDS - 2)
    set_ready(world, "n1", "True")
    await world.settle(LEASE_SECONDS * 2)
    assert "db-0" in names(world)


async def test_the_lease_begins_anew_when_the_majority_was_away(world: Any) -> None:
    await begin(world, lost("n1"), node("n2"), node("n3"))
    await world.settle(LEASE_SECONDS - 2)
    set_ready(world, "n2", "Unknown")
    await world.settle(1)
    set_ready(world, "n2", "True")
    await world.settle(LEASE_SECONDS - 2)
    assert "db-0" in names(world)
    await world.settle(4)
    assert "db-0" not in names(world)


async def test_nodes_that_join_later_make_no_majority(world: Any) -> None:
    await begin(world, lost("n1"), lost("n2"), node("n3"))
    await world.settle(1)
    world.api.seed(NODES, node("n4"), node("n5"), node("n6"))
    await world.settle(LEASE_SECONDS * 3)
    assert "db-0" in names(world)


@pytest.mark.parametrize("reason", ["AgentNotResponding", "NodeStatusNeverUpdated"])
async def test_where_no_agent_can_have_stopped_it_nothing_is_concluded(world: Any, reason: str) -> None:
    await begin(world, lost("n1", reason), node("n2"), node("n3"))
    await world.settle(LEASE_SECONDS * 3)
    assert "db-0" in names(world)


async def test_of_two_nodes_an_operator_decides(world: Any) -> None:
    await begin(world, lost("n1"), node("n2"))
    await world.settle(LEASE_SECONDS * 3)
    assert "db-0" in names(world)
    (event,) = world.api.items(EVENTS)
    assert event["reason"] == "FencingNeedsOperator"
    assert "kubectl taint node n1 node.kubernetes.io/out-of-service=off:NoExecute" in event["message"]
