"""Jobs on the in-memory API: counting, limits, indexes, suspension, and mirrors that lag."""

from __future__ import annotations

from typing import Any

import pytest

from common.api import jobs
from common.api.conditions import get_condition, is_true
from common.api.kinds import EVENTS, JOBS, NODES, PODS
from common.api.meta import Key, Object, annotations, is_deleting, key, labels, metadata, name
from common.api.pods import is_active
from common.errors import Forbidden
from console.controllers.job import JobController
from tests.fakes.api import copy
from tests.fakes.cluster import place_pods, set_ready
from tests.fakes.jobs import end, find, indexed, job, put_away
from tests.fakes.objects import node

from .conftest import World


async def started(world: World, obj: Object) -> JobController:
    world.api.seed(JOBS, obj)
    controller = JobController(world.kit)
    await world.start(controller)
    return controller


def active(world: World) -> list[Object]:
    return sorted((pod for pod in world.api.items(PODS) if is_active(pod)), key=name)


def status(world: World) -> Object:
    found: Object = find(world.api, JOBS)["status"]
    return found


def reason(world: World, kind: str) -> str:
    condition = get_condition(find(world.api, JOBS), kind)
    return str(condition["reason"]) if condition and condition["status"] == "True" else ""


def change(world: World, **spec: Any) -> None:
    obj = copy(find(world.api, JOBS))
    obj["spec"] |= spec
    world.api.update(JOBS, obj, "")


async def test_it_runs_as_many_pods_as_may_run_at_once_and_counts_each_success(world: World) -> None:
    await started(world, job(completions=3, parallelism=2))
    assert len(active(world)) == 2
    assert status(world)["active"] == 2
    assert "startTime" in status(world)
    for left in (2, 1, 0):
        end(world.api, active(world)[0])
        await world.settle()
        assert len(active(world)) == left
        assert status(world)["succeeded"] == 3 - left
    found = status(world)
    assert [entry["type"] for entry in found["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert reason(world, "Complete") == "CompletionsReached"
    assert found["completionTime"]
    assert found["uncountedTerminatedPods"] == {}
    assert (found["ready"], found["terminating"], found.get("active")) == (0, 0, None)
    assert all(not metadata(pod).get("finalizers") for pod in world.api.items(PODS))


async def test_its_pods_are_named_owned_and_tracked(world: World) -> None:
    await started(world, job())
    pod = active(world)[0]
    assert metadata(pod)["generateName"] == "work-"
    assert metadata(pod)["finalizers"] == [jobs.TRACKING_FINALIZER]
    assert metadata(pod)["ownerReferences"][0]["kind"] == "Job"


async def test_a_work_queue_starts_nothing_more_after_the_first_success(world: World) -> None:
    await started(world, job(completions=None, parallelism=3))
    assert len(active(world)) == 3
    end(world.api, active(world)[0])
    await world.settle()
    assert len(active(world)) == 2
    assert not jobs.is_finished(find(world.api, JOBS))
    for pod in active(world):
        end(world.api, pod)
    await world.settle()
    assert jobs.is_complete(find(world.api, JOBS))
    assert status(world)["succeeded"] == 3


async def test_failures_are_repeated_with_growing_waits_until_the_limit(world: World) -> None:
    await started(world, job(backoffLimit=2))
    for wait in (10, 20):
        end(world.api, active(world)[0], code=1)
        await world.settle()
        assert active(world) == []
        await world.settle(wait - 2)
        assert active(world) == []
        await world.settle(2)
        assert len(active(world)) == 1
    end(world.api, active(world)[0], code=1)
    await world.settle()
    assert reason(world, "FailureTarget") == reason(world, "Failed") == "BackoffLimitExceeded"
    assert status(world)["failed"] == 3
    assert "completionTime" not in status(world)


async def test_a_success_ends_the_back_off(world: World) -> None:
    await started(world, job(completions=3, parallelism=2))
    first, second = active(world)
    end(world.api, first, code=1)
    await world.settle(5)
    assert len(active(world)) == 1
    end(world.api, second)
    await world.settle()
    assert len(active(world)) == 2


async def test_restarts_in_place_count_against_the_limit(world: World) -> None:
    await started(world, job(restart="OnFailure", backoffLimit=2))
    pod = copy(active(world)[0])
    pod["status"] |= {"phase": "Running", "containerStatuses": [{"name": "main", "restartCount": 2}]}
    world.api.update(PODS, pod, "status")
    await world.settle()
    assert reason(world, "FailureTarget") == "BackoffLimitExceeded"
    put_away(world.api)
    await world.settle()
    assert jobs.is_failed(find(world.api, JOBS))


async def test_the_deadline_ends_what_runs_and_waits_for_it(world: World) -> None:
    world.api.seed(NODES, node("n1"))
    await started(world, job(activeDeadlineSeconds=30, parallelism=2, completions=2))
    place_pods(world.api, "n1")
    await world.settle(31)
    assert reason(world, "FailureTarget") == "DeadlineExceeded"
    assert not jobs.is_finished(find(world.api, JOBS))
    assert status(world)["terminating"] == 2
    put_away(world.api)
    await world.settle()
    assert reason(world, "Failed") == "DeadlineExceeded"
    assert status(world)["failed"] == 2
    assert world.api.items(PODS) == []


async def test_suspending_takes_pods_away_uncounted_and_resuming_starts_the_clock_anew(world: World) -> None:
    await started(world, job(completions=2, parallelism=2))
    before = status(world)["startTime"]
    change(world, suspend=True)
    await world.settle()
    assert active(world) == []
    assert reason(world, "Suspended") == "JobSuspended"
    put_away(world.api)
    change(world, suspend=False)
    await world.settle(5)
    assert len(active(world)) == 2
    assert get_condition(find(world.api, JOBS), "Suspended")["status"] == "False"  # type: ignore[index]
    assert status(world)["startTime"] > before
    assert status(world).get("failed") is None
    said = [event["reason"] for event in world.api.items(EVENTS)]
    assert {"Suspended", "Resumed"} <= set(said)


async def test_a_job_made_suspended_has_not_started(world: World) -> None:
    await started(world, job(suspend=True))
    assert world.api.items(PODS) == []
    assert "startTime" not in status(world)


async def test_less_parallelism_takes_pods_away_uncounted(world: World) -> None:
    await started(world, job(completions=5, parallelism=3))
    set_ready(world.api, active(world)[2])
    kept = name(active(world)[2])
    change(world, parallelism=1)
    await world.settle()
    assert [name(pod) for pod in active(world)] == [kept]
    assert status(world).get("failed") is None


async def test_indexes_get_their_pods_names_and_variables(world: World) -> None:
    await started(world, indexed(completions=3, parallelism=2))
    first, second = active(world)
    assert [labels(pod)[jobs.COMPLETION_INDEX] for pod in (first, second)] == ["0", "1"]
    assert annotations(second)[jobs.COMPLETION_INDEX] == "1"
    assert second["spec"]["hostname"] == "work-1"
    assert metadata(second)["generateName"] == "work-1-"
    variable = second["spec"]["containers"][0]["env"][0]
    assert variable["name"] == "JOB_COMPLETION_INDEX"
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{jobs.COMPLETION_INDEX}']"
    end(world.api, second)
    await world.settle()
    assert status(world)["completedIndexes"] == "1"
    assert sorted(labels(pod)[jobs.COMPLETION_INDEX] for pod in active(world)) == ["0", "2"]
    for pod in active(world):
        end(world.api, pod)
    await world.settle()
    assert status(world)["completedIndexes"] == "0-2"
    assert status(world)["succeeded"] == 3
    assert jobs.is_complete(find(world.api, JOBS))


async def test_an_indexed_job_that_shrinks_forgets_indexes_it_lost(world: World) -> None:
    await started(world, indexed(completions=4))
    end(world.api, active(world)[3])
    await world.settle()
    assert status(world)["completedIndexes"] == "3"
    change(world, completions=2, parallelism=2)
    await world.settle()
    assert len(active(world)) == 2
    assert status(world).get("completedIndexes", "") == ""


async def test_each_index_has_its_own_limit(world: World) -> None:
    await started(world, indexed(completions=2, backoffLimitPerIndex=1, backoffLimit=2**31 - 1))
    end(world.api, active(world)[0], code=1)
    await world.settle(5)
    assert [labels(pod)[jobs.COMPLETION_INDEX] for pod in active(world)] == ["1"]
    await world.settle(7)
    again = active(world)[0]
    assert annotations(again)["batch.kubernetes.io/job-index-failure-count"] == "1"
    end(world.api, again, code=1)
    await world.settle()
    assert status(world)["failedIndexes"] == "0"
    assert status(world)["failed"] == 2
    end(world.api, active(world)[0])
    await world.settle()
    assert reason(world, "Failed") == "FailedIndexes"
    assert reason(world, "FailureTarget") == "FailedIndexes"
    assert (status(world)["completedIndexes"], status(world)["succeeded"]) == ("1", 1)


async def test_too_many_failed_indexes_fail_the_job(world: World) -> None:
    await started(world, indexed(completions=3, backoffLimitPerIndex=0, maxFailedIndexes=0, backoffLimit=2**31 - 1))
    end(world.api, active(world)[0], code=1)
    await world.settle()
    put_away(world.api)
    await world.settle()
    assert reason(world, "Failed") == "MaxFailedIndexesExceeded"


def rule(action: str, **fields: Any) -> Object:
    return {"rules": [{"action": action, **fields}]}


async def test_a_failure_policy_can_fail_the_job_at_once(world: World) -> None:
    codes = {"operator": "In", "values": [42]}
    await started(world, job(podFailurePolicy=rule("FailJob", onExitCodes=codes), podReplacementPolicy="Failed"))
    pod = active(world)[0]
    end(world.api, pod, code=42)
    await world.settle()
    assert reason(world, "Failed") == "PodFailurePolicy"
    condition = get_condition(find(world.api, JOBS), "Failed") or {}
    assert condition["message"] == (
        f"Container main for pod default/{name(pod)} failed with exit code 42 matching FailJob rule at index 0"
    )


async def test_a_failure_policy_can_leave_disruptions_uncounted(world: World) -> None:
    patterns = [{"type": "DisruptionTarget", "status": "True"}]
    policy = rule("Ignore", onPodConditions=patterns)
    await started(world, job(podFailurePolicy=policy, podReplacementPolicy="Failed", backoffLimit=0))
    end(world.api, active(world)[0], code=137, conditions=patterns)
    await world.settle(12)
    assert len(active(world)) == 1
    assert status(world).get("failed") is None


async def test_a_failure_policy_can_fail_an_index(world: World) -> None:
    codes = {"operator": "NotIn", "values": [0, 1]}
    policy = rule("FailIndex", onExitCodes=codes)
    limits = {"backoffLimitPerIndex": 5, "backoffLimit": 2**31 - 1, "podReplacementPolicy": "Failed"}
    await started(world, indexed(completions=2, podFailurePolicy=policy, **limits))
    end(world.api, active(world)[1], code=7)
    await world.settle()
    assert status(world)["failedIndexes"] == "1"


async def test_a_success_policy_ends_the_job_when_the_leader_is_done(world: World) -> None:
    await started(world, indexed(completions=3, successPolicy={"rules": [{"succeededIndexes": "0"}]}))
    end(world.api, active(world)[0])
    await world.settle()
    assert reason(world, "SuccessCriteriaMet") == "SuccessPolicy"
    put_away(world.api)
    await world.settle()
    assert reason(world, "Complete") == "SuccessPolicy"
    assert status(world)["succeeded"] == 1
    assert status(world).get("failed") is None


async def test_a_deleted_pod_is_replaced_at_once_or_only_when_it_has_ended(world: World) -> None:
    world.api.seed(NODES, node("n1"))
    await started(world, job(podReplacementPolicy="Failed"))
    place_pods(world.api, "n1")
    await world.settle()
    world.api.delete(PODS, key(active(world)[0]), None, None, None)
    await world.settle(12)
    assert active(world) == []
    assert status(world)["terminating"] == 1
    assert status(world).get("failed") is None
    put_away(world.api)
    await world.settle(12)
    assert len(active(world)) == 1
    assert status(world)["failed"] == 1


async def test_a_pod_of_a_lost_host_counts_as_failed_and_does_not_hold_the_job(world: World) -> None:
    world.api.seed(NODES, node("n1"), node("n2"))
    await started(world, job())
    place_pods(world.api, "n1")
    await world.settle()
    gone = copy(world.api.find(NODES, Key("", "n1")))
    gone["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    world.api.update(NODES, gone, "status")
    world.api.delete(PODS, key(active(world)[0]), None, None, None)
    await world.settle(12)
    assert status(world)["failed"] == 1
    end(world.api, active(world)[0])
    await world.settle()
    assert jobs.is_complete(find(world.api, JOBS))
    assert status(world)["succeeded"] == 1
    assert [is_deleting(pod) for pod in world.api.items(PODS) if not pod["status"].get("containerStatuses")] == [True]


async def test_a_pod_that_succeeds_while_it_is_deleted_counts_once(world: World) -> None:
    world.api.seed(NODES, node("n1"))
    await started(world, job(podReplacementPolicy="Failed"))
    place_pods(world.api, "n1")
    await world.settle()
    pod = active(world)[0]
    world.api.delete(PODS, key(pod), None, None, None)
    await world.settle()
    end(world.api, world.api.get(PODS, key(pod)))
    put_away(world.api)
    await world.settle()
    assert (status(world)["succeeded"], status(world).get("failed")) == (1, None)
    assert jobs.is_complete(find(world.api, JOBS))


async def test_pods_of_a_job_that_is_gone_are_let_go(world: World) -> None:
    await started(world, job())
    pod = active(world)[0]
    world.api.vanish(JOBS, Key("default", "work"))
    await world.settle()
    assert not metadata(world.api.get(PODS, key(pod))).get("finalizers")


async def test_pods_that_were_orphaned_are_let_go(world: World) -> None:
    await started(world, job())
    pod = copy(active(world)[0])
    world.api.vanish(JOBS, Key("default", "work"))
    del pod["metadata"]["ownerReferences"]
    world.api.update(PODS, pod, "")
    await world.settle()
    assert not metadata(world.api.get(PODS, key(pod))).get("finalizers")


async def test_it_adopts_pods_that_its_selector_finds(world: World) -> None:
    lonely = {
        "metadata": {"name": "lonely", "namespace": "default", "labels": {"job": "work"}},
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": "Running"},
    }
    world.api.seed(PODS, lonely)
    await started(world, job())
    assert [name(pod) for pod in active(world)] == ["lonely"]
    found = metadata(active(world)[0])
    assert found["finalizers"] == [jobs.TRACKING_FINALIZER]
    assert found["ownerReferences"][0]["name"] == "work"


async def test_another_controller_s_jobs_are_left_alone(world: World) -> None:
    await started(world, job(managedBy="example.com/queue"))
    assert world.api.items(PODS) == []
    assert status(world) == {}


async def test_a_refused_pod_is_told_and_tried_again(world: World) -> None:
    world.api.fail(Forbidden("quota"), verb="create", resource=PODS)
    await started(world, job())
    await world.settle(1)
    assert len(active(world)) == 1
    assert "FailedCreate" in {event["reason"] for event in world.api.items(EVENTS)}


@pytest.mark.parametrize("resource", [PODS, JOBS])
async def test_a_mirror_that_lags_neither_makes_a_pod_twice_nor_counts_one_twice(world: World, resource: Any) -> None:
    await started(world, job(completions=4, parallelism=2))
    for _ in range(4):
        world.api.hold(resource)
        end(world.api, active(world)[0])
        await world.settle()
        assert len(active(world)) <= 2
        world.api.release()
        await world.settle()
    assert status(world)["succeeded"] == 4
    assert len(world.api.items(PODS)) == 4
    assert is_true(find(world.api, JOBS), "Complete")
