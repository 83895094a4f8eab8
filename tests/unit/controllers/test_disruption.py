"""Budgets: how many disruptions they allow, as pods come and go."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import (
    CUSTOMRESOURCEDEFINITIONS,
    DEPLOYMENTS,
    EVENTS,
    PODDISRUPTIONBUDGETS,
    PODS,
    REPLICASETS,
    Resource,
)
from common.api.meta import Key, Object
from console.controllers.disruption import Count, DisruptionController, count, wanted_pods
from tests.fakes.objects import pod

OWNER = {"kind": "ReplicaSet", "name": "web-1", "uid": "rs", "controller": True}


def budget(**spec: Any) -> Object:
    selector = {"matchLabels": {"app": "web"}}
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": {"selector": selector, **spec}}


@pytest.mark.parametrize(
    ("spec", "covered", "wanted", "expected"),
    [
        ({"minAvailable": 2}, 3, 5, Count(3, 2)),
        ({"minAvailable": "50%"}, 3, 5, Count(5, 3)),
        ({"maxUnavailable": 1}, 3, 5, Count(5, 4)),
        ({"maxUnavailable": "30%"}, 3, 5, Count(5, 3)),
        ({"maxUnavailable": 9}, 3, 5, Count(5, 0)),
        ({}, 3, 5, Count(3, 0)),
    ],
)
def test_what_a_budget_demands(spec: Object, covered: int, wanted: int, expected: Count) -> None:
    assert count(budget(**spec), covered, wanted) == expected


def test_wanted_is_asked_of_the_controller_on_top_once() -> None:
    controlled = {"metadata": {"name": "web-1", "ownerReferences": [{"kind": "Deployment", "name": "web",
                                                                     "controller": True}]},
                  "kind": "ReplicaSet", "spec": {"replicas": 2}}  # fmt: skip
    top = {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 5}}
    owners = {("ReplicaSet", "web-1"): controlled, ("Deployment", "web"): top}
    pods = [pod("a", owner=OWNER), pod("b", owner=OWNER), pod("alone")]
    assert wanted_pods(pods, owners) == 5


async def make(world: Any, replicas: int = 3) -> None:
    labels = {"app": "web"}
    owner = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"replicas": replicas}}
    deployment = world.api.seed(DEPLOYMENTS, {"kind": "Deployment", **owner})
    reference = {"kind": "Deployment", "name": "web", "uid": deployment["metadata"]["uid"], "controller": True}
    replicaset = world.api.seed(
        REPLICASETS,
        {"kind": "ReplicaSet", "metadata": {"name": "web-1", "namespace": "default", "ownerReferences": [reference]},
         "spec": {"replicas": replicas}},
    )  # fmt: skip
    owned = {**OWNER, "uid": replicaset["metadata"]["uid"]}
    for number in range(replicas):
        world.api.seed(PODS, pod(f"web-{number}", node="n1", ready=True, phase="Running", labels=labels, owner=owned))


def allowed(world: Any) -> int:
    return int(world.api.find(PODDISRUPTIONBUDGETS, Key("default", "web"))["status"]["disruptionsAllowed"])


async def test_the_status_follows_the_pods(world: Any) -> None:
    await make(world)
    await world.start(DisruptionController(world.kit))
    await world.client.create(PODDISRUPTIONBUDGETS, budget(minAvailable=2), "default")
    await world.settle()
    assert allowed(world) == 1
    await world.client.delete(PODS, "web-0", "default", grace_period_seconds=0)
    await world.settle()
    status = world.api.find(PODDISRUPTIONBUDGETS, Key("default", "web"))["status"]
    assert (status["disruptionsAllowed"], status["currentHealthy"], status["desiredHealthy"]) == (0, 2, 2)
    assert status["conditions"][0]["reason"] == "InsufficientPods"


async def test_scaling_the_controller_raises_what_is_demanded(world: Any) -> None:
    await make(world)
    await world.start(DisruptionController(world.kit))
    await world.client.create(PODDISRUPTIONBUDGETS, budget(maxUnavailable=1), "default")
    await world.settle()
    assert allowed(world) == 1
    await world.client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 6}}, "default")
    await world.settle()
    assert allowed(world) == 0


DEFINITION = {
    "metadata": {"name": "crews.ships.example"},
    "spec": {
        "group": "ships.example", "scope": "Namespaced", "names": {"plural": "crews", "kind": "Crew"},
        "versions": [{"name": "v1", "served": True, "storage": True}],
    },
    "status": {"conditions": [{"type": "Established", "status": "True"}]},
}  # fmt: skip
CREWS = Resource("ships.example", "v1", "crews", "Crew")


async def test_a_kind_that_users_define_says_by_its_scale_how_many_it_wants(world: Any) -> None:
    world.api.seed(CUSTOMRESOURCEDEFINITIONS, DEFINITION)
    world.api.seed(CREWS, {"metadata": {"name": "red", "namespace": "default"}, "spec": {"replicas": 3}})
    owner = {"apiVersion": "ships.example/v1", "kind": "Crew", "name": "red", "uid": "c", "controller": True}
    for number in range(3):
        world.api.seed(PODS, pod(f"red-{number}", node="n1", ready=True, labels={"app": "web"}, owner=owner))
    await world.start(DisruptionController(world.kit))
    await world.client.create(PODDISRUPTIONBUDGETS, budget(maxUnavailable=1), "default")
    await world.settle()
    assert allowed(world) == 1


@pytest.mark.parametrize(("spec", "said"), [({"maxUnavailable": 1}, True), ({"minAvailable": 1}, False)])
async def test_pods_that_nobody_manages_are_named(spec: Object, said: bool, world: Any) -> None:
    world.api.seed(PODS, pod("alone", node="n1", ready=True, labels={"app": "web"}))
    await world.start(DisruptionController(world.kit))
    await world.client.create(PODDISRUPTIONBUDGETS, budget(**spec), "default")
    await world.settle()
    assert ("UnmanagedPods" in [event["reason"] for event in world.api.items(EVENTS)]) is said
    assert allowed(world) == 0
