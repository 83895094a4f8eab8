"""Kubernetes' conformance cases of Deployments, ReplicaSets and ReplicationControllers, step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from common.api.conditions import get_condition
from common.api.kinds import DEPLOYMENTS, PODS, REPLICASETS, REPLICATIONCONTROLLERS, RESOURCEQUOTAS, Resource
from common.api.meta import Object, controller_of, name, resource_version, uid
from common.api.meta import annotations as notes
from common.errors import Conflict
from tests.fakes.objects import deployment, pod

from .cases import SPACE, Case
from .conftest import Cluster

REVISION = "deployment.kubernetes.io/revision"
FIRST = "hello:1"
SECOND: Object = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "hello:2"}]}}}}


@pytest.fixture
async def case(cluster: Cluster) -> AsyncIterator[Case]:
    async with Case.played(cluster) as case:
        yield case


def labelled(obj: Object, **labels: str) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}


def replicaset(named: str, replicas: int = 1, *, labels: Object | None = None, image: str = "old:1") -> Object:
    labels = labels or {"app": named}
    made = deployment(named, replicas, image=image)
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": made["spec"]["template"]}
    spec["template"]["metadata"]["labels"] = labels
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": named, "labels": labels}, "spec": spec}


def controller(named: str, replicas: int = 1) -> Object:
    made = replicaset(named, replicas)
    spec = {**made["spec"], "selector": {"app": named}}
    return {**made, "apiVersion": "v1", "kind": "ReplicationController", "spec": spec}


async def test_a_deployment_is_made_patched_updated_and_deleted(case: Case) -> None:
    since = (await case.api.list(DEPLOYMENTS)).resource_version
    made = labelled(deployment("web", 2), static="true")
    await case.api.create(DEPLOYMENTS, made, SPACE)
    await case.sees(DEPLOYMENTS, since, "static=true", "ADDED")
    await case.sees(DEPLOYMENTS, since, "static=true", "MODIFIED", lambda obj: obj["status"].get("readyReplicas") == 2)
    template = {"spec": {"terminationGracePeriodSeconds": 2, **SECOND["spec"]["template"]["spec"]}}
    patch = {"metadata": {"labels": {"step": "patched"}}, "spec": {"replicas": 1, "template": template}}
    await case.strategic(DEPLOYMENTS, "web", patch)
    await case.has(DEPLOYMENTS, "web", readyReplicas=1, updatedReplicas=1, unavailableReplicas=0)
    listed = (await case.api.list(DEPLOYMENTS, label_selector="static=true")).items
    assert [name(item) for item in listed] == ["web"]
    # A replace that carries no resourceVersion goes through, whatever happened since.
    made["spec"]["template"]["spec"]["containers"][0]["image"] = "hello:3"
    await case.api.update(DEPLOYMENTS, labelled(made, static="true", step="updated"))
    done = await case.has(DEPLOYMENTS, "web", readyReplicas=2, updatedReplicas=2, unavailableReplicas=0)
    patch = {"metadata": {"labels": {"step": "patched-status"}}, "status": {"readyReplicas": 0, "availableReplicas": 0}}
    answered = await case.strategic(DEPLOYMENTS, "web", patch, "status")
    assert answered["status"].get("readyReplicas", 0) == 0
    read = await case.api.get(DEPLOYMENTS, "web", SPACE, subresource="status")
    assert read["metadata"]["labels"]["step"] == "updated"
    assert read["spec"]["template"]["spec"]["containers"][0]["image"] == "hello:3"
    await case.sees(DEPLOYMENTS, resource_version(done), "static=true", "MODIFIED")
    await case.has(DEPLOYMENTS, "web", readyReplicas=2, updatedReplicas=2, unavailableReplicas=0)
    await case.delete_collection(DEPLOYMENTS, "static=true", gracePeriodSeconds=1)
    await case.sees(DEPLOYMENTS, since, "static=true", "DELETED")


@pytest.mark.parametrize(
    ("resource", "made"),
    [(DEPLOYMENTS, deployment("web", 1)), (REPLICASETS, replicaset("web"))],
    ids=["deployment", "replicaset"],
)
async def test_conditions_that_clients_write_are_shown_and_watched(
    case: Case, resource: Resource, made: Object
) -> None:
    since = (await case.api.list(resource)).resource_version
    await case.api.create(resource, labelled(made, e2e="testing"), SPACE)
    await case.has(resource, "web", readyReplicas=1)
    mine = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}

    def has(kind: str) -> Any:
        return lambda obj: get_condition(obj, kind) is not None

    async def update() -> Object | None:
        found = await case.api.get(resource, "web", SPACE)
        found["status"]["conditions"] = [*found["status"].get("conditions", ()), mine]
        with suppress(Conflict):
            return await case.api.update(resource, found, subresource="status")
        return None

    answered = await case.until(update, "the update")
    assert (get_condition(answered, "StatusUpdate") or {})["message"] == "Set from e2e test"
    await case.sees(resource, since, "e2e=testing", "MODIFIED", has("StatusUpdate"))
    conditions = [{"type": "StatusPatched", "status": "True"}]
    answered = await case.merge(resource, "web", {"status": {"conditions": conditions}}, "status")
    assert [entry["type"] for entry in answered["status"]["conditions"]] == ["StatusPatched"]
    await case.sees(resource, since, "e2e=testing", "MODIFIED", has("StatusPatched"))


@pytest.mark.parametrize(
    ("resource", "made"),
    [
        (DEPLOYMENTS, deployment("web", 1)),
        (REPLICASETS, replicaset("web")),
        (REPLICATIONCONTROLLERS, controller("web")),
    ],
    ids=["deployment", "replicaset", "replicationcontroller"],
)
async def test_scale_is_read_replaced_and_patched(case: Case, resource: Resource, made: Object) -> None:
    await case.api.create(resource, made, SPACE)
    await case.has(resource, "web", readyReplicas=1)
    scale = await case.api.get(resource, "web", SPACE, subresource="scale")
    assert (scale["spec"]["replicas"], scale["status"]["replicas"]) == (1, 1)
    # Like the cases do: without a resourceVersion the replace is unconditional.
    answered = await case.api.update(
        resource, {**scale, "metadata": {"name": "web", "namespace": SPACE}, "spec": {"replicas": 2}},
        subresource="scale",
    )  # fmt: skip
    assert answered["spec"]["replicas"] == 2
    assert (await case.api.get(resource, "web", SPACE))["spec"]["replicas"] == 2
    body = {"kind": "Scale", "apiVersion": "autoscaling/v1", "spec": {"replicas": 4}}
    await case.strategic(resource, "web", body, "scale")
    assert (await case.api.get(resource, "web", SPACE))["spec"]["replicas"] == 4
    await case.has(resource, "web", readyReplicas=4)


async def test_an_adopted_replicaset_is_rolled_into_the_next_revision(case: Case) -> None:
    old = replicaset("old", labels={"app": "web", "pod": "httpd"})
    old["metadata"]["annotations"] = {REVISION: "3546343826724305832"}
    await case.api.create(REPLICASETS, old, SPACE)
    await case.has(REPLICASETS, "old", readyReplicas=1)
    await case.api.create(DEPLOYMENTS, deployment("web", 1), SPACE)

    async def complete() -> Object | None:
        found = await case.has(DEPLOYMENTS, "web", replicas=1, updatedReplicas=1, availableReplicas=1)
        return found if found["status"]["observedGeneration"] >= found["metadata"]["generation"] else None

    done = await case.until(complete, "the rollout")
    assert notes(done)[REVISION] == "3546343826724305833"
    sets = {name(item) == "old": item for item in (await case.api.list(REPLICASETS, SPACE)).items}
    assert len(sets) == 2
    assert (controller_of(sets[True]) or {})["uid"] == uid(done)
    new = sets[False]["metadata"]["labels"]["pod-template-hash"]
    assert sets[False]["spec"]["selector"]["matchLabels"]["pod-template-hash"] == new
    pods = (await case.api.list(PODS, SPACE, label_selector=f"pod-template-hash={new}")).items
    assert len(pods) == 1


async def test_recreate_never_runs_old_and_new_pods_together(case: Case) -> None:
    made = deployment("web", 1, strategy={"type": "Recreate"})
    await case.api.create(DEPLOYMENTS, made, SPACE)
    first = await case.has(DEPLOYMENTS, "web", availableReplicas=1)
    assert notes(first)[REVISION] == "1"
    since = (await case.api.list(PODS, SPACE)).resource_version
    await case.strategic(DEPLOYMENTS, "web", SECOND)

    async def rolled() -> bool:
        found = await case.api.get(DEPLOYMENTS, "web", SPACE)
        return bool(notes(found)[REVISION] == "2" and found["status"].get("availableReplicas") == 1)

    await case.until(rolled, "the rollout")
    alive: set[str] = set()
    async for event in case.api.watch(PODS, SPACE, resource_version=since):
        image = event.object["spec"]["containers"][0]["image"] if event.type != "BOOKMARK" else ""
        if event.type == "DELETED":
            alive = set()
        elif event.type == "ADDED":
            assert image == "hello:2"
            assert alive == set(), "an old pod was still there"
            break
        elif image == FIRST:
            alive.add(image)


async def test_no_history_is_kept_when_none_is_wanted_and_one_pod_is_made(case: Case) -> None:
    await case.api.create(REPLICASETS, replicaset("old", labels={"app": "web", "pod": "httpd"}), SPACE)
    await case.has(REPLICASETS, "old", readyReplicas=1)
    since = (await case.api.list(PODS, SPACE)).resource_version
    await case.api.create(DEPLOYMENTS, deployment("web", 1, revisionHistoryLimit=0), SPACE)
    await case.gone(REPLICASETS, "old")
    await case.has(DEPLOYMENTS, "web", readyReplicas=1, replicas=1)
    made: list[str] = []
    async for event in case.api.watch(PODS, SPACE, resource_version=since):
        if event.type == "ADDED":
            made.append(event.object["spec"]["containers"][0]["image"])
        if event.type == "DELETED":
            break
    assert made == [FIRST]


async def test_a_rollout_that_stands_still_is_rolled_over(case: Case) -> None:
    case.cluster.outcome = lambda found: "Pending" if "broken" in str(found["spec"]) else "Running"
    await case.api.create(REPLICASETS, replicaset("old", labels={"app": "web", "pod": "httpd"}), SPACE)
    await case.has(REPLICASETS, "old", readyReplicas=1)
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    await case.api.create(DEPLOYMENTS, deployment("web", 1, image="broken:1", strategy=strategy), SPACE)
    stuck = await case.has(DEPLOYMENTS, "web", updatedReplicas=1, unavailableReplicas=1)
    assert notes(stuck)[REVISION] == "1"
    await case.strategic(DEPLOYMENTS, "web", SECOND)
    await case.has(DEPLOYMENTS, "web", replicas=1, updatedReplicas=1, availableReplicas=1, observedGeneration=2)
    sets = (await case.api.list(REPLICASETS, SPACE)).items
    by_revision = sorted((notes(item).get(REVISION, ""), item["spec"]["replicas"]) for item in sets)
    assert [replicas for _, replicas in by_revision] == [0, 0, 1]


async def test_a_scale_in_the_middle_of_a_rollout_is_shared_in_proportion(case: Case) -> None:
    case.cluster.outcome = lambda found: "Pending" if "broken" in str(found["spec"]) else "Running"
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    await case.api.create(DEPLOYMENTS, deployment("web", 10, strategy=strategy), SPACE)
    await case.has(DEPLOYMENTS, "web", availableReplicas=10)
    await case.strategic(
        DEPLOYMENTS, "web", {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "broken:1"}]}}}}
    )

    async def shares(*wanted: int) -> bool:
        sets = (await case.api.list(REPLICASETS, SPACE)).items
        sets.sort(key=lambda item: notes(item)[REVISION])
        return [item["spec"]["replicas"] for item in sets] == list(wanted)

    await case.until(lambda: shares(8, 5), "the rollout to stop at its bounds")
    await case.has(DEPLOYMENTS, "web", replicas=13, availableReplicas=8)
    await case.strategic(DEPLOYMENTS, "web", {"spec": {"replicas": 30}})
    await case.until(lambda: shares(20, 13), "the scale being shared")


async def test_a_replicaset_is_scaled_patched_and_deleted_as_a_collection(case: Case) -> None:
    await case.api.create(REPLICASETS, labelled(replicaset("web"), app="web", test="rs"), SPACE)
    found = await case.has(REPLICASETS, "web", readyReplicas=1)
    found["spec"]["replicas"] = 2
    await case.api.update(REPLICASETS, found)
    await case.has(REPLICASETS, "web", readyReplicas=2, availableReplicas=2)
    template = {"spec": {"containers": [{"name": "main", "image": "hello:2"}]}}
    patch = {"metadata": {"labels": {"test-rs": "patched"}}, "spec": {"replicas": 3, "template": template}}
    patched = await case.strategic(REPLICASETS, "web", patch)
    assert patched["metadata"]["labels"]["test-rs"] == "patched"
    found = await case.has(REPLICASETS, "web", readyReplicas=3)
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "hello:2"
    assert len((await case.api.list(REPLICASETS, label_selector="test=rs")).items) == 1
    await case.delete_collection(REPLICASETS, "test=rs", propagationPolicy="Background")
    await case.count(REPLICASETS, "test=rs", 0)
    await case.count(PODS, "app=web", 0)


@pytest.mark.parametrize(
    ("resource", "make"), [(REPLICASETS, replicaset), (REPLICATIONCONTROLLERS, controller)], ids=["rs", "rc"]
)
async def test_a_matching_pod_is_adopted_and_one_that_no_longer_matches_released(
    case: Case, resource: Resource, make: Any
) -> None:
    await case.api.create(PODS, pod("orphan", labels={"app": "web"}), SPACE)
    owner = await case.api.create(resource, make("web"), SPACE)

    async def adopted() -> Object | None:
        found = await case.api.get(PODS, "orphan", SPACE)
        return found if (controller_of(found) or {}).get("uid") == uid(owner) else None

    taken = await case.until(adopted, "the adoption")
    assert taken is not None
    await case.adopts_and_releases(resource, owner, PODS, taken)
    await case.count(PODS, "app=web", 1)


@pytest.mark.parametrize(
    ("resource", "make"), [(REPLICASETS, replicaset), (REPLICATIONCONTROLLERS, controller)], ids=["rs", "rc"]
)
async def test_a_quota_shows_as_a_condition_that_goes_with_it(case: Case, resource: Resource, make: Any) -> None:
    quota = {"metadata": {"name": "two"}, "spec": {"hard": {"pods": "2"}}}
    await case.api.create(RESOURCEQUOTAS, quota, SPACE)
    await case.has(RESOURCEQUOTAS, "two", hard={"pods": "2"})
    await case.api.create(resource, make("web", 3), SPACE)

    async def condition() -> Object | None:
        found = await case.api.get(resource, "web", SPACE)
        latest = found["status"].get("observedGeneration", 0) >= found["metadata"]["generation"]
        return get_condition(found, "ReplicaFailure") if latest else None

    failure = await case.until(condition, "the condition")
    assert failure is not None
    assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
    assert "exceeded quota: two" in failure["message"]
    await case.merge(resource, "web", {"spec": {"replicas": 2}})

    async def cleared() -> bool:
        return await condition() is None

    await case.until(cleared, "the condition going")


async def test_a_replicationcontroller_lives_through_all_its_steps(case: Case) -> None:
    since = (await case.api.list(REPLICATIONCONTROLLERS)).resource_version
    await case.api.create(REPLICATIONCONTROLLERS, controller("web"), SPACE)
    await case.sees(REPLICATIONCONTROLLERS, since, "app=web", "ADDED")
    await case.has(REPLICATIONCONTROLLERS, "web", replicas=1, readyReplicas=1)
    # What a typed Go client sends for a patch of labels: a whole object with empty fields.
    body = {
        "metadata": {"creationTimestamp": None, "labels": {"test-rc": "patched"}},
        "spec": {},
        "status": {"replicas": 0},
    }
    patched = await case.strategic(REPLICATIONCONTROLLERS, "web", body)
    assert patched["metadata"]["labels"]["test-rc"] == "patched"
    zero = {"status": {"readyReplicas": 0, "availableReplicas": 0}}
    answered = await case.strategic(REPLICATIONCONTROLLERS, "web", zero, "status")
    assert answered["status"].get("readyReplicas", 0) == 0
    await case.sees(
        REPLICATIONCONTROLLERS, resource_version(answered), "app=web", "MODIFIED",
        lambda obj: obj["status"].get("readyReplicas") == 1,
    )  # fmt: skip
    read = await case.api.get(REPLICATIONCONTROLLERS, "web", SPACE, subresource="status")
    assert read["status"]["replicas"] == 1
    scale = {"metadata": {"creationTimestamp": None}, "spec": {"replicas": 2}, "status": {"replicas": 0}}
    await case.strategic(REPLICATIONCONTROLLERS, "web", scale, "scale")
    found = await case.has(REPLICATIONCONTROLLERS, "web", replicas=2, readyReplicas=2)
    assert found["metadata"]["labels"]["test-rc"] == "patched"
    found["status"] |= {"availableReplicas": 1, "readyReplicas": 1}
    changed = await case.api.update(REPLICATIONCONTROLLERS, found, subresource="status")
    await case.sees(REPLICATIONCONTROLLERS, resource_version(found), "app=web", "MODIFIED")
    assert changed["status"]["readyReplicas"] == 1
    listed = (await case.api.list(REPLICATIONCONTROLLERS, label_selector="app=web")).items
    assert [name(item) for item in listed] == ["web"]
    await case.delete_collection(REPLICATIONCONTROLLERS, "app=web")
    await case.sees(REPLICATIONCONTROLLERS, since, "app=web", "DELETED")
