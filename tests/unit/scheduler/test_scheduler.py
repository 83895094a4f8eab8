"""The scheduler against the in-memory API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from common.api.conditions import get_condition
from common.api.kinds import EVENTS, NODES, PODDISRUPTIONBUDGETS, PODS
from common.api.meta import Key, name
from common.api.pods import node_name
from common.clock import FakeClock
from common.errors import InternalError
from console.scheduler import Scheduler
from tests.fakes.api import FakeApi, copy
from tests.fakes.cluster import quiet
from tests.fakes.objects import node, pod


class World:
    def __init__(self, *extensions: tuple[str, object]) -> None:
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        self.scheduler = Scheduler(self.api.client(), self.clock, extensions=extensions)

    async def settle(self, seconds: float = 0.5) -> None:
        await quiet(self.api)
        await self.clock.advance(seconds)
        await quiet(self.api)

    def placed(self) -> dict[str, str]:
        return {name(obj): node_name(obj) for obj in self.api.items(PODS)}

    def events(self, reason: str) -> list[Any]:
        return [event for event in self.api.items(EVENTS) if event["reason"] == reason]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.scheduler.start()
    yield world
    await world.scheduler.close()
    world.api.assert_untouched()


async def test_a_pod_is_bound_and_it_is_told(world: World) -> None:
    world.api.seed(NODES, node("n1"))
    world.api.seed(PODS, pod("web", cpu="1"))
    await world.settle()
    assert world.placed() == {"web": "n1"}
    assert [event["message"] for event in world.events("Scheduled")] == ["Successfully assigned default/web to n1"]


async def test_a_pod_that_fits_nowhere_says_why_once_and_goes_when_there_is_room(world: World) -> None:
    world.api.seed(NODES, node("n1", cpu="1"), node("n2", unschedulable=True))
    world.api.seed(PODS, pod("big", cpu="2"))
    await world.settle()
    text = (
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable. "
        "no new claims to deallocate, preemption: 0/2 nodes are "
        "available: 2 Preemption is not helpful for scheduling."
    )
    condition = get_condition(world.api.find(PODS, Key("default", "big")), "PodScheduled")
    assert (condition["status"], condition["reason"], condition["message"]) == ("False", "Unschedulable", text)
    await world.settle(60)
    assert [event["count"] for event in world.events("FailedScheduling")] == [1]
    world.api.seed(NODES, node("n3", cpu="4"))
    await world.settle()
    assert world.placed() == {"big": "n3"}


async def test_the_message_follows_the_nodes(world: World) -> None:
    world.api.seed(PODS, pod("big", cpu="2"))
    await world.settle()
    world.api.seed(NODES, node("n1", cpu="1"))
    await world.settle(11)
    messages = {event["message"] for event in world.events("FailedScheduling")}
    assert {text.split(":")[0] for text in messages} == {
        "no nodes available to schedule pods", "0/1 nodes are available"
    }  # fmt: skip


async def test_a_failed_binding_is_undone_and_tried_again(world: World) -> None:
    world.api.seed(NODES, node("n1", cpu="1"))
    world.api.fail(InternalError("disk full"), verb="post", resource=PODS, times=3)
    world.api.seed(PODS, pod("web", cpu="1"))
    await world.settle()
    assert world.placed() == {"web": "n1"}


async def test_a_binding_whose_answer_is_lost_is_not_counted_twice(world: World) -> None:
    world.api.seed(NODES, node("n1", cpu="2"))
    world.api.fail(TimeoutError, verb="post", resource=PODS, after=True)
    world.api.seed(PODS, pod("a", cpu="1"), pod("b", cpu="1"))
    await world.settle()
    assert world.placed() == {"a": "n1", "b": "n1"}


async def test_capacity_comes_back_when_a_pod_ends_or_goes(world: World) -> None:
    world.api.seed(NODES, node("n1", cpu="1"))
    world.api.seed(PODS, pod("first", cpu="1", node="n1"))
    world.api.seed(PODS, pod("second", cpu="1"))
    await world.settle()
    assert world.placed()["second"] == ""
    done = copy(world.api.find(PODS, Key("default", "first")))
    done["status"]["phase"] = "Succeeded"
    world.api.update(PODS, done, "status")
    await world.settle()
    assert world.placed()["second"] == "n1"


async def test_a_gated_pod_waits_for_its_gate(world: World) -> None:
    world.api.seed(NODES, node("n1"))
    world.api.seed(PODS, pod("web", schedulingGates=[{"name": "example.com/wait"}]))
    await world.settle()
    condition = get_condition(world.api.find(PODS, Key("default", "web")), "PodScheduled")
    assert (world.placed()["web"], condition["reason"]) == ("", "SchedulingGated")
    await world.api.client().patch(PODS, "web", {"spec": {"schedulingGates": None}}, "default")
    await world.settle()
    assert world.placed()["web"] == "n1"


async def test_another_schedulers_pod_is_left_alone(world: World) -> None:
    world.api.seed(NODES, node("n1"))
    world.api.seed(PODS, pod("web", schedulerName="mine"))
    await world.settle()
    assert world.placed()["web"] == ""


async def test_priority_goes_before_arrival(world: World) -> None:
    world.api.seed(PODS, pod("low", cpu="1"), pod("high", cpu="1", priority=10))
    await world.settle()
    world.api.seed(NODES, node("n1", cpu="1"))
    await world.settle()
    assert world.placed() == {"low": "", "high": "n1"}


async def test_a_node_that_is_not_ready_or_cannot_be_read_takes_nothing(world: World) -> None:
    world.api.seed(NODES, node("down", ready=False), node("odd", cpu="a lot"))
    world.api.seed(PODS, pod("web"))
    await world.settle()
    condition = get_condition(world.api.find(PODS, Key("default", "web")), "PodScheduled")
    assert "1 node(s) had untolerated taint(s)" in condition["message"]
    assert world.placed()["web"] == ""


async def test_an_explanation_has_every_reason_of_every_node(world: World) -> None:
    world.api.seed(NODES, node("n1", cpu="1", memory="1Gi"), node("n2"))
    world.api.seed(PODS, pod("web", cpu="2", memory="2Gi", node="n2"))
    await world.settle()
    answer = world.scheduler.explain(world.api.find(PODS, Key("default", "web")))
    first, second = answer["nodes"]
    assert answer["message"] == "default/web is assigned to n2"
    assert (first["fits"], first["reasons"], first["score"]) == (
        False,
        ["Insufficient cpu", "Insufficient memory"],
        None,
    )
    assert (second["fits"], second["reasons"], second["free"]["cpu"]) == (True, [], "4")
    assert second["score"] > 0


async def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="'tidy' is unknown: allowed are pack, spread"):
        Scheduler(FakeApi().client(), FakeClock(), "tidy")


async def test_a_pod_of_higher_priority_displaces_another_which_is_told(world: World) -> None:
    world.api.seed(NODES, node("n1", cpu="1"))
    world.api.seed(PODS, pod("low", cpu="1", node="n1", ready=True, terminationGracePeriodSeconds=30))
    world.api.seed(PODS, pod("high", cpu="1", priority=10))
    await world.settle()
    low, high = (world.api.find(PODS, Key("default", name)) for name in ("low", "high"))
    condition = get_condition(low, "DisruptionTarget")
    assert (condition["status"], condition["reason"]) == ("True", "PreemptionByScheduler")
    assert low["metadata"]["deletionGracePeriodSeconds"] == 30
    assert (high["status"]["nominatedNodeName"], node_name(high)) == ("n1", "")
    assert get_condition(high, "PodScheduled")["message"] == "0/1 nodes are available: 1 Insufficient cpu."
    assert world.scheduler.explain(high)["message"] == "default/high waits for pods of lower priority to leave n1"
    (event,) = world.events("Preempted")
    assert event["message"] == f"Preempted by pod {high['metadata']['uid']} on node n1"
    world.api.seed(PODS, pod("sneaky", cpu="1"))
    await world.api.client().delete(PODS, "low", "default", grace_period_seconds=0)
    await world.settle()
    assert world.placed() == {"high": "n1", "sneaky": ""}


async def test_a_reservation_outlives_the_scheduler_and_yields_to_higher_priority(world: World) -> None:
    world.api.seed(NODES, node("n1", cpu="1"))
    reserved = pod("mid", cpu="1", priority=5)
    reserved["status"]["nominatedNodeName"] = "n1"
    going = pod("low", cpu="1", node="n1", ready=True)
    world.api.seed(PODS, going, reserved)
    await world.settle()
    world.api.seed(PODS, pod("late", cpu="1"), pod("top", cpu="1", priority=9))
    await world.settle()
    await world.api.client().delete(PODS, "low", "default", grace_period_seconds=0)
    await world.settle()
    assert world.placed() == {"mid": "", "late": "", "top": "n1"}
    assert "nominatedNodeName" not in world.api.find(PODS, Key("default", "mid"))["status"]


async def test_a_victim_that_cannot_be_deleted_is_asked_again(world: World) -> None:
    world.api.seed(NODES, node("n1", cpu="1"))
    world.api.seed(PODS, pod("low", cpu="1", node="n1", ready=True))
    world.api.fail(InternalError("disk full"), verb="delete", resource=PODS, times=1)
    world.api.seed(PODS, pod("high", cpu="1", priority=10))
    await world.settle()
    assert "deletionTimestamp" not in world.api.find(PODS, Key("default", "low"))["metadata"]
    await world.settle(11)
    await world.settle(11)
    assert all("deletionTimestamp" in item["metadata"] for item in world.api.items(PODS) if name(item) == "low")


async def test_a_budget_protects_a_pod_while_another_can_go(world: World) -> None:
    world.api.seed(
        PODDISRUPTIONBUDGETS,
        {
            "metadata": {"name": "db", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "db"}}, "minAvailable": 1},
            "status": {"disruptionsAllowed": 0},
        },
    )
    world.api.seed(NODES, node("n1", cpu="1"), node("n2", cpu="1"))
    world.api.seed(PODS, pod("db", cpu="1", node="n1", ready=True, labels={"app": "db"}))
    world.api.seed(PODS, pod("web", cpu="1", node="n2", ready=True, priority=3))
    await world.settle()
    world.api.seed(PODS, pod("high", cpu="1", priority=10))
    await world.settle()
    assert world.api.find(PODS, Key("default", "high"))["status"]["nominatedNodeName"] == "n2"
    assert "deletionTimestamp" not in world.api.find(PODS, Key("default", "db"))["metadata"]


class Unspeakable(str):
    """A reason that fails whoever counts it."""

    __slots__ = ()

    def __hash__(self) -> int:
        raise RuntimeError("a defect")


class Odd:
    def filter(self, pod: Any, _node: Any) -> str | None:
        return Unspeakable("no") if pod.labels.get("odd") else None


async def test_what_fails_unforeseen_costs_no_other_pod() -> None:
    world = World(("Odd", Odd()))
    world.scheduler.start()
    world.api.seed(NODES, node("n1"))
    world.api.seed(PODS, pod("odd", priority=5, labels={"odd": "yes"}), pod("web"))
    await world.settle()
    assert world.placed() == {"odd": "", "web": "n1"}
    condition = get_condition(world.api.find(PODS, Key("default", "odd")), "PodScheduled")
    assert condition["message"].startswith("the scheduler failed on this pod")
    await world.scheduler.close()


async def test_a_pod_that_waits_for_company_follows_at_once(world: World) -> None:
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "kubernetes.io/hostname"}
    near = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    world.api.seed(NODES, node("n1"), node("n2"))
    world.api.seed(PODS, pod("cache", affinity=near))
    await world.settle()
    assert world.placed() == {"cache": ""}
    world.api.seed(PODS, pod("db", labels={"app": "db"}))
    await world.settle()
    assert world.placed() == {"cache": "n1", "db": "n1"}
