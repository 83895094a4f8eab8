"""The status of a Job around its counters: pods at work, conditions, start and end. Pure."""

from __future__ import annotations

from datetime import datetime

from common.api import jobs
from common.api.conditions import get_condition, is_true
from common.api.meta import Object, format_time

from .verdict import Verdict

SUSPENDED = ("True", "JobSuspended", "Job suspended")
RESUMED = ("False", "JobResumed", "Job resumed")


def started(job: Object, now: datetime) -> Object:
    """The Job as it is looked at: a Job that may run has started."""
    status = job.get("status") or {}
    if status.get("startTime") is None and not jobs.is_suspended(job):
        status = {**status, "startTime": format_time(now)}
    return {**job, "status": status}


def with_pods(status: Object, active: int, ready: int, terminating: int) -> Object:
    """Counters that are zero are left out, as Kubernetes does, but for those that were not known to older versions."""
    result = {**status, "active": active, "ready": ready, "terminating": terminating}
    for field in ("active", "succeeded", "failed", "completedIndexes"):
        if not result.get(field):
            result.pop(field, None)
    return result


def set_condition(status: Object, kind: str, state: str, reason: str, message: str, now: datetime) -> Object:
    """The status with the condition; what was never there is not set to False."""
    conditions = list(status.get("conditions") or ())
    moment = format_time(now)
    wanted = {"type": kind, "status": state, "reason": reason, "message": message}
    for index, condition in enumerate(conditions):
        if condition.get("type") == kind:
            if all(condition.get(field) == value for field, value in wanted.items()):
                return status
            conditions[index] = {**wanted, "lastProbeTime": moment, "lastTransitionTime": moment}
            return {**status, "conditions": conditions}
    if state == "False":
        return status
    conditions.append({**wanted, "lastProbeTime": moment, "lastTransitionTime": moment})
    return {**status, "conditions": conditions}


def with_suspension(job: Object, status: Object, now: datetime) -> Object:
    """Whether it stands still. A Job that goes on starts its clock anew: a deadline counts time in which it may run."""
    was = is_true({"status": status}, "Suspended")
    if jobs.is_suspended(job):
        return set_condition(status, "Suspended", *SUSPENDED, now)
    status = set_condition(status, "Suspended", *RESUMED, now)
    return {**status, "startTime": format_time(now)} if was else status


def decided(status: Object, verdict: Verdict, now: datetime) -> Object:
    """The status that says how the Job will end."""
    if is_true({"status": status}, verdict.interim):
        return status
    return set_condition(status, verdict.interim, "True", verdict.reason, verdict.message, now)


def may_finish(status: Object) -> bool:
    """Whether every pod has ended and is counted."""
    uncounted = status.get("uncountedTerminatedPods") or {}
    return not (status.get("active") or status.get("terminating") or any(uncounted.values()))


def finished(status: Object, verdict: Verdict, now: datetime) -> Object:
    """The status of a Job that is Complete or Failed from now on."""
    status = set_condition(status, verdict.final, "True", verdict.reason, verdict.message, now)
    # A Job that ends before anything of it ran, as one that is suspended and past its limits, still ends after a start.
    status = {**status, "startTime": status.get("startTime") or format_time(now)}
    if verdict.succeeded:
        status["completionTime"] = (get_condition({"status": status}, verdict.final) or {})["lastTransitionTime"]
    return status
