"""StatefulSets on the in-memory API: identity, order, updates, claims, and never two of one name."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import CONTROLLERREVISIONS, EVENTS, NODES, PERSISTENTVOLUMECLAIMS, PODS, STATEFULSETS
from common.api.meta import Key, Object, is_deleting, labels, name, owner_references, uid
from common.errors import Forbidden
from console.controllers.statefulset import StatefulSetController
from tests.fakes.cluster import place_pods, run_pods, set_ready
from tests.fakes.objects import node, pod, statefulset

DB = Key("default", "db")
CLAIM = {"metadata": {"name": "data", "labels": {"disk": "fast"}}, "spec": {"accessModes": ["ReadWriteOnce"]}}


@pytest.fixture
async def running(world: Any) -> Any:
    await world.start(StatefulSetController(world.kit))
    return world


def names(world: Any) -> list[str]:
    return [name(entry) for entry in world.api.items(PODS) if not is_deleting(entry)]


def images(world: Any) -> dict[str, str]:
    return {name(entry): entry["spec"]["containers"][0]["image"] for entry in world.api.items(PODS)}


async def step(world: Any) -> None:
    """What nodes do, once."""
    place_pods(world.api, "n1", "n2", "n3")
    run_pods(world.api)
    await world.settle()


async def rest(world: Any) -> None:
    for _ in range(40):
        before = world.api.revision
        await step(world)
        if world.api.revision == before:
            return
    raise AssertionError("it does not come to rest")


async def change(world: Any, spec: Object) -> None:
    await world.client.patch(STATEFULSETS, "db", {"spec": spec}, "default")
    await world.settle()


async def set_image(world: Any, image: str) -> None:
    await change(world, {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}})


def status(world: Any) -> Object:
    found: Object = world.api.find(STATEFULSETS, DB)["status"]
    return found


async def test_pods_come_one_after_the_other_each_with_its_name(running: Any) -> None:
    await running.client.create(STATEFULSETS, statefulset("db", 3))
    await running.settle()
    assert names(running) == ["db-0"]
    await step(running)
    assert names(running) == ["db-0", "db-1"]
    await rest(running)
    assert names(running) == ["db-0", "db-1", "db-2"]
    second = running.api.find(PODS, Key("default", "db-1"))
    assert second["spec"]["hostname"] == "db-1"
    assert second["spec"]["subdomain"] == "db"
    revision = running.api.items(CONTROLLERREVISIONS)[0]
    assert labels(second) == {
        "app": "db",
        "statefulset.kubernetes.io/pod-name": "db-1",
        "apps.kubernetes.io/pod-index": "1",
        "controller-revision-hash": name(revision),
    }
    assert status(running) == {
        "observedGeneration": 1, "replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "currentReplicas": 3,
        "updatedReplicas": 3, "currentRevision": name(revision), "updateRevision": name(revision), "collisionCount": 0,
    }  # fmt: skip
    told = [event["message"] for event in running.api.items(EVENTS) if event["reason"] == "SuccessfulCreate"]
    assert "create Pod db-0 in StatefulSet db successful" in told


async def test_parallel_pods_come_and_go_at_once(running: Any) -> None:
    made = statefulset("db", 3, podManagementPolicy="Parallel", ordinals={"start": 5})
    await running.client.create(STATEFULSETS, made)
    await running.settle()
    assert names(running) == ["db-5", "db-6", "db-7"]
    await rest(running)
    await change(running, {"replicas": 1})
    assert names(running) == ["db-5"]


async def test_the_highest_ordinal_goes_first_one_at_a_time(running: Any) -> None:
    await running.client.create(STATEFULSETS, statefulset("db", 3))
    await rest(running)
    await change(running, {"replicas": 1})
    assert names(running) == ["db-0", "db-1"]
    await rest(running)
    assert names(running) == ["db-0"]


async def test_an_unwell_pod_holds_scaling_down_unless_it_is_the_one_to_go(running: Any) -> None:
    await running.client.create(STATEFULSETS, statefulset("db", 3))
    await rest(running)
    set_ready(running.api, running.api.find(PODS, Key("default", "db-0")), ready=False)
    await change(running, {"replicas": 2})
    assert names(running) == ["db-0", "db-1", "db-2"]
    set_ready(running.api, running.api.find(PODS, Key("default", "db-0")))
    set_ready(running.api, running.api.find(PODS, Key("default", "db-2")), ready=False)
    await running.settle()
    assert names(running) == ["db-0", "db-1"]


async def test_a_new_template_replaces_from_the_top_and_going_back_takes_the_old_revision(running: Any) -> None:
    await running.client.create(STATEFULSETS, statefulset("db", 3))
    await rest(running)
    first = running.api.items(CONTROLLERREVISIONS)[0]
    await set_image(running, "hello:2")
    assert names(running) == ["db-0", "db-1"]
    await step(running)
    await step(running)
    assert images(running)["db-2"] == "hello:2"
    assert images(running)["db-0"] == "hello:1"
    await rest(running)
    assert set(images(running).values()) == {"hello:2"}
    second = status(running)["currentRevision"]
    assert second == status(running)["updateRevision"] != name(first)
    await running.client.patch(STATEFULSETS, "db", {"spec": {"template": template_of(first)}}, "default")
    await rest(running)
    assert set(images(running).values()) == {"hello:1"}
    numbers = {name(item): item["revision"] for item in running.api.items(CONTROLLERREVISIONS)}
    assert numbers == {name(first): 3, second: 2}


def template_of(revision: Object) -> Object:
    found = dict(revision["data"]["spec"]["template"])
    assert found.pop("$patch") == "replace"
    return found


async def test_a_partition_keeps_lower_ordinals_also_when_they_are_made_anew(running: Any) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    await running.client.create(STATEFULSETS, statefulset("db", 3, updateStrategy=rolling))
    await rest(running)
    await set_image(running, "hello:2")
    await rest(running)
    assert images(running) == {"db-0": "hello:1", "db-1": "hello:1", "db-2": "hello:2"}
    running.api.vanish(PODS, Key("default", "db-0"))
    await rest(running)
    assert images(running)["db-0"] == "hello:1"
    assert (status(running)["currentReplicas"], status(running)["updatedReplicas"]) == (2, 1)
    await change(running, {"updateStrategy": {"rollingUpdate": {"partition": 0}}})
    await rest(running)
    assert set(images(running).values()) == {"hello:2"}


async def test_max_unavailable_replaces_several_at_once(running: Any) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
    made = statefulset("db", 5, updateStrategy=rolling, podManagementPolicy="Parallel")
    await running.client.create(STATEFULSETS, made)
    await rest(running)
    await set_image(running, "hello:2")
    assert names(running) == ["db-0", "db-1", "db-2"]
    await rest(running)
    assert set(images(running).values()) == {"hello:2"}


async def test_on_delete_leaves_the_moment_to_the_user(running: Any) -> None:
    await running.client.create(STATEFULSETS, statefulset("db", 2, updateStrategy={"type": "OnDelete"}))
    await rest(running)
    await set_image(running, "hello:2")
    await rest(running)
    assert set(images(running).values()) == {"hello:1"}
    running.api.vanish(PODS, Key("default", "db-0"))
    await rest(running)
    assert images(running) == {"db-0": "hello:2", "db-1": "hello:1"}


async def test_a_pod_on_a_lost_node_is_not_replaced_until_it_is_gone(running: Any) -> None:
    running.api.seed(NODES, node("n1"), node("n2"), node("n3"))
    await running.client.create(STATEFULSETS, statefulset("db", 2))
    await rest(running)
    lost = running.api.find(PODS, Key("default", "db-1"))
    set_ready(running.api, lost, ready=False)
    await running.client.delete(PODS, "db-1", "default")
    await running.settle(300)
    left = running.api.find(PODS, Key("default", "db-1"))
    assert uid(left) == uid(lost)
    assert is_deleting(left)
    running.api.vanish(PODS, Key("default", "db-1"))
    await running.settle()
    assert uid(running.api.find(PODS, Key("default", "db-1"))) != uid(lost)


async def test_a_pod_that_ended_makes_room(running: Any) -> None:
    await running.client.create(STATEFULSETS, statefulset("db", 1))
    await rest(running)
    ended = running.api.find(PODS, Key("default", "db-0"))
    running.api.update(PODS, {**ended, "status": {"phase": "Failed"}}, "status")
    await rest(running)
    assert uid(running.api.find(PODS, Key("default", "db-0"))) != uid(ended)
    assert "RecreatingTerminatedPod" in [event["reason"] for event in running.api.items(EVENTS)]


async def test_min_ready_seconds_hold_the_next_pod(running: Any) -> None:
    await running.client.create(STATEFULSETS, statefulset("db", 2, minReadySeconds=30))
    await running.settle()
    await step(running)
    assert names(running) == ["db-0"]
    assert (status(running)["readyReplicas"], status(running)["availableReplicas"]) == (1, 0)
    await running.clock.advance(31)
    await running.settle()
    assert names(running) == ["db-0", "db-1"]


async def test_each_pod_keeps_its_claim(running: Any) -> None:
    await running.client.create(STATEFULSETS, statefulset("db", 2, volumeClaimTemplates=[CLAIM]))
    await rest(running)
    claims = running.api.items(PERSISTENTVOLUMECLAIMS)
    assert [name(entry) for entry in claims] == ["data-db-0", "data-db-1"]
    assert labels(claims[0]) == {"disk": "fast", "app": "db"}
    assert owner_references(claims[0]) == []
    mounted = running.api.find(PODS, Key("default", "db-1"))["spec"]["volumes"]
    assert mounted == [{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}]
    running.api.vanish(PODS, Key("default", "db-1"))
    await change(running, {"replicas": 1})
    await change(running, {"replicas": 2})
    await rest(running)
    assert [uid(entry) for entry in running.api.items(PERSISTENTVOLUMECLAIMS)] == [uid(entry) for entry in claims]


async def test_claims_go_as_the_retention_policy_says(running: Any) -> None:
    policy = {"whenScaled": "Delete", "whenDeleted": "Delete"}
    made = statefulset("db", 2, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy=policy)
    await running.client.create(STATEFULSETS, made)
    await rest(running)
    owners = [owner_references(entry)[0]["kind"] for entry in running.api.items(PERSISTENTVOLUMECLAIMS)]
    assert owners == ["StatefulSet", "StatefulSet"]
    condemned = running.api.find(PODS, Key("default", "db-1"))
    await change(running, {"replicas": 1})
    (reference,) = owner_references(running.api.find(PERSISTENTVOLUMECLAIMS, Key("default", "data-db-1")))
    assert (reference["kind"], reference["uid"]) == ("Pod", uid(condemned))
    await rest(running)
    await change(running, {"replicas": 2})
    assert "db-1" not in names(running)  # the claim on its way out must not come to the next pod
    running.api.vanish(PERSISTENTVOLUMECLAIMS, Key("default", "data-db-1"))
    await rest(running)
    assert "db-1" in names(running)
    await change(running, {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Retain", "whenDeleted": "Retain"}})
    assert [owner_references(entry) for entry in running.api.items(PERSISTENTVOLUMECLAIMS)] == [[], []]


@pytest.mark.parametrize(("limit", "left"), [(1, [3, 4]), (0, [4]), (-1, [1, 2, 3, 4])])
async def test_old_revisions_beyond_the_limit_are_forgotten(running: Any, limit: int, left: list[int]) -> None:
    await running.client.create(STATEFULSETS, statefulset("db", 1, revisionHistoryLimit=limit))
    for number in range(1, 5):
        await rest(running)
        await set_image(running, f"hello:{number}")
    await rest(running)
    assert sorted(item["revision"] for item in running.api.items(CONTROLLERREVISIONS)) == left


async def test_a_taken_revision_name_makes_another_hash(running: Any) -> None:
    await running.client.create(STATEFULSETS, statefulset("other", 0))
    await running.settle()
    taken = dict(running.api.items(CONTROLLERREVISIONS)[0])
    taken["metadata"] = {"name": "db" + name(taken).removeprefix("other"), "namespace": "default"}
    made = statefulset("db", 1)
    made["spec"]["template"] = running.api.find(STATEFULSETS, Key("default", "other"))["spec"]["template"]
    made["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    running.api.seed(CONTROLLERREVISIONS, {**taken, "data": {"spec": {}}})
    await running.client.create(STATEFULSETS, made)
    await rest(running)
    assert status(running)["collisionCount"] == 1
    assert names(running) == ["db-0"]


async def test_a_namesake_takes_up_the_pods_and_revisions_that_were_left(running: Any) -> None:
    await running.client.create(STATEFULSETS, statefulset("db", 2))
    await rest(running)
    before = {uid(item) for resource in (PODS, CONTROLLERREVISIONS) for item in running.api.items(resource)}
    for resource in (PODS, CONTROLLERREVISIONS):
        for item in running.api.items(resource):
            orphan = {**item, "metadata": {**item["metadata"], "ownerReferences": []}}
            running.api.seed(resource, orphan)
    running.api.vanish(STATEFULSETS, DB)
    await running.settle()
    await running.client.create(STATEFULSETS, statefulset("db", 2))
    await rest(running)
    after = [item for resource in (PODS, CONTROLLERREVISIONS) for item in running.api.items(resource)]
    assert {uid(item) for item in after} == before
    assert {owner_references(item)[0]["uid"] for item in after} == {uid(running.api.find(STATEFULSETS, DB))}
    assert status(running)["collisionCount"] == 0


async def test_a_mirror_that_lags_makes_and_deletes_nothing_twice(running: Any) -> None:
    running.api.hold(PODS)
    await running.client.create(STATEFULSETS, statefulset("db", 3))
    for label in ("a", "b"):
        await running.client.patch(STATEFULSETS, "db", {"metadata": {"labels": {"x": label}}}, "default")
        await running.settle(5)
    assert names(running) == ["db-0"]
    running.api.release()
    await rest(running)
    assert names(running) == ["db-0", "db-1", "db-2"]


async def test_a_strangers_pod_with_the_name_is_left_alone_and_told(running: Any) -> None:
    await running.client.create(PODS, pod("db-0", labels={"other": "x"}))
    await running.client.create(STATEFULSETS, statefulset("db", 1))
    await running.settle()
    assert labels(running.api.find(PODS, Key("default", "db-0"))) == {"other": "x"}
    assert "FailedCreate" in [event["reason"] for event in running.api.items(EVENTS)]


async def test_a_refused_pod_is_told_and_tried_again(running: Any) -> None:
    running.api.fail(Forbidden("exceeded quota"), verb="create", resource=PODS, times=3)
    await running.client.create(STATEFULSETS, statefulset("db", 1))
    await running.settle()
    told = [event["message"] for event in running.api.items(EVENTS) if event["reason"] == "FailedCreate"]
    assert told == ["create Pod db-0 in StatefulSet db failed error: exceeded quota"]
    await running.settle(60)
    assert names(running) == ["db-0"]
