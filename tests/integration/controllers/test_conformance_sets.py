"""Kubernetes' conformance cases of StatefulSets, DaemonSets and ControllerRevisions, step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import orjson
import pytest

from common.api.conditions import get_condition
from common.api.kinds import CONTROLLERREVISIONS, DAEMONSETS, NODES, PODS, STATEFULSETS, Resource
from common.api.meta import Object, controller_reference, labels, name, resource_version, uid
from common.api.pods import is_ready, node_name
from common.api.revisions import REVISION_HASH
from common.errors import Conflict
from tests.fakes.objects import daemonset, pod, statefulset

from .cases import SPACE, Case
from .conftest import Cluster

SECOND: Object = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "hello:2"}]}}}}
BROKEN: Object = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "broken:1"}]}}}}
FIRST: Object = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "hello:1"}]}}}}


@pytest.fixture
async def case(cluster: Cluster) -> AsyncIterator[Case]:
    async with Case.played(cluster) as case:
        yield case


def image(found: Object) -> str:
    return str(found["spec"]["containers"][0]["image"])


def labelled(obj: Object, **values: str) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "labels": values}}


async def set_ready(case: Case, named: str, state: str) -> None:
    """What the readiness probe of a pod found."""
    found = await case.api.get(PODS, named, SPACE)
    conditions = [
        {**entry, "status": state} if entry["type"] == "Ready" else entry for entry in found["status"]["conditions"]
    ]
    await case.strategic(PODS, named, {"status": {"conditions": conditions}}, "status")


async def watched(case: Case, since: str, until: Callable[[list[tuple[str, str]]], bool]) -> list[tuple[str, str]]:
    """What came and went of the pods since a revision, as (kind, name)."""
    seen: list[tuple[str, str]] = []
    async for event in case.api.watch(PODS, SPACE, resource_version=since):
        if event.type in {"ADDED", "DELETED"}:
            seen.append((event.type, name(event.object)))
            if until(seen):
                break
    return seen


async def test_a_statefulset_scales_in_order_and_halts_while_a_pod_is_unwell(case: Case) -> None:
    since = (await case.api.list(PODS, SPACE)).resource_version
    await case.api.create(STATEFULSETS, statefulset("db", 1), SPACE)
    await case.has(STATEFULSETS, "db", readyReplicas=1)
    await set_ready(case, "db-0", "False")
    await case.has(STATEFULSETS, "db", readyReplicas=0)
    await case.merge(STATEFULSETS, "db", {"spec": {"replicas": 3}})
    await case.has(STATEFULSETS, "db", observedGeneration=2, replicas=1)
    await set_ready(case, "db-0", "True")
    await case.has(STATEFULSETS, "db", readyReplicas=3)
    assert await watched(case, since, lambda seen: len(seen) == 3) == [("ADDED", f"db-{i}") for i in range(3)]
    since = (await case.api.list(PODS, SPACE)).resource_version
    await set_ready(case, "db-0", "False")
    await case.has(STATEFULSETS, "db", readyReplicas=2)
    await case.merge(STATEFULSETS, "db", {"spec": {"replicas": 0}})
    await case.has(STATEFULSETS, "db", observedGeneration=3, replicas=3)
    await set_ready(case, "db-0", "True")
    await case.count(PODS, "app=db", 0)
    assert await watched(case, since, lambda seen: len(seen) == 3) == [("DELETED", f"db-{i}") for i in (2, 1, 0)]
    await case.has(STATEFULSETS, "db", replicas=0)


async def test_parallel_pods_scale_also_while_some_are_unwell(case: Case) -> None:
    await case.api.create(STATEFULSETS, statefulset("db", 1, podManagementPolicy="Parallel"), SPACE)
    await case.has(STATEFULSETS, "db", readyReplicas=1)
    await set_ready(case, "db-0", "False")
    await case.merge(STATEFULSETS, "db", {"spec": {"replicas": 3}})
    await case.has(STATEFULSETS, "db", replicas=3, readyReplicas=2)
    await set_ready(case, "db-1", "False")
    await case.merge(STATEFULSETS, "db", {"spec": {"replicas": 0}})
    await case.count(PODS, "app=db", 0)
    await case.has(STATEFULSETS, "db", replicas=0)


async def test_a_pod_that_lost_its_node_port_is_made_again_until_it_fits(case: Case) -> None:
    """A pod that its node rejects is Failed; the set replaces it until there is room."""
    blocker = pod("blocker", node="n1", containers=[
        {"name": "main", "image": "hello:1", "ports": [{"containerPort": 80, "hostPort": 21017}]}
    ])  # fmt: skip
    await case.api.create(PODS, blocker, SPACE)
    case.cluster.outcome = lambda found: "1" if name(found) == "db-0" else "Running"
    made = statefulset("db", 1)
    made["spec"]["template"]["spec"]["nodeName"] = "n1"
    await case.api.create(STATEFULSETS, made, SPACE)
    first = await case.until(lambda: the_pod(case, "db-0"), "the first pod")
    await case.until(lambda: the_pod(case, "db-0", other_than=uid(first)), "a failed pod being replaced")
    case.cluster.outcome = lambda _pod: "Running"
    await case.has(STATEFULSETS, "db", readyReplicas=1)


async def the_pod(case: Case, named: str, other_than: str = "") -> Object | None:
    found = [item for item in (await case.api.list(PODS, SPACE)).items if name(item) == named]
    return found[0] if found and uid(found[0]) != other_than else None


async def delete_and_await(case: Case, named: str) -> None:
    before = await case.api.get(PODS, named, SPACE)
    await case.api.delete(PODS, named, SPACE)
    await case.until(lambda: the_pod(case, named, uid(before)), f"{named} being made anew")


async def test_a_statefulset_rolls_from_the_top_and_back_to_its_first_revision(case: Case) -> None:
    await case.api.create(STATEFULSETS, statefulset("db", 3), SPACE)
    start = (await case.has(STATEFULSETS, "db", readyReplicas=3, currentReplicas=3))["status"]
    assert start["currentRevision"] == start["updateRevision"]
    case.cluster.outcome = lambda found: "Pending" if name(found) == "db-1" and image(found) != "hello:1" else "Running"
    since = (await case.api.list(PODS, SPACE)).resource_version
    await case.strategic(STATEFULSETS, "db", SECOND)
    rolling = (await case.has(STATEFULSETS, "db", observedGeneration=2, updatedReplicas=2))["status"]
    assert rolling["currentRevision"] == start["currentRevision"]
    assert rolling["updateRevision"] != start["currentRevision"]
    assert image(await case.api.get(PODS, "db-0", SPACE)) == "hello:1"
    case.cluster.outcome = lambda _pod: "Running"
    update = rolling["updateRevision"]
    done = await case.has(STATEFULSETS, "db", currentRevision=update, updateRevision=update, readyReplicas=3)
    assert done["status"]["currentReplicas"] == 3
    seen = await watched(case, since, lambda found: found.count(("ADDED", "db-0")) == 1)
    assert [named for kind, named in seen if kind == "DELETED"] == ["db-2", "db-1", "db-0"]
    await case.strategic(STATEFULSETS, "db", FIRST)
    first = start["currentRevision"]
    await case.has(STATEFULSETS, "db", currentRevision=first, updateRevision=first, readyReplicas=3)
    pods = (await case.api.list(PODS, SPACE)).items
    assert {labels(item)["controller-revision-hash"] for item in pods} == {first}
    assert {image(item) for item in pods} == {"hello:1"}


async def test_a_partition_makes_canaries_and_holds_for_pods_that_are_deleted(case: Case) -> None:
    rolling: dict[str, Any] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 3}}
    await case.api.create(STATEFULSETS, statefulset("db", 3, updateStrategy=rolling), SPACE)
    first = (await case.has(STATEFULSETS, "db", readyReplicas=3))["status"]["currentRevision"]
    await case.strategic(STATEFULSETS, "db", SECOND)
    second = (await case.has(STATEFULSETS, "db", observedGeneration=2))["status"]["updateRevision"]
    assert second != first

    async def revisions(*wanted: str) -> bool:
        pods = (await case.api.list(PODS, SPACE)).items
        found = [labels(item)["controller-revision-hash"] for item in sorted(pods, key=name) if is_ready(item)]
        return found == list(wanted)

    assert await revisions(first, first, first)
    await case.merge(STATEFULSETS, "db", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}})
    await case.until(lambda: revisions(first, first, second), "the canary")
    for named in ("db-0", "db-2"):
        await delete_and_await(case, named)
    await case.until(lambda: revisions(first, first, second), "the pods of their own revisions")
    await case.merge(STATEFULSETS, "db", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}})
    await case.until(lambda: revisions(first, second, second), "partition 1")
    await case.merge(STATEFULSETS, "db", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}})
    await case.until(lambda: revisions(second, second, second), "partition 0")
    await case.has(STATEFULSETS, "db", currentRevision=second, updateRevision=second, currentReplicas=3)


async def test_a_statefulset_is_scaled_listed_patched_and_deleted_as_a_collection(case: Case) -> None:
    await case.api.create(STATEFULSETS, labelled(statefulset("db", 1), app="db"), SPACE)
    await case.has(STATEFULSETS, "db", readyReplicas=1)
    scale = await case.api.get(STATEFULSETS, "db", SPACE, subresource="scale")
    assert (scale["spec"]["replicas"], scale["status"]["replicas"]) == (1, 1)
    scale["metadata"]["resourceVersion"] = ""
    answered = await case.api.update(STATEFULSETS, {**scale, "spec": {"replicas": 2}}, subresource="scale")
    assert answered["spec"]["replicas"] == 2
    assert (await case.api.get(STATEFULSETS, "db", SPACE))["spec"]["replicas"] == 2
    await case.has(STATEFULSETS, "db", readyReplicas=2)
    assert len((await case.api.list(STATEFULSETS, label_selector="app=db")).items) == 1
    patch: Object = {"metadata": {"labels": {"test-ss": "patched"}}, **SECOND}
    patch["spec"] = {**SECOND["spec"], "replicas": 1}
    await case.strategic(STATEFULSETS, "db", patch)
    found = await case.has(STATEFULSETS, "db", readyReplicas=1, replicas=1, observedGeneration=3)
    assert labels(found)["test-ss"] == "patched"
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "hello:2"
    await case.delete_collection(STATEFULSETS, "test-ss=patched", propagationPolicy="Background")
    await case.count(STATEFULSETS, "app=db", 0)


@pytest.mark.parametrize(
    ("resource", "made"),
    [(STATEFULSETS, statefulset("set", 1)), (DAEMONSETS, daemonset("set"))],
    ids=["statefulset", "daemonset"],
)
async def test_conditions_that_clients_write_are_shown_and_watched(
    case: Case, resource: Resource, made: Object
) -> None:
    since = (await case.api.list(resource)).resource_version
    await case.api.create(resource, labelled(made, app="set"), SPACE)
    await case.until(lambda: any_ready(case), "a pod")
    found = await case.api.get(resource, "set", SPACE, subresource="status")
    mine = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}

    async def update() -> Object | None:
        found = await case.api.get(resource, "set", SPACE)
        found["status"]["conditions"] = [*(found["status"].get("conditions") or ()), mine]
        with suppress(Conflict):
            return await case.api.update(resource, found, subresource="status")
        return None

    assert get_condition(await case.until(update, "the update"), "StatusUpdate") is not None
    await case.sees(resource, since, "app=set", "MODIFIED", lambda obj: bool(get_condition(obj, "StatusUpdate")))
    conditions = [{"type": "StatusPatched", "status": "True"}]
    patched = await case.merge(resource, "set", {"status": {"conditions": conditions}}, "status")
    assert [entry["type"] for entry in patched["status"]["conditions"]] == ["StatusPatched"]
    await case.sees(
        resource, resource_version(found), "app=set", "MODIFIED",
        lambda obj: bool(get_condition(obj, "StatusPatched")),
    )  # fmt: skip


async def any_ready(case: Case) -> bool:
    return any(is_ready(item) for item in (await case.api.list(PODS, SPACE)).items)


async def on_nodes(case: Case, *wanted: str, but: str = "") -> bool:
    pods = (await case.api.list(PODS, SPACE)).items
    found = [node_name(item) for item in pods if is_ready(item) and uid(item) != but]
    return sorted(found) == list(wanted)


async def test_a_daemon_that_is_deleted_or_fails_comes_back(case: Case) -> None:
    await case.api.create(DAEMONSETS, daemonset("log"), SPACE)
    await case.until(lambda: on_nodes(case, "n1", "n2"), "a pod on every node")
    await case.has(DAEMONSETS, "log", desiredNumberScheduled=2, currentNumberScheduled=2, numberReady=2)
    deleted, failed = (await case.api.list(PODS, SPACE)).items
    await case.api.delete(PODS, name(deleted), SPACE)
    await case.until(lambda: on_nodes(case, "n1", "n2", but=uid(deleted)), "the deleted pod being revived")
    failed = await case.api.get(PODS, name(failed), SPACE)
    # As the case does: a whole object, its phase written by a client, without a resourceVersion.
    failed["status"]["phase"] = "Failed"
    failed["metadata"]["resourceVersion"] = ""
    await case.api.update(PODS, failed, subresource="status")
    await case.until(lambda: on_nodes(case, "n1", "n2", but=uid(failed)), "the failed pod being revived")
    await case.gone(PODS, name(failed))


async def test_a_complex_daemon_follows_the_labels_of_nodes(case: Case) -> None:
    made = daemonset("log")
    made["spec"]["template"]["spec"]["nodeSelector"] = {"color": "blue"}
    await case.api.create(DAEMONSETS, made, SPACE)
    await case.has(DAEMONSETS, "log", observedGeneration=1, desiredNumberScheduled=0)
    await case.api.patch(NODES, "n1", {"metadata": {"labels": {"color": "blue"}}})
    await case.until(lambda: on_nodes(case, "n1"), "a pod on the blue node")
    await case.has(DAEMONSETS, "log", desiredNumberScheduled=1, numberReady=1)
    await case.api.patch(NODES, "n1", {"metadata": {"labels": {"color": "green"}}})
    await case.until(lambda: on_nodes(case), "the pod going")
    change = {"template": {"spec": {"nodeSelector": {"color": "green"}}}, "updateStrategy": {"type": "RollingUpdate"}}
    await case.strategic(DAEMONSETS, "log", {"spec": change})
    await case.until(lambda: on_nodes(case, "n1"), "a pod on the green node")


async def test_a_daemon_rolls_to_the_next_template_and_revision(case: Case) -> None:
    await case.api.create(DAEMONSETS, labelled(daemonset("log"), app="log"), SPACE)
    await case.until(lambda: on_nodes(case, "n1", "n2"), "a pod on every node")
    (first,) = await case.count(CONTROLLERREVISIONS, "app=log", 1)
    assert first["revision"] == 1
    await case.strategic(DAEMONSETS, "log", SECOND)
    await case.has(DAEMONSETS, "log", observedGeneration=2, updatedNumberScheduled=2, numberAvailable=2)
    pods = (await case.api.list(PODS, SPACE)).items
    assert {image(item) for item in pods} == {"hello:2"}
    revisions = await case.count(CONTROLLERREVISIONS, "app=log", 2)
    newest = max(revisions, key=lambda item: int(item["revision"]))
    assert {labels(item)[REVISION_HASH] for item in pods} == {labels(newest)[REVISION_HASH]}
    assert [orjson.dumps(item["data"], option=orjson.OPT_SORT_KEYS) for item in revisions] == [
        orjson.dumps(item["data"]) for item in revisions
    ], "clients tell the revision of a template by its bytes"


async def test_a_daemon_rolled_back_restarts_only_what_had_changed(case: Case) -> None:
    case.cluster.outcome = lambda found: "Pending" if image(found) == "broken:1" else "Running"
    await case.api.create(DAEMONSETS, daemonset("log"), SPACE)
    await case.until(lambda: on_nodes(case, "n1", "n2"), "a pod on every node")
    await case.strategic(DAEMONSETS, "log", BROKEN)

    async def begun() -> bool:
        return any(image(item) == "broken:1" for item in (await case.api.list(PODS, SPACE)).items)

    await case.until(begun, "the rollout to start")
    kept = [item for item in (await case.api.list(PODS, SPACE)).items if is_ready(item)]
    assert kept != []
    await case.strategic(DAEMONSETS, "log", FIRST)
    await case.until(lambda: on_nodes(case, "n1", "n2"), "the rollback")
    after = {uid(item) for item in (await case.api.list(PODS, SPACE)).items}
    assert {uid(item) for item in kept} <= after


async def test_daemonsets_are_deleted_as_a_collection(case: Case) -> None:
    await case.api.create(DAEMONSETS, labelled(daemonset("log"), app="log"), SPACE)
    await case.until(lambda: on_nodes(case, "n1", "n2"), "a pod on every node")
    assert len((await case.api.list(DAEMONSETS, label_selector="app=log")).items) == 1
    await case.delete_collection(DAEMONSETS, "app=log")
    await case.count(DAEMONSETS, "app=log", 0)
    await case.count(PODS, "app=log", 0)


async def test_a_revision_is_patched_made_deleted_updated_and_numbered_on(case: Case) -> None:
    owner = await case.api.create(DAEMONSETS, labelled(daemonset("log"), app="log"), SPACE)
    await case.until(lambda: on_nodes(case, "n1", "n2"), "a pod on every node")
    (first,) = (await case.api.list(CONTROLLERREVISIONS, label_selector="app=log")).items
    patched = await case.strategic(CONTROLLERREVISIONS, name(first), {"metadata": {"labels": {name(first): "patched"}}})
    assert labels(patched)[name(first)] == "patched"
    second = {
        "metadata": {
            "name": "log-5d4f9c6bb", "namespace": SPACE, "labels": {"app": "log", REVISION_HASH: "5d4f9c6bb"},
            "ownerReferences": [controller_reference(owner, "apps/v1", "DaemonSet")],
        },
        "data": first["data"],
        "revision": first["revision"] + 1,
    }  # fmt: skip
    await case.api.create(CONTROLLERREVISIONS, second, SPACE)
    await case.count(CONTROLLERREVISIONS, "app=log", 2)
    await case.api.delete(CONTROLLERREVISIONS, name(first), SPACE)
    (left,) = await case.count(CONTROLLERREVISIONS, "app=log", 1)
    left["metadata"]["labels"][name(left)] = "updated"
    updated = await case.api.update(CONTROLLERREVISIONS, left)
    assert labels(updated)[name(left)] == "updated"
    await case.strategic(DAEMONSETS, "log", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}})
    await case.count(CONTROLLERREVISIONS, "app=log", 2)
    await case.delete_collection(CONTROLLERREVISIONS, f"{name(left)}=updated")
    (last,) = await case.count(CONTROLLERREVISIONS, "app=log", 1)
    assert last["revision"] == 3
