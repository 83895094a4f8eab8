"""Jobs and CronJobs in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.api import ages, jobs, meta
from common.api.meta import Object
from console.views import status

from .lines import conditions, field, table
from .pod import template


def job(obj: Object, now: datetime) -> list[str]:
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    took = jobs.duration(obj, now)
    wanted = spec.get("completions")
    counts = (
        f"{state.get('active', 0)} active ({state.get('ready', 0)} ready) | {state.get('succeeded', 0)} succeeded | "
        f"{state.get('failed', 0)} failed | {state.get('terminating', 0)} terminating"
    )
    lines = [
        field("Status", status.job_status(obj).word),
        field("Pods", counts),
        field("Completions", "any success" if wanted is None else wanted),
        field("Parallelism", spec.get("parallelism")),
        field("Mode", spec.get("completionMode", "NonIndexed")),
        field("Backoff Limit", _backoff(spec)),
        field("Replacement", spec.get("podReplacementPolicy")),
        field("Start Time", state.get("startTime")),
        field("Completed At", state.get("completionTime")),
        field("Duration", None if took is None else ages.duration(took.total_seconds())),
    ]
    for title, name, unit in (
        ("Active Deadline", "activeDeadlineSeconds", " s"),
        ("Removed After", "ttlSecondsAfterFinished", " s"),
    ):
        if spec.get(name) is not None:
            lines.append(field(title, f"{spec[name]}{unit}"))
    if jobs.is_indexed(obj):
        lines.append(field("Completed Idx", state.get("completedIndexes")))
    if state.get("failedIndexes") is not None:
        lines.append(field("Failed Idx", state["failedIndexes"]))
    return [*lines, *template(spec.get("template") or {}), *conditions(obj, now)]


def _backoff(spec: Object) -> str:
    if spec.get("backoffLimitPerIndex") is None:
        return str(spec.get("backoffLimit"))
    most = spec.get("maxFailedIndexes")
    return f"{spec['backoffLimitPerIndex']} per index" + (
        f", at most {most} failed indexes" if most is not None else ""
    )


def cronjob(obj: Object, owned: Sequence[Object], now: datetime) -> list[str]:
    """`owned` are its Jobs."""
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    following = status.next_run(obj, now)
    deadline = spec.get("startingDeadlineSeconds")
    lines = [
        field("Status", status.cronjob_status(obj).word),
        field("Schedule", spec.get("schedule")),
        field("Time Zone", spec.get("timeZone") or "UTC"),
        field("Concurrency", spec.get("concurrencyPolicy")),
        field("Start Deadline", None if deadline is None else f"{deadline} s"),
        field("History", f"{spec.get('successfulJobsHistoryLimit')} good, {spec.get('failedJobsHistoryLimit')} failed"),
        field("Last Run", state.get("lastScheduleTime")),
        field("Last Success", state.get("lastSuccessfulTime")),
        field("Next Run", None if following is None else meta.format_time(following)),
        *template((spec.get("jobTemplate") or {}).get("spec", {}).get("template") or {}),
    ]
    if not owned:
        return [*lines, field("Jobs", None)]
    rows = [
        (meta.name(item), status.job_status(item).word, jobs.completions(item), ages.age(item, now))
        for item in sorted(owned, key=lambda item: str(meta.metadata(item).get("creationTimestamp")))
    ]
    return [*lines, "Jobs:", *table(("NAME", "STATUS", "DONE", "AGE"), rows)]
