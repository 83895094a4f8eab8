"""A Deployment that asks for it leaves a revision that fails, once, for the last good one."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.conditions import get_condition
from common.api.kinds import DEPLOYMENTS, EVENTS, LOADBALANCERS, PODS, REPLICASETS
from common.api.meta import Key, Object
from common.api.meta import annotations as annotations_of
from common.api.rollout import AUTO_ROLLBACK, ROLLED_BACK, progress
from console.controllers.deployment import DeploymentController
from console.controllers.deployment.autorollback import Signals, Traffic, crash_of, fault, traffic_by_pod
from console.controllers.deployment.controller import TRAFFIC_SECONDS
from console.controllers.replicaset import ReplicaSetController
from tests.fakes.cluster import place_pods, run_pods
from tests.fakes.objects import deployment

WEB = Key("default", "web")
CRASH = {
    "name": "main",
    "restartCount": 1,
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}},
}


@pytest.fixture
async def running(world: Any) -> Any:
    await world.start(DeploymentController(world.kit), ReplicaSetController(world.kit))
    return world


def image_of(pod: Object) -> str:
    found: str = pod["spec"]["containers"][0]["image"]
    return found


async def run(world: Any, *, crash: bool = True) -> None:
    """Pods whose image is `bad` crash-loop (or merely never get ready), the others get ready."""
    for _ in range(60):
        before = world.api.revision
        await world.settle()
        place_pods(world.api, "n1", "n2", "n3")
        run_pods(world.api, broken=lambda pod: "bad" in image_of(pod))
        for pod in world.api.items(PODS):
            if crash and "bad" in image_of(pod) and not pod["status"].get("containerStatuses"):
                world.api.update(PODS, {**pod, "status": {**pod["status"], "containerStatuses": [CRASH]}}, "status")
        await world.settle()
        if world.api.revision == before:
            return
    raise AssertionError("it does not come to rest")


async def create(world: Any, **spec: Any) -> None:
    made = deployment("web", 3, **spec)
    made["metadata"]["annotations"] = {AUTO_ROLLBACK: "true"}
    await world.client.create(DEPLOYMENTS, made)
    await run(world)


async def set_image(world: Any, image: str) -> None:
    template = {"spec": {"containers": [{"name": "main", "image": image}]}}
    await world.client.patch(DEPLOYMENTS, "web", {"spec": {"template": template}}, "default")


def web(world: Any) -> Object:
    found: Object = world.api.find(DEPLOYMENTS, WEB)
    return found


def wanted_image(world: Any) -> str:
    return image_of({"spec": web(world)["spec"]["template"]["spec"]})


def condition(world: Any) -> tuple[str, str] | None:
    found = get_condition(web(world), ROLLED_BACK)
    return (found["status"], found["reason"]) if found else None


def told(world: Any) -> list[str]:
    return [event["message"] for event in world.api.items(EVENTS) if event["reason"] == "AutoRollback"]


async def test_a_crash_loop_brings_the_last_good_revision_back(running: Any) -> None:
    await create(running)
    await set_image(running, "bad:2")
    await run(running)
    assert wanted_image(running) == "hello:1"
    assert {image_of(pod) for pod in running.api.items(PODS)} == {"hello:1"}
    assert condition(running) == ("True", "CrashLoop")
    (message,) = told(running)
    assert message.startswith("Rolled back from revision 2 to revision 1: container main of pod web-")
    assert message.endswith("ended 2 times, last with Error")
    assert get_condition(web(running), "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert progress({"kind": "Deployment", **web(running)}).failed


async def test_the_same_failure_is_not_rolled_back_twice(running: Any) -> None:
    await create(running)
    await set_image(running, "bad:2")
    await run(running)
    await set_image(running, "bad:2")
    await run(running)
    assert wanted_image(running) == "bad:2"
    assert condition(running) == ("False", "RejectedBefore")
    assert len(told(running)) == 1
    assert sum(image_of(pod) == "hello:1" for pod in running.api.items(PODS)) >= 2


async def test_the_next_failure_goes_back_again_and_a_good_revision_ends_the_story(running: Any) -> None:
    await create(running)
    await set_image(running, "bad:2")
    await run(running)
    await set_image(running, "bad:3")
    await run(running)
    assert (wanted_image(running), len(told(running))) == ("hello:1", 2)
    await set_image(running, "hello:4")
    await run(running)
    assert (wanted_image(running), condition(running)) == ("hello:4", None)


async def test_a_good_revision_that_fails_later_is_not_left(running: Any) -> None:
    await create(running)
    await set_image(running, "hello:2")
    await run(running)
    for pod in running.api.items(PODS):
        running.api.update(PODS, {**pod, "status": {**pod["status"], "containerStatuses": [CRASH]}}, "status")
    await run(running)
    assert (wanted_image(running), told(running)) == ("hello:2", [])


async def test_the_progress_deadline_brings_it_back_too(running: Any) -> None:
    await create(running, progressDeadlineSeconds=60)
    await set_image(running, "bad:2")
    await run(running, crash=False)
    assert wanted_image(running) == "bad:2"
    await running.clock.advance(70)
    await run(running, crash=False)
    assert wanted_image(running) == "hello:1"
    assert condition(running) == ("True", "ProgressDeadlineExceeded")


async def test_without_a_good_revision_it_says_so_and_stays(running: Any) -> None:
    made = deployment("web", 2, image="bad:1")
    made["metadata"]["annotations"] = {AUTO_ROLLBACK: "true"}
    await running.client.create(DEPLOYMENTS, made)
    await run(running)
    assert condition(running) == ("False", "NoGoodRevision")
    assert wanted_image(running) == "bad:1"


@pytest.mark.parametrize("change", [{"metadata": {"annotations": {AUTO_ROLLBACK: None}}}, {"spec": {"paused": True}}])
async def test_who_did_not_ask_or_paused_stays(running: Any, change: Object) -> None:
    await create(running)
    await set_image(running, "bad:2")
    await running.settle()
    await running.client.patch(DEPLOYMENTS, "web", change, "default")
    await run(running)
    assert wanted_image(running) == "bad:2"
    assert told(running) == []


async def test_a_change_made_meanwhile_wins(running: Any) -> None:
    await create(running)
    running.api.hold(DEPLOYMENTS)
    await set_image(running, "bad:2")
    running.api.release()
    await running.settle()
    running.api.hold(DEPLOYMENTS)
    await set_image(running, "hello:3")
    await run(running)
    assert wanted_image(running) == "hello:3"
    running.api.release()
    await run(running)
    assert wanted_image(running) == "hello:3"


async def test_revisions_carry_no_marks_of_the_deployment(running: Any) -> None:
    await create(running)
    await set_image(running, "bad:2")
    await run(running)
    marks = {mark for item in running.api.items(REPLICASETS) for mark in annotations_of(item) if "quarterdeck" in mark}
    assert marks == {"quarterdeck.io/completed"}


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (Traffic(1000, 200), Traffic(1000, 10), True),
        (Traffic(1000, 40), Traffic(1000, 10), False),
        (Traffic(10, 10), Traffic(1000, 0), False),
        (Traffic(1000, 500), Traffic(1000, 480), False),
        (Traffic(1000, 500), None, False),
        (None, Traffic(10, 0), False),
    ],
)
def test_errors_of_users_count_when_there_are_enough_of_them(
    new: Traffic | None, old: Traffic | None, expected: bool
) -> None:
    found = fault(Signals(new_traffic=new, old_traffic=old), {})
    assert (found is not None and found.reason == "ErrorRateRaised") is expected


def test_one_end_is_no_crash_loop() -> None:
    once = {**CRASH, "restartCount": 0}
    assert crash_of([{"metadata": {"name": "a"}, "status": {"containerStatuses": [once]}}]) == ""
    assert "pod a" in crash_of([{"metadata": {"name": "a"}, "status": {"initContainerStatuses": [CRASH]}}])


def balancer(world: Any, **errors: int) -> Object:
    """What proxies counted: 100 requests to each pod, of which so many failed as its image's name says."""
    endpoints = [
        (pod["metadata"]["name"], errors.get(image_of(pod).partition(":")[0], 0)) for pod in world.api.items(PODS)
    ]
    listed = [{"pod": pod, "http": {"requests": 100, "errors": failed}} for pod, failed in endpoints]
    service = {"namespace": "default", "name": "web", "endpoints": listed}
    return {"metadata": {"name": "cluster"}, "services": [service, {**service, "namespace": "elsewhere"}]}


@pytest.mark.parametrize(("errors", "expected"), [(30, "hello:1"), (2, "flaky:2")])
async def test_a_revision_whose_requests_fail_is_left(running: Any, errors: int, expected: str) -> None:
    await create(running)
    await running.client.patch(DEPLOYMENTS, "web", {"spec": {"minReadySeconds": 3000}}, "default")
    await run(running)
    await set_image(running, "flaky:2")
    await run(running)
    running.api.seed(LOADBALANCERS, balancer(running, flaky=errors))
    await running.settle(TRAFFIC_SECONDS + 1)
    await run(running)
    assert wanted_image(running) == expected
    assert ("30% of requests failed" in " ".join(told(running))) is (errors == 30)


def test_requests_by_several_services_count_together_and_those_of_other_namespaces_do_not() -> None:
    endpoint = {"pod": "a", "http": {"requests": 10, "errors": 1}}
    quiet = {"pod": "b", "http": None}
    services = [
        {"namespace": "default", "endpoints": [endpoint, quiet]},
        {"namespace": "default", "endpoints": [endpoint]},
        {"namespace": "other", "endpoints": [endpoint]},
    ]
    assert traffic_by_pod({"services": services}, "default") == {"a": Traffic(20, 2)}
    assert traffic_by_pod({}, "default") == {}
