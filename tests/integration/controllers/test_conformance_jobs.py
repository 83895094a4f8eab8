"""Kubernetes' conformance cases of Jobs, CronJobs' API and PodDisruptionBudgets, step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from common.api.conditions import get_condition, is_true
from common.api.kinds import CRONJOBS, JOBS, NAMESPACES, PODDISRUPTIONBUDGETS, PODS
from common.api.meta import Object, controller_of, labels, name, uid
from common.api.meta import annotations as notes
from common.errors import NotFound, TooManyRequests
from tests.fakes.objects import pod

from .cases import SPACE, Case
from .conftest import Cluster

INDEX = "batch.kubernetes.io/job-completion-index"


@pytest.fixture
async def case(cluster: Cluster) -> AsyncIterator[Case]:
    async with Case.played(cluster) as case:
        yield case


def job(named: str = "job", *, completions: int = 4, parallelism: int = 2, **spec: Any) -> Object:
    template = {
        "metadata": {"labels": {"job": named}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "hello:1"}]},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": named, "namespace": SPACE},
        "spec": {"completions": completions, "parallelism": parallelism, "template": template, **spec},
    }


def indexed(**spec: Any) -> Object:
    return job(completionMode="Indexed", **spec)


def index(found: Object) -> int:
    return int(notes(found)[INDEX])


async def ended(case: Case, kind: str) -> Object:
    """The Job once it has that condition."""

    told: Object = {}

    async def there() -> Object | None:
        found = await case.api.get(JOBS, "job", SPACE)
        told.update(found["status"])
        return found if is_true(found, kind) else None

    return await case.until(there, lambda: f"the Job being {kind}, it is {told}: ")


async def test_indexed_pods_have_indexes_and_host_names(case: Case) -> None:
    case.cluster.outcome = lambda _pod: "0"
    await case.api.create(JOBS, indexed(), SPACE)
    done = await ended(case, "Complete")
    assert (done["status"]["succeeded"], done["status"]["completedIndexes"]) == (4, "0-3")
    pods = (await case.api.list(PODS, SPACE, label_selector="job=job")).items
    assert sorted(index(item) for item in pods) == [0, 1, 2, 3]
    assert {item["spec"]["hostname"] for item in pods} == {f"job-{number}" for number in range(4)}


async def test_a_job_is_deleted_with_its_pods(case: Case) -> None:
    await case.api.create(JOBS, job(), SPACE)
    await case.has(JOBS, "job", active=2, ready=2)
    await case.api.delete(JOBS, "job", SPACE, propagation_policy="Foreground")
    await case.gone(JOBS, "job")
    await case.count(PODS, "job=job", 0)


async def test_a_job_takes_orphans_back_and_lets_go_of_pods_that_no_longer_match(case: Case) -> None:
    owner = await case.api.create(JOBS, job(), SPACE)
    await case.has(JOBS, "job", active=2, ready=2)
    first = (await case.api.list(PODS, SPACE, label_selector="job=job")).items[0]
    await case.merge(PODS, name(first), {"metadata": {"ownerReferences": None}})

    async def adopted() -> Object | None:
        found = await case.api.get(PODS, name(first), SPACE)
        return found if (controller_of(found) or {}).get("uid") == uid(owner) else None

    taken = await case.until(adopted, "the adoption")
    await case.merge(PODS, name(taken), {"metadata": {"labels": dict.fromkeys(labels(taken))}})

    async def released() -> bool:
        return controller_of(await case.api.get(PODS, name(first), SPACE)) is None

    await case.until(released, "the release")


async def test_a_status_of_a_job_takes_what_clients_write(case: Case) -> None:
    await case.api.create(JOBS, job(), SPACE)
    await case.has(JOBS, "job", active=2, ready=2)
    condition = {"type": "CustomConditionType", "status": "True"}
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"conditions": [condition]}}
    patched = await case.merge(JOBS, "job", patch, "status")
    assert get_condition(patched, "CustomConditionType") is not None
    assert notes(patched)["patchedstatus"] == "true"

    async def updated() -> Object:
        found = await case.api.get(JOBS, "job", SPACE)
        found["status"]["conditions"] = [{"type": "Replaced", "status": "True", "reason": "E2E", "message": "m"}]
        return await case.api.update(JOBS, found, subresource="status")

    assert get_condition(await updated(), "Replaced") is not None
    read = await case.api.get(JOBS, "job", SPACE, subresource="status")
    assert uid(read) == uid(patched)


async def test_a_suspended_job_is_patched_resumed_and_deleted_as_a_collection(case: Case) -> None:
    case.cluster.outcome = lambda _pod: "0"
    made = job(suspend=True)
    made["metadata"]["labels"] = {"e2e": "job"}
    since = (await case.api.list(JOBS)).resource_version
    await case.api.create(JOBS, made, SPACE)
    await case.sees(JOBS, since, "e2e=job", "ADDED")
    await case.strategic(JOBS, "job", {"metadata": {"labels": {"e2e-patched": "patched"}}})
    await case.sees(JOBS, since, "e2e=job", "MODIFIED", lambda obj: labels(obj).get("e2e-patched") == "patched")
    found = await case.api.get(JOBS, "job", SPACE)
    assert is_true(found, "Suspended") or "startTime" not in (found.get("status") or {})
    found["spec"]["suspend"] = False
    found["metadata"]["annotations"] = {**notes(found), "updated": "true"}
    del found["metadata"]["resourceVersion"]
    await case.api.update(JOBS, found)
    await case.sees(JOBS, since, "e2e=job", "MODIFIED", lambda obj: notes(obj).get("updated") == "true")
    await ended(case, "Complete")
    assert len((await case.api.list(JOBS, label_selector="e2e=job")).items) == 1
    await case.delete_collection(JOBS, "e2e=job", propagationPolicy="Background")
    await case.sees(JOBS, since, "e2e=job", "DELETED")
    await case.count(PODS, "job=job", 0)


async def test_an_index_fails_at_once_where_the_policy_says_so(case: Case) -> None:
    case.cluster.outcome = lambda found: "42" if index(found) % 2 else "0"
    rule = {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}
    policy = {"rules": [rule]}
    await case.api.create(JOBS, indexed(backoffLimitPerIndex=1, parallelism=4, podFailurePolicy=policy), SPACE)
    status = (await ended(case, "Failed"))["status"]
    assert (status["failedIndexes"], status["completedIndexes"]) == ("1,3", "0,2")
    assert (status["failed"], status["succeeded"]) == (2, 2)


async def test_too_many_failed_indexes_end_the_job(case: Case) -> None:
    case.cluster.outcome = lambda found: "1" if index(found) == 0 else "Running"
    await case.api.create(JOBS, indexed(backoffLimitPerIndex=0, maxFailedIndexes=0), SPACE)
    status = (await ended(case, "Failed"))["status"]
    assert (get_condition({"status": status}, "Failed") or {})["reason"] == "MaxFailedIndexesExceeded"
    assert (status["failedIndexes"], status.get("completedIndexes", "")) == ("0", "")


async def test_an_exit_code_fails_the_job_early(case: Case) -> None:
    case.cluster.outcome = lambda _pod: "42"
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}
    made = job(completions=1, parallelism=1, backoffLimit=1, podFailurePolicy={"rules": [rule]})
    await case.api.create(JOBS, made, SPACE)
    status = (await ended(case, "Failed"))["status"]
    assert (get_condition({"status": status}, "Failed") or {})["reason"] == "PodFailurePolicy"
    assert status["failed"] == 1


@pytest.mark.parametrize(
    ("rule", "succeeds", "indexes"),
    [
        ({"succeededIndexes": "0-1"}, {0, 1}, "0,1"),
        ({"succeededIndexes": "0"}, {0}, "0"),
        ({"succeededCount": 1}, {0}, "0"),
    ],
    ids=["all", "indexes", "count"],
)
async def test_a_success_policy_ends_the_job_as_complete(
    case: Case, rule: Object, succeeds: set[int], indexes: str
) -> None:
    case.cluster.outcome = lambda found: "0" if index(found) in succeeds else "Pending"
    made = indexed(completions=2, successPolicy={"rules": [rule]})
    await case.api.create(JOBS, made, SPACE)
    status = (await ended(case, "Complete"))["status"]
    for kind in ("SuccessCriteriaMet", "Complete"):
        assert (get_condition({"status": status}, kind) or {})["reason"] == "SuccessPolicy"
    assert status["completedIndexes"] == indexes
    assert status["succeeded"] == len(succeeds)
    assert status.get("terminating", 0) == 0


async def test_a_cronjob_supports_every_verb_and_its_status(case: Case) -> None:
    template = job()["spec"]["template"]
    spec = {"schedule": "* */1 * * ?", "concurrencyPolicy": "Allow", "jobTemplate": {"spec": {"template": template}}}
    labelled: Object = {"labels": {"special-label": "x"}}
    made = {"metadata": {"generateName": "e2e-example-cj", **labelled}, "spec": {**spec, "suspend": True}}
    since = (await case.api.list(CRONJOBS, SPACE)).resource_version
    created = await case.api.create(CRONJOBS, made, SPACE)
    named = name(created)
    assert (await case.api.get(CRONJOBS, named, SPACE))["metadata"]["uid"] == uid(created)
    assert len((await case.api.list(CRONJOBS, SPACE, label_selector="special-label=x")).items) == 1
    assert len((await case.api.list(CRONJOBS, label_selector="special-label=x")).items) == 1
    await case.sees(CRONJOBS, since, "special-label=x", "ADDED")
    patched = await case.merge(CRONJOBS, named, {"metadata": {"annotations": {"patched": "true"}}})
    assert notes(patched)["patched"] == "true"
    patched["metadata"]["annotations"]["updated"] = "true"
    await case.api.update(CRONJOBS, patched)
    await case.sees(CRONJOBS, since, "special-label=x", "MODIFIED", lambda obj: notes(obj).get("updated") == "true")
    moment = "2026-01-02T03:04:05Z"
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"lastScheduleTime": moment}}
    answered = await case.merge(CRONJOBS, named, patch, "status")
    assert answered["status"]["lastScheduleTime"] == moment
    assert notes(answered)["patchedstatus"] == "true"
    answered["status"]["lastScheduleTime"] = "2026-01-02T03:05:05Z"
    updated = await case.api.update(CRONJOBS, answered, subresource="status")
    assert updated["status"]["lastScheduleTime"] == "2026-01-02T03:05:05Z"
    assert uid(await case.api.get(CRONJOBS, named, SPACE, subresource="status")) == uid(created)
    await case.api.delete(CRONJOBS, named, SPACE)
    with pytest.raises(NotFound):
        await case.api.get(CRONJOBS, named, SPACE)
    await case.api.create(CRONJOBS, made, SPACE)
    await case.delete_collection(CRONJOBS, "special-label=x")
    await case.count(CRONJOBS, "special-label=x", 0)


def budget(named: str = "foo", **spec: Any) -> Object:
    selector = {"matchLabels": {"foo": "bar"}}
    return {"metadata": {"name": named, "labels": {"a": "b"}}, "spec": {"selector": selector, **spec}}


async def test_a_budget_is_made_updated_patched_and_deleted(case: Case) -> None:
    await case.api.create(PODDISRUPTIONBUDGETS, budget(minAvailable="1%"), SPACE)
    found = await case.has(PODDISRUPTIONBUDGETS, "foo", observedGeneration=1)
    found["spec"]["minAvailable"] = "2%"
    del found["metadata"]["resourceVersion"]
    updated = await case.api.update(PODDISRUPTIONBUDGETS, found)
    assert updated["spec"]["minAvailable"] == "2%"
    await case.has(PODDISRUPTIONBUDGETS, "foo", observedGeneration=2)
    patched = await case.strategic(PODDISRUPTIONBUDGETS, "foo", {"spec": {"minAvailable": "3%"}})
    assert patched["spec"]["minAvailable"] == "3%"
    await case.has(PODDISRUPTIONBUDGETS, "foo", observedGeneration=3)
    await case.api.delete(PODDISRUPTIONBUDGETS, "foo", SPACE)
    await case.gone(PODDISRUPTIONBUDGETS, "foo")


async def test_budgets_are_listed_everywhere_and_deleted_as_a_collection(case: Case) -> None:
    await case.api.create(NAMESPACES, {"metadata": {"name": "other"}})
    for named, space in (("foo", SPACE), ("foo2", SPACE), ("foo", "other")):
        await case.api.create(PODDISRUPTIONBUDGETS, budget(named, minAvailable=2), space)
    assert len((await case.api.list(PODDISRUPTIONBUDGETS, label_selector="a=b")).items) == 3
    assert len((await case.api.list(PODDISRUPTIONBUDGETS, SPACE)).items) == 2
    await case.delete_collection(PODDISRUPTIONBUDGETS, "")
    assert (await case.api.list(PODDISRUPTIONBUDGETS, SPACE)).items == []
    assert len((await case.api.list(PODDISRUPTIONBUDGETS)).items) == 1


async def test_the_status_of_a_budget_follows_its_pods_and_takes_what_clients_write(case: Case) -> None:
    await case.api.create(PODDISRUPTIONBUDGETS, budget(minAvailable=1), SPACE)
    for number in range(2):
        await case.api.create(PODS, pod(f"pod-{number}", labels={"foo": "bar"}), SPACE)
    found = await case.has(PODDISRUPTIONBUDGETS, "foo", disruptionsAllowed=1, currentHealthy=2, desiredHealthy=1)
    condition = get_condition(found, "DisruptionAllowed") or {}
    assert (condition["status"], condition["reason"]) == ("True", "SufficientPods")
    moment = "2026-01-02T03:04:05Z"
    found["status"]["disruptedPods"] = {"old-pod": moment}
    updated = await case.api.update(PODDISRUPTIONBUDGETS, found, subresource="status")
    assert updated["status"]["disruptedPods"] == {"old-pod": moment}
    await case.has(PODDISRUPTIONBUDGETS, "foo", disruptedPods=0)  # the controller knows no such pod
    patch = {"status": {"disruptedPods": {"other-pod": moment}}}
    patched = await case.merge(PODDISRUPTIONBUDGETS, "foo", patch, "status")
    assert patched["status"]["disruptedPods"] == {"other-pod": moment}


async def test_an_eviction_waits_until_the_budget_allows_it(case: Case) -> None:
    await case.api.create(PODDISRUPTIONBUDGETS, budget(minAvailable=3), SPACE)
    for number in range(3):
        await case.api.create(PODS, pod(f"pod-{number}", labels={"foo": "bar"}), SPACE)
    await case.has(PODDISRUPTIONBUDGETS, "foo", currentHealthy=3)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "pod-0", "namespace": SPACE}}
    with pytest.raises(TooManyRequests) as caught:
        await case.api.post(PODS, "pod-0", "eviction", eviction, SPACE)
    assert [cause.kind for cause in caught.value.causes] == ["DisruptionBudget"]
    await case.merge(PODDISRUPTIONBUDGETS, "foo", {"spec": {"minAvailable": 2}})
    await case.has(PODDISRUPTIONBUDGETS, "foo", observedGeneration=2, disruptionsAllowed=1)
    await case.api.post(PODS, "pod-0", "eviction", eviction, SPACE)
    await case.gone(PODS, "pod-0")
    await case.has(PODDISRUPTIONBUDGETS, "foo", currentHealthy=2, disruptionsAllowed=0)
    with pytest.raises(TooManyRequests):
        await case.api.post(PODS, "pod-1", "eviction", {**eviction, "metadata": {"name": "pod-1"}}, SPACE)
    await case.api.delete(PODDISRUPTIONBUDGETS, "foo", SPACE)
    await case.api.post(PODS, "pod-1", "eviction", {**eviction, "metadata": {"name": "pod-1"}}, SPACE)
    await case.gone(PODS, "pod-1")
