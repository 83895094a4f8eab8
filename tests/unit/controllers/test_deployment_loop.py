"""Deployment and ReplicaSet controllers together, against the in-memory API."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.conditions import get_condition
from common.api.kinds import DEPLOYMENTS, EVENTS, PODS, REPLICASETS
from common.api.meta import Key, Object, is_deleting
from console.controllers.deployment import DeploymentController
from console.controllers.replicaset import ReplicaSetController
from tests.fakes.api import FakeApi
from tests.fakes.cluster import place_pods, run_pods
from tests.fakes.objects import deployment

WEB = Key("default", "web")


@pytest.fixture
async def running(world: Any) -> Any:
    await world.start(DeploymentController(world.kit), ReplicaSetController(world.kit))
    return world


async def run(world: Any, *, steps: int = 30) -> None:
    for _ in range(steps):
        before = world.api.revision
        await world.settle()
        place_pods(world.api, "n1", "n2", "n3")
        run_pods(world.api)
        await world.settle()
        if world.api.revision == before:
            return
    raise AssertionError("it does not come to rest")


def sizes(api: FakeApi) -> dict[str, int]:
    return {obj["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: obj["spec"]["replicas"]
            for obj in api.items(REPLICASETS)}  # fmt: skip


def messages(api: FakeApi, reason: str) -> list[str]:
    return [event["message"] for event in api.items(EVENTS) if event["reason"] == reason]


async def set_image(world: Any, image: str) -> None:
    template: Object = {"spec": {"containers": [{"name": "main", "image": image}]}}
    await world.client.patch(DEPLOYMENTS, "web", {"spec": {"template": template}}, "default")


async def test_a_deployment_comes_up_and_says_so(running: Any) -> None:
    await running.client.create(DEPLOYMENTS, deployment("web", 3))
    await run(running)
    web = running.api.find(DEPLOYMENTS, WEB)
    assert {k: web["status"][k] for k in ("replicas", "readyReplicas", "updatedReplicas", "observedGeneration")} == {
        "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3, "observedGeneration": 1
    }  # fmt: skip
    assert get_condition(web, "Available")["status"] == "True"
    assert get_condition(web, "Progressing")["reason"] == "NewReplicaSetAvailable"
    name = running.api.items(REPLICASETS)[0]["metadata"]["name"]
    assert messages(running.api, "ScalingReplicaSet") == [f"Scaled up replica set {name} from 0 to 3"]
    assert len(messages(running.api, "SuccessfulCreate")) == 3


async def test_a_new_template_rolls_and_going_back_takes_the_old_replicaset(running: Any) -> None:
    await running.client.create(DEPLOYMENTS, deployment("web", 4))
    await run(running)
    first = running.api.items(REPLICASETS)[0]["metadata"]["uid"]
    await set_image(running, "hello:2")
    await run(running)
    assert sizes(running.api) == {"1": 0, "2": 4}
    await set_image(running, "hello:1")
    await run(running)
    assert sizes(running.api) == {"2": 0, "3": 4}
    current = next(obj for obj in running.api.items(REPLICASETS) if obj["spec"]["replicas"])
    assert current["metadata"]["uid"] == first
    assert current["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


async def test_a_paused_deployment_scales_but_does_not_roll(running: Any) -> None:
    await running.client.create(DEPLOYMENTS, deployment("web", 2))
    await run(running)
    await running.client.patch(DEPLOYMENTS, "web", {"spec": {"paused": True, "replicas": 5}}, "default")
    await set_image(running, "hello:2")
    await run(running)
    assert sizes(running.api) == {"1": 5}
    assert get_condition(running.api.find(DEPLOYMENTS, WEB), "Progressing")["reason"] == "DeploymentPaused"
    await running.client.patch(DEPLOYMENTS, "web", {"spec": {"paused": False}}, "default")
    await run(running)
    assert sizes(running.api) == {"1": 0, "2": 5}


async def test_a_template_that_changes_before_the_first_replicaset_is_seen_makes_none_beside_it(running: Any) -> None:
    running.api.hold(REPLICASETS)
    await running.client.create(DEPLOYMENTS, deployment("web", 4))
    await running.settle()
    await set_image(running, "hello:2")
    await running.settle()
    assert sizes(running.api) == {"1": 4}
    running.api.release()
    await running.settle()
    assert sizes(running.api) == {"1": 3, "2": 2}
    await run(running)
    assert sizes(running.api) == {"1": 0, "2": 4}


async def test_a_deployment_that_is_made_paused_says_so_and_waits(running: Any) -> None:
    await running.client.create(DEPLOYMENTS, deployment("web", 2, paused=True))
    await run(running)
    assert running.api.items(REPLICASETS) == []
    web = running.api.find(DEPLOYMENTS, WEB)
    assert web["status"]["observedGeneration"] == 1
    assert get_condition(web, "Progressing")["reason"] == "DeploymentPaused"
    await running.client.patch(DEPLOYMENTS, "web", {"spec": {"paused": False}}, "default")
    await run(running)
    assert sizes(running.api) == {"1": 2}


async def test_recreate_waits_for_the_last_old_pod(running: Any) -> None:
    await running.client.create(DEPLOYMENTS, deployment("web", 2, strategy={"type": "Recreate"}))
    await run(running)
    await set_image(running, "hello:2")
    await running.settle()
    assert all(is_deleting(pod) for pod in running.api.items(PODS))
    assert len(running.api.items(REPLICASETS)) == 1
    await run(running)
    assert sizes(running.api) == {"1": 0, "2": 2}


async def test_old_revisions_beyond_the_limit_are_forgotten(running: Any) -> None:
    await running.client.create(DEPLOYMENTS, deployment("web", 1, revisionHistoryLimit=1))
    for number in range(1, 5):
        await run(running)
        await set_image(running, f"hello:{number}")
    await run(running)
    assert sizes(running.api) == {"3": 0, "4": 1}


async def test_a_rollout_that_stands_still_exceeds_its_deadline(running: Any) -> None:
    await running.client.create(DEPLOYMENTS, deployment("web", 1, progressDeadlineSeconds=60))
    await running.settle()
    await running.clock.advance(100)
    await running.settle()
    condition = get_condition(running.api.find(DEPLOYMENTS, WEB), "Progressing")
    assert (condition["status"], condition["reason"]) == ("False", "ProgressDeadlineExceeded")
    await run(running)
    assert get_condition(running.api.find(DEPLOYMENTS, WEB), "Progressing")["reason"] == "NewReplicaSetAvailable"
