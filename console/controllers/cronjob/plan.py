"""When a CronJob runs next, whether it runs now, and which of its Jobs are kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.api import cron, jobs
from common.api.meta import Object, metadata, name, namespace, parse_time, resource_version, uid

MANY = 100  # missed runs from which on somebody should look at the clock
MARGIN = 0.1  # seconds after the full minute, so that a clock that is a little behind is past it
LONGEST_WAIT = 30.0  # seconds: a clock that was set is noticed in this time


@dataclass(frozen=True, slots=True)
class Due:
    """`run` is the scheduled time of the run that is due, None when none is. `many` says that very many were missed
    before it, `late` is a run that is past its deadline. `wait` are seconds until the next look."""

    run: datetime | None
    wait: float
    many: bool = False
    late: datetime | None = None


def due(cronjob: Object, schedule: cron.Schedule, now: datetime) -> Due:
    """What the schedule asks for at `now`. Of several missed runs only the last one is due."""
    start = _last_run(cronjob)
    wait = _wait(schedule, start, now)
    deadline = cronjob["spec"].get("startingDeadlineSeconds")
    begin = start if deadline is None else max(start, now - timedelta(seconds=int(deadline)))
    run = schedule.latest(begin, now)
    if run is None:
        return Due(None, wait, late=schedule.latest(start, now) if deadline is not None else None)
    return Due(run, wait, many=_missed(schedule, begin, now) > MANY)


def _last_run(cronjob: Object) -> datetime:
    last = (cronjob.get("status") or {}).get("lastScheduleTime")
    return parse_time(str(last or metadata(cronjob)["creationTimestamp"]))


def _missed(schedule: cron.Schedule, begin: datetime, now: datetime) -> int:
    """Roughly how many runs there were, by the distance of the first two."""
    first = schedule.after(begin)
    second = schedule.after(first) if first is not None else None
    if first is None or second is None or second > now:
        return 0
    return int((now - first) / (second - first)) + 1


def _wait(schedule: cron.Schedule, start: datetime, now: datetime) -> float:
    following = schedule.after(schedule.latest(start, now) or start)
    if following is None:
        return LONGEST_WAIT
    return min(max((following - now).total_seconds() + MARGIN, MARGIN), LONGEST_WAIT)


def is_active(cronjob: Object, job_uid: str) -> bool:
    return any(ref.get("uid") == job_uid for ref in active(cronjob))


def active(cronjob: Object) -> list[Object]:
    return (cronjob.get("status") or {}).get("active") or []


def reference(job: Object) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": name(job),
        "namespace": namespace(job),
        "resourceVersion": resource_version(job),
        "uid": uid(job),
    }


def surplus(cronjob: Object, owned: Iterable[Object]) -> list[Object]:
    """Jobs that are over and beyond the histories, the oldest of each kind."""
    spec = cronjob["spec"]
    found = list(owned)
    complete = [job for job in found if jobs.is_complete(job)]
    failed = [job for job in found if jobs.is_failed(job)]
    return [
        *_oldest(complete, spec.get("successfulJobsHistoryLimit")),
        *_oldest(failed, spec.get("failedJobsHistoryLimit")),
    ]


def _oldest(found: Sequence[Object], limit: int | None) -> list[Object]:
    if limit is None or len(found) <= limit:
        return []
    ordered = sorted(found, key=lambda job: (str((job.get("status") or {}).get("startTime") or ""), name(job)))
    return ordered[: len(found) - limit]


def last_success(cronjob: Object, owned: Iterable[Object]) -> str | None:
    """The latest completion of any of its Jobs, as RFC 3339."""
    status = cronjob.get("status") or {}
    times = [job["status"].get("completionTime") for job in owned if jobs.is_complete(job)]
    known = [str(time) for time in (*times, status.get("lastSuccessfulTime")) if time]
    return max(known, key=parse_time, default=None)
