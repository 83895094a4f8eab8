"""ReplicaSets: which pods go first, adoption, failures, and mirrors that lag."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.api.conditions import get_condition
from common.api.kinds import EVENTS, PODS, REPLICASETS
from common.api.meta import Key, Object, controller_of, format_time, is_deleting, name
from common.api.pods import is_active
from common.errors import Forbidden
from console.controllers.replicaset import ReplicaSetController
from console.controllers.replicaset.plan import plan, status
from console.controllers.replicaset.ranking import first_to_go
from tests.fakes.api import copy
from tests.fakes.cluster import place_pods, run_pods, set_ready
from tests.fakes.objects import pod

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def aged(made: Object, seconds: int, *, ready_for: int | None = None, restarts: int = 0) -> Object:
    made["metadata"] |= {"uid": name(made), "creationTimestamp": format_time(NOW - timedelta(seconds=seconds))}
    if ready_for is not None:
        since = format_time(NOW - timedelta(seconds=ready_for))
        made["status"]["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": since}]
        made["status"]["phase"] = "Running"
    made["status"]["containerStatuses"] = [{"restartCount": restarts}]
    return made


def with_cost(made: Object, cost: str) -> Object:
    made["metadata"]["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": cost}
    return made


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (aged(pod("unplaced"), 9000), aged(pod("placed", node="n1"), 10)),
        (aged(pod("pending", node="n1"), 9000), aged(pod("running", node="n1", phase="Running"), 10)),
        (aged(pod("running", node="n1", phase="Running"), 9000), aged(pod("ready", node="n1"), 10, ready_for=5)),
        (
            with_cost(aged(pod("cheap", node="n1"), 9000, ready_for=9000), "-5"),
            aged(pod("normal", node="n1"), 10, ready_for=5),
        ),
        (aged(pod("doubled", node="n2"), 9000, ready_for=9000), aged(pod("alone", node="n1"), 10, ready_for=5)),
        (aged(pod("fresh", node="n1"), 9000, ready_for=10), aged(pod("proven", node="n1"), 9000, ready_for=1000)),
        (
            aged(pod("restarting", node="n1"), 9000, ready_for=1000, restarts=3),
            aged(pod("steady", node="n1"), 9000, ready_for=1000),
        ),
        (aged(pod("young", node="n1"), 1000, ready_for=900), aged(pod("old", node="n1"), 9000, ready_for=900)),
        (
            aged(pod("same-age-by-uid-a", node="n1"), 600, ready_for=520),
            aged(pod("same-age-by-uid-b", node="n1"), 520, ready_for=520),
        ),
    ],
)
def test_who_goes_first(first: Object, second: Object) -> None:
    order = first_to_go([second, first], {"n1": 1, "n2": 2}, NOW)
    assert [name(entry) for entry in order] == [name(first), name(second)]


@pytest.mark.parametrize("cost", ["much", "99999999999", ""])
def test_a_cost_that_is_no_number_counts_as_none(cost: str) -> None:
    odd = with_cost(aged(pod("b", node="n1"), 10), cost)
    assert [name(entry) for entry in first_to_go([odd, aged(pod("a", node="n1"), 10)], {}, NOW)] == ["a", "b"]


def replicaset(replicas: int = 3, **spec: Any) -> Object:
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main"}]}},
            **spec,
        },
    }


def test_pods_that_ended_or_end_do_not_count() -> None:
    ended, ending, running = pod("a", phase="Failed"), pod("b"), pod("c")
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert plan(replicaset(2), [ended, ending, running], {}, NOW).create == 1
    figures = status(replicaset(2), [ended, ending, running], None, NOW)
    assert (figures["replicas"], figures["terminatingReplicas"]) == (1, 1)


def test_a_pod_is_available_after_min_ready_seconds() -> None:
    ready = aged(pod("a", node="n1"), 100, ready_for=5)
    figures = status(replicaset(1, minReadySeconds=10), [ready], None, NOW)
    assert figures["readyReplicas"] == 1
    assert "availableReplicas" not in figures  # as in Kubernetes' own JSON while it is 0
    assert status(replicaset(1, minReadySeconds=5), [ready], None, NOW)["availableReplicas"] == 1


@pytest.fixture
async def running(world: Any) -> Any:
    await world.start(ReplicaSetController(world.kit))
    return world


def pods(world: Any) -> list[Object]:
    return [entry for entry in world.api.items(PODS) if is_active(entry)]


async def test_it_becomes_available_by_time_alone(running: Any) -> None:
    await running.client.create(REPLICASETS, replicaset(1, minReadySeconds=10))
    await running.settle()
    place_pods(running.api, "n1")
    run_pods(running.api)
    await running.settle()
    assert running.api.find(REPLICASETS, Key("default", "web"))["status"].get("availableReplicas", 0) == 0
    await running.clock.advance(11)
    await running.settle()
    assert running.api.find(REPLICASETS, Key("default", "web"))["status"]["availableReplicas"] == 1


async def test_a_mirror_that_lags_makes_no_pod_twice(running: Any) -> None:
    running.api.hold(PODS)
    await running.client.create(REPLICASETS, replicaset(3))
    await running.settle()
    for label in ("a", "b"):
        await running.client.patch(REPLICASETS, "web", {"metadata": {"labels": {"x": label}}}, "default")
        await running.settle(5)
    assert len(pods(running)) == 3
    running.api.release()
    await running.settle()
    assert len(pods(running)) == 3


async def test_a_create_whose_answer_was_lost_is_not_repeated(running: Any) -> None:
    running.api.fail(TimeoutError, verb="create", resource=PODS, after=True)
    await running.client.create(REPLICASETS, replicaset(3))
    await running.settle(30)
    assert len(pods(running)) == 3


async def test_a_template_that_is_refused_is_tried_once_a_round_and_told(running: Any) -> None:
    running.api.fail(Forbidden("exceeded quota"), verb="create", resource=PODS, times=100)
    await running.client.create(REPLICASETS, replicaset(50))
    await running.settle(0.1)
    tries = sum(call.verb == "create" and call.resource == PODS for call in running.api.calls)
    assert tries < 10
    condition = get_condition(running.api.find(REPLICASETS, Key("default", "web")), "ReplicaFailure")
    assert (condition["reason"], condition["message"]) == ("FailedCreate", "exceeded quota")
    assert [event["reason"] for event in running.api.items(EVENTS)] == ["FailedCreate"]
    running.api.heal()
    await running.settle(60)
    assert len(pods(running)) == 50
    assert get_condition(running.api.find(REPLICASETS, Key("default", "web")), "ReplicaFailure") is None


async def test_orphans_that_match_are_adopted_and_strays_are_released(running: Any) -> None:
    await running.client.create(PODS, pod("orphan", labels={"app": "web"}))
    await running.client.create(REPLICASETS, replicaset(1))
    await running.settle()
    assert [name(entry) for entry in pods(running)] == ["orphan"]
    assert controller_of(pods(running)[0])["name"] == "web"
    await running.client.patch(PODS, "orphan", {"metadata": {"labels": {"app": "debug"}}}, "default")
    await running.settle()
    owners = {name(entry): controller_of(entry) is not None for entry in pods(running)}
    assert owners.pop("orphan") is False
    assert list(owners.values()) == [True]


async def test_another_controllers_pod_is_left_alone(running: Any) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "namesake", "controller": True}
    await running.client.create(PODS, pod("theirs", labels={"app": "web"}, owner=owner))
    await running.client.create(REPLICASETS, replicaset(1))
    await running.settle()
    assert len(pods(running)) == 2
    assert not is_deleting(running.api.find(PODS, Key("default", "theirs")))


async def test_scaling_down_takes_the_pods_that_rank_first(running: Any) -> None:
    await running.client.create(REPLICASETS, replicaset(3))
    await running.settle()
    place_pods(running.api, "n1", "n2", "n3")
    kept = pods(running)[1]
    set_ready(running.api, kept)
    await running.settle()
    await running.client.patch(REPLICASETS, "web", {"spec": {"replicas": 1}}, "default")
    await running.settle()
    assert [name(entry) for entry in pods(running)] == [name(kept)]


async def test_a_replicaset_that_is_being_deleted_makes_nothing(running: Any) -> None:
    made = copy(replicaset(3))
    made["metadata"]["finalizers"] = ["foregroundDeletion"]
    running.api.hold(REPLICASETS)
    await running.client.create(REPLICASETS, made)
    await running.client.delete(REPLICASETS, "web", "default")
    running.api.release()
    await running.settle()
    assert len(pods(running)) <= 3
    for entry in pods(running):
        running.api.vanish(PODS, Key("default", name(entry)))
    await running.settle()
    assert pods(running) == []
