"""CronJobs: when they run, what they keep, and clocks and control planes that stop and jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.api import cron, jobs
from common.api.kinds import CRONJOBS, EVENTS, JOBS
from common.api.meta import Key, Object, annotations, format_time, is_deleting, name
from common.clock import FakeClock
from console.controllers.cronjob import CronJobController
from console.controllers.cronjob.plan import due
from console.controllers.jobttl import JobLifetimeController
from tests.fakes.api import copy
from tests.fakes.jobs import find, job

from .conftest import World

START = datetime(2026, 1, 1, tzinfo=UTC)  # FakeClock's


def cronjob(schedule: str = "* * * * *", status: Object | None = None, **spec: Any) -> Object:
    return {
        "metadata": {"name": "tick", "namespace": "default"},
        "spec": {
            "schedule": schedule,
            "concurrencyPolicy": "Allow",
            "suspend": False,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": job()["spec"]},
            **spec,
        },
        "status": status or {},
    }


async def started(world: World, obj: Object) -> None:
    world.api.seed(CRONJOBS, obj)
    await world.start(CronJobController(world.kit))


def made(world: World) -> list[str]:
    return [name(obj) for obj in world.api.items(JOBS)]


def minute(number: int) -> str:
    return f"tick-{int(START.timestamp()) // 60 + number}"


def status(world: World) -> Object:
    found: Object = find(world.api, CRONJOBS, "tick")["status"]
    return found


def said(world: World) -> set[str]:
    return {event["reason"] for event in world.api.items(EVENTS)}


def finish(world: World, job_name: str, kind: str = "Complete") -> None:
    obj = copy(find(world.api, JOBS, job_name))
    now = format_time(world.clock.now())
    obj["status"] = {"conditions": [{"type": kind, "status": "True", "lastTransitionTime": now}], "startTime": now}
    if kind == "Complete":
        obj["status"]["completionTime"] = now
    world.api.update(JOBS, obj, "status")


async def test_a_job_starts_each_minute_and_is_named_after_it(world: World) -> None:
    await started(world, cronjob())
    assert made(world) == []
    await world.settle(61)
    assert made(world) == [minute(1)]
    found = find(world.api, JOBS, minute(1))
    assert annotations(found)[jobs.SCHEDULED_AT] == "2026-01-01T00:01:00Z"
    assert found["metadata"]["ownerReferences"][0]["name"] == "tick"
    assert status(world)["lastScheduleTime"] == "2026-01-01T00:01:00Z"
    assert [ref["name"] for ref in status(world)["active"]] == [minute(1)]
    await world.settle(60)
    assert made(world) == [minute(1), minute(2)]
    assert "SuccessfulCreate" in said(world)


async def test_what_has_ended_leaves_the_active_list(world: World) -> None:
    await started(world, cronjob())
    await world.settle(61)
    finish(world, minute(1))
    await world.settle()
    assert "active" not in status(world)
    assert status(world)["lastSuccessfulTime"] == format_time(world.clock.now() - timedelta(seconds=0.5))
    assert "SawCompletedJob" in said(world)


async def test_a_job_that_vanished_is_missed_and_not_run_again(world: World) -> None:
    await started(world, cronjob("*/10 * * * *"))
    await world.settle(601)
    world.api.vanish(JOBS, Key("default", made(world)[0]))
    await world.settle(40)
    assert "active" not in status(world)
    assert made(world) == []
    assert "MissingJob" in said(world)


async def test_forbid_waits_and_then_makes_up_for_the_last_run_only(world: World) -> None:
    await started(world, cronjob(concurrencyPolicy="Forbid"))
    await world.settle(61)
    await world.settle(130)
    assert made(world) == [minute(1)]
    assert "JobAlreadyActive" in said(world)
    finish(world, minute(1))
    await world.settle()
    assert made(world) == [minute(1), minute(3)]


async def test_replace_deletes_what_still_runs(world: World) -> None:
    await started(world, cronjob(concurrencyPolicy="Replace"))
    await world.settle(61)
    await world.settle(60)
    assert made(world) == [minute(2)]
    assert [ref["name"] for ref in status(world)["active"]] == [minute(2)]


async def test_suspended_it_starts_nothing_and_resumed_it_makes_up_for_the_last_run(world: World) -> None:
    await started(world, cronjob(suspend=True))
    await world.settle(200)
    assert made(world) == []
    obj = copy(find(world.api, CRONJOBS, "tick"))
    obj["spec"]["suspend"] = False
    world.api.update(CRONJOBS, obj, "")
    await world.settle()
    assert made(world) == [minute(3)]


async def test_histories_keep_the_newest_of_each_kind(world: World) -> None:
    await started(world, cronjob(successfulJobsHistoryLimit=2, failedJobsHistoryLimit=0))
    for number in range(1, 6):
        await world.settle(60)
        finish(world, minute(number), "Failed" if number == 2 else "Complete")
        await world.settle()
    assert made(world) == [minute(4), minute(5)]
    assert "SuccessfulDelete" in said(world)


async def test_a_run_that_was_made_before_a_crash_is_found_again(world: World) -> None:
    obj = world.api.seed(CRONJOBS, cronjob())
    await world.settle(61)
    world.api.seed(JOBS, jobs.scheduled(obj, START + timedelta(minutes=1)))
    await world.start(CronJobController(world.kit))
    assert made(world) == [minute(1)]
    assert [ref["name"] for ref in status(world)["active"]] == [minute(1)]


async def test_a_job_of_somebody_else_with_that_name_is_left_alone(world: World) -> None:
    await world.settle(30)
    world.api.seed(JOBS, job(minute(1)))
    await started(world, cronjob())
    await world.settle(60)
    assert made(world) == [minute(1)]
    assert "active" not in status(world)


async def test_a_run_past_its_deadline_is_told_once_and_left_out(world: World) -> None:
    obj = cronjob("0 * * * *", status={"lastScheduleTime": "2025-12-31T22:00:00Z"}, startingDeadlineSeconds=20)
    await world.settle(60)
    await started(world, obj)
    await world.settle(120)
    assert made(world) == []
    missed = [event for event in world.api.items(EVENTS) if event["reason"] == "MissSchedule"]
    assert [(event["count"], event["message"]) for event in missed] == [
        (1, "Missed scheduled time to start a job: Thu, 01 Jan 2026 00:00:00 +0000")
    ]


async def test_after_very_many_missed_runs_the_last_one_starts_with_a_warning(world: World) -> None:
    await started(world, cronjob(status={"lastScheduleTime": "2025-12-30T00:00:00Z"}))
    assert made(world) == [minute(0)]
    assert "TooManyMissedTimes" in said(world)


async def test_a_clock_that_goes_back_repeats_no_run(world: World) -> None:
    ahead = format_time(START + timedelta(hours=1))
    await started(world, cronjob(status={"lastScheduleTime": ahead}))
    await world.settle(600)
    assert made(world) == []


@pytest.mark.parametrize(("field", "value", "event"), [
    ("schedule", "61 * * * *", "UnparseableSchedule"), ("timeZone", "Mars/Base", "UnknownTimeZone"),
])  # fmt: skip
async def test_what_an_older_version_let_in_is_told(field: str, value: str, event: str, world: World) -> None:
    await started(world, cronjob(**{field: value}))
    await world.settle(120)
    assert made(world) == []
    assert event in said(world)


async def test_a_job_made_by_hand_is_no_surprise(world: World) -> None:
    obj = world.api.seed(CRONJOBS, cronjob("0 0 1 1 *"))
    await world.start(CronJobController(world.kit))
    world.api.seed(JOBS, jobs.triggered(obj))
    await world.settle()
    assert "UnexpectedJob" not in said(world)
    stranger = jobs.from_cronjob(obj, "stranger", {})
    world.api.seed(JOBS, stranger)
    await world.settle()
    assert "UnexpectedJob" in said(world)


@pytest.mark.parametrize(
    ("last", "now", "deadline", "run", "wait"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:30:00Z", None, None, 30.0),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:59:50Z", None, None, 10.1),
        ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", None, "2026-01-01T01:00:00Z", 30.0),
        ("2026-01-01T00:00:00Z", "2026-01-01T05:59:00Z", None, "2026-01-01T05:00:00Z", 30.0),
        ("2026-01-01T00:00:00Z", "2026-01-01T05:00:10Z", 20, "2026-01-01T05:00:00Z", 30.0),
        ("2026-01-01T00:00:00Z", "2026-01-01T05:00:30Z", 20, None, 30.0),
    ],
)
def test_what_is_due(last: str, now: str, deadline: int | None, run: str | None, wait: float) -> None:
    obj = cronjob("0 * * * *", status={"lastScheduleTime": last})
    if deadline is not None:
        obj["spec"]["startingDeadlineSeconds"] = deadline
    found = due(obj, cron.parse("0 * * * *"), datetime.fromisoformat(now))
    assert found.run == (None if run is None else datetime.fromisoformat(run))
    assert found.wait == pytest.approx(wait)


# Jobs that are over go by themselves


async def test_a_job_goes_its_time_after_it_has_ended(world: World) -> None:
    world.api.seed(
        JOBS, job("kept"), job("brief", ttlSecondsAfterFinished=30), job("at-once", ttlSecondsAfterFinished=0)
    )
    await world.start(JobLifetimeController(world.kit))
    for job_name in made(world):
        finish(world, job_name)
    await world.settle(10)
    assert leaving(world) == ["at-once"]
    await world.settle(25)
    assert leaving(world) == ["at-once", "brief"]
    assert find(world.api, JOBS, "brief")["metadata"]["finalizers"] == ["foregroundDeletion"]


def leaving(world: World) -> list[str]:
    return [name(obj) for obj in world.api.items(JOBS) if is_deleting(obj)]


async def test_a_job_that_was_given_more_time_stays(world: World) -> None:
    assert isinstance(world.clock, FakeClock)
    world.api.seed(JOBS, job("brief", ttlSecondsAfterFinished=30))
    await world.start(JobLifetimeController(world.kit))
    finish(world, "brief")
    await world.settle()
    obj = copy(find(world.api, JOBS, "brief"))
    obj["spec"]["ttlSecondsAfterFinished"] = 300
    world.api.update(JOBS, obj, "")
    await world.settle(60)
    assert not find(world.api, JOBS, "brief")["metadata"].get("deletionTimestamp")
