"""What the status of a Job must satisfy: counters never go back, and what has ended stays ended."""

from __future__ import annotations

from common.api import jobs
from common.api.conditions import is_true
from common.api.indexes import parse_indexes
from common.api.meta import Object, parse_time
from common.errors import Cause
from console.registry import validation

_TERMINAL = ("Failed", "Complete", "FailureTarget", "SuccessCriteriaMet")


def validate_job_status(new: Object, old: Object) -> list[Cause]:
    status, before = new.get("status") or {}, old.get("status") or {}
    causes = [
        cause
        for field in ("active", "succeeded", "failed", "ready", "terminating")
        for cause in validation.non_negative(f"status.{field}", status.get(field))
    ]
    causes += _validate_uncounted(status.get("uncountedTerminatedPods") or {})
    causes += _validate_indexes(new, status)
    causes += _validate_conditions(new, old)
    if _finish_changes(new, old):
        causes += _validate_finished(new, status)
    causes += _validate_times(new, status, before)
    for field in ("failed", "succeeded"):
        shrinks = jobs.is_indexed(new) and field == "succeeded"
        if not shrinks and (status.get(field) or 0) < (before.get(field) or 0):
            text = f"cannot decrease the {field} counter"
            causes.append(validation.wrong(f"status.{field}", status.get(field) or 0, text))
    if (status.get("ready") or 0) > (status.get("active") or 0) and status.get("ready") != before.get("ready"):
        causes.append(validation.wrong("status.ready", status["ready"], "cannot set more ready pods than active"))
    return causes


def _validate_uncounted(uncounted: Object) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[str] = set()
    for field in ("succeeded", "failed"):
        for index, uid in enumerate(uncounted.get(field) or ()):
            path = f"status.uncountedTerminatedPods.{field}[{index}]"
            if not uid:
                causes.append(validation.wrong(path, uid, "must not be empty"))
            elif uid in seen:
                causes.append(validation.duplicate(path, uid))
            seen.add(uid)
    return causes


def _validate_indexes(job: Object, status: Object) -> list[Cause]:
    spec = job["spec"]
    completed, failed = status.get("completedIndexes") or "", status.get("failedIndexes")
    causes: list[Cause] = []
    if completed and not jobs.is_indexed(job):
        text = "cannot set non-empty completedIndexes when non-indexed completion mode"
        causes.append(validation.wrong("status.completedIndexes", completed, text))
    if failed is not None and spec.get("backoffLimitPerIndex") is None:
        text = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        causes.append(validation.wrong("status.failedIndexes", failed, text))
    if causes or spec.get("completions") is None:
        return causes
    sets: list[set[int]] = []
    for field, value in (("completedIndexes", completed), ("failedIndexes", failed or "")):
        try:
            sets.append(parse_indexes(value, spec["completions"]))
        except ValueError as error:
            causes.append(validation.wrong(f"status.{field}", value, f"error parsing {field}: {error}"))
    if not causes and (both := sets[0] & sets[1]):
        text = f"failedIndexes and completedIndexes overlap at index: {min(both)}"
        causes.append(validation.wrong("status.failedIndexes", failed, text))
    return causes


def _bare(text: str, path: str = "status.conditions") -> Cause:
    """A wrong value that the message does not repeat."""
    return Cause(path, f"Invalid value: {text}", "FieldValueInvalid")


def _validate_conditions(new: Object, old: Object) -> list[Cause]:
    def has(*kinds: str) -> bool:
        return all(is_true(new, kind) for kind in kinds)

    causes = []
    for first, second, text in (
        ("Complete", "Failed", "cannot set Complete=True and Failed=true conditions"),
        ("Complete", "FailureTarget", "cannot set Complete=True and FailureTarget=true conditions"),
        ("SuccessCriteriaMet", "Failed", "cannot set SuccessCriteriaMet=True and Failed=true conditions"),
        ("SuccessCriteriaMet", "FailureTarget", "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"),
    ):
        if has(first, second):
            causes.append(_bare(text))
    for kind in _TERMINAL:
        if is_true(old, kind) and not is_true(new, kind):
            article = "" if kind == "SuccessCriteriaMet" else "terminal "
            causes.append(_bare(f"cannot disable the {article}{kind}=True condition"))
    return causes


def _finish_changes(new: Object, old: Object) -> bool:
    return any(is_true(new, kind) != is_true(old, kind) for kind in ("Complete", "Failed"))


def _validate_finished(job: Object, status: Object) -> list[Cause]:
    """What must be true of a Job that becomes Complete or Failed now."""
    causes: list[Cause] = []
    if jobs.is_failed(job) and not is_true(job, "FailureTarget"):
        causes.append(_bare("cannot set Failed=True condition without the FailureTarget=true condition"))
    if jobs.is_complete(job) and not is_true(job, "SuccessCriteriaMet"):
        causes.append(_bare("cannot set Complete=True condition without the SuccessCriteriaMet=true condition"))
    for field in ("active", "terminating"):
        if (status.get(field) or 0) > 0:
            text = f"{field}>0 is invalid for finished job"
            causes.append(validation.wrong(f"status.{field}", status[field], text))
    if status.get("startTime") is None:
        causes.append(validation.required("status.startTime", "startTime is required for finished job"))
    uncounted = status.get("uncountedTerminatedPods") or {}
    if uncounted.get("succeeded") or uncounted.get("failed"):
        text = "uncountedTerminatedPods needs to be empty for finished job"
        causes.append(validation.wrong("status.uncountedTerminatedPods", uncounted, text))
    return causes


def _validate_times(job: Object, status: Object, before: Object) -> list[Cause]:
    start, end = status.get("startTime"), status.get("completionTime")
    causes: list[Cause] = []
    path = "status.completionTime"
    if end is not None and not jobs.is_complete(job):
        text = "cannot set completionTime when there is no Complete=True condition"
        causes.append(validation.wrong(path, end, text))
    if end is None and jobs.is_complete(job):
        causes.append(validation.required(path, "completionTime is required for Complete jobs"))
    if start is not None and end is not None and parse_time(end) < parse_time(start):
        causes.append(validation.wrong(path, end, "completionTime cannot be set before startTime"))
    if before.get("completionTime") is not None and end is not None and end != before["completionTime"]:
        causes.append(validation.wrong(path, end, "completionTime cannot be mutated"))
    earlier = before.get("startTime")
    if earlier is not None and earlier != start and not jobs.is_suspended(job):
        text = "startTime cannot be removed for unsuspended job"
        causes.append(validation.required("status.startTime", text))
    return causes
