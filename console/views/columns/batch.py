"""What runs to an end: Jobs, and the CronJobs that make them."""

from __future__ import annotations

from datetime import datetime

from common.api import ages, jobs, kinds
from common.api.meta import Object
from console.views import status
from console.views.status import Tone

from .column import AGE, LABELS, NAME, NAMESPACE, Column, Table, dim, number, state, text
from .workloads import count, images, owner


def _completions_tone(job: Object) -> Tone:
    if jobs.is_failed(job):
        return Tone.BAD
    return Tone.DONE if jobs.is_complete(job) else Tone.TEXT


def _duration(job: Object, now: datetime) -> str:
    took = jobs.duration(job, now)
    return "-" if took is None else ages.duration(took.total_seconds())


def _failed_tone(job: Object) -> Tone:
    return Tone.WARN if count("status", "failed")(job) else Tone.DIM


JOB_COLUMNS = (
    NAMESPACE,
    NAME,
    text("DONE", jobs.completions, right=True, tone=_completions_tone, letter="C"),
    state("STATUS", status.job_status, letter="S"),
    number("ACTIVE", count("status", "active"), drop=5, tone=dim),
    number("FAILED", count("status", "failed"), drop=4, tone=_failed_tone, letter="F"),
    Column("TOOK", _duration, right=True, live=True, drop=3, tone=dim),
    text("OWNER", owner, drop=8, letter="O", tone=dim),
    text("IMAGE", images, drop=7, flexible=True, least=16, letter="I", tone=dim),
    AGE,
    LABELS,
)


def _zone(cronjob: Object) -> str:
    return str(cronjob["spec"].get("timeZone") or "UTC")


def _last(cronjob: Object, now: datetime) -> str:
    last = (cronjob.get("status") or {}).get("lastScheduleTime")
    return ages.since(last, now) if last else "-"


def _next(cronjob: Object, now: datetime) -> str:
    following = status.next_run(cronjob, now)
    return "-" if following is None else ages.duration((following - now).total_seconds())


def _active(cronjob: Object) -> int:
    return len((cronjob.get("status") or {}).get("active") or ())


CRONJOB_COLUMNS = (
    NAMESPACE,
    NAME,
    text("SCHEDULE", lambda obj: str(obj["spec"].get("schedule", "")), letter="C"),
    text("ZONE", _zone, drop=6, letter="Z", tone=dim),
    state("STATUS", status.cronjob_status, letter="S"),
    number("ACTIVE", _active, drop=5, tone=dim),
    Column("LAST", _last, right=True, live=True, drop=3, tone=dim),
    Column("NEXT", _next, right=True, live=True, drop=4),
    AGE,
    LABELS,
)

TABLES = {
    kinds.JOBS: Table(JOB_COLUMNS, status.job_status),
    kinds.CRONJOBS: Table(CRONJOB_COLUMNS, status.cronjob_status),
}
