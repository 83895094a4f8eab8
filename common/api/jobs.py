"""What several components ask about Jobs and CronJobs: names of labels, how a Job stands, how long it took."""

from __future__ import annotations

from datetime import datetime, timedelta

from .conditions import is_true
from .kinds import CRONJOBS, JOBS
from .meta import Object, controller_reference, format_time, is_deleting, name, namespace, parse_time
from .names import random_suffix

TRACKING_FINALIZER = "batch.kubernetes.io/job-tracking"
COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"
CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"
LEGACY_CONTROLLER_UID = "controller-uid"
LEGACY_JOB_NAME = "job-name"
SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
INSTANTIATE = "cronjob.kubernetes.io/instantiate"
_MAX_JOB_NAME = 63


def is_indexed(job: Object) -> bool:
    return (job.get("spec") or {}).get("completionMode") == "Indexed"


def is_suspended(obj: Object) -> bool:
    """Of a Job or a CronJob: whether it is asked to stand still."""
    return bool((obj.get("spec") or {}).get("suspend"))


def is_complete(job: Object) -> bool:
    return is_true(job, "Complete")


def is_failed(job: Object) -> bool:
    return is_true(job, "Failed")


def is_finished(job: Object) -> bool:
    """Complete or Failed: nothing of it runs again."""
    return is_complete(job) or is_failed(job)


def status_word(job: Object) -> str:
    """The STATUS column of `kubectl get jobs`."""
    if is_finished(job):
        return "Complete" if is_complete(job) else "Failed"
    if is_deleting(job):
        return "Terminating"
    for condition in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if is_true(job, condition):
            return condition
    return "Running"


def completions(job: Object) -> str:
    """The COMPLETIONS column: how many of how many."""
    spec = job.get("spec") or {}
    succeeded = int((job.get("status") or {}).get("succeeded") or 0)
    if spec.get("completions") is not None:
        return f"{succeeded}/{spec['completions']}"
    parallelism = int(spec.get("parallelism") or 0)
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def duration(job: Object, now: datetime) -> timedelta | None:
    """From its start to its completion, or to now; None before it has started."""
    status = job.get("status") or {}
    if not status.get("startTime"):
        return None
    end = parse_time(str(status["completionTime"])) if status.get("completionTime") else now
    return end - parse_time(str(status["startTime"]))


def finish_time(job: Object) -> datetime | None:
    """When it became Complete or Failed; None when it has not."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("type") in {"Complete", "Failed"} and condition.get("status") == "True":
            return parse_time(str(condition["lastTransitionTime"]))
    return None


def from_cronjob(cronjob: Object, job_name: str, extra: dict[str, str]) -> Object:
    """A Job of a CronJob's template, with `extra` annotations and the CronJob as its owner."""
    template = cronjob["spec"]["jobTemplate"]
    found = template.get("metadata") or {}
    owner = controller_reference(cronjob, CRONJOBS.api_version, CRONJOBS.kind)
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {
            "name": job_name,
            "namespace": namespace(cronjob),
            "labels": dict(found.get("labels") or {}),
            "annotations": {**(found.get("annotations") or {}), **extra},
            "ownerReferences": [owner],
        },
        "spec": template.get("spec") or {},
    }


def scheduled(cronjob: Object, time: datetime) -> Object:
    """The Job of a scheduled run. Its name tells the minute, so that a run is never made twice."""
    job_name = f"{name(cronjob)}-{int(time.timestamp()) // 60}"
    return from_cronjob(cronjob, job_name, {SCHEDULED_AT: _stamp(time)})


def triggered(cronjob: Object, suffix: str = "") -> Object:
    """A Job that somebody runs by hand now, as `kubectl create job --from` makes it."""
    end = f"-manual-{suffix or random_suffix()}"
    return from_cronjob(cronjob, name(cronjob)[: _MAX_JOB_NAME - len(end)] + end, {INSTANTIATE: "manual"})


def suspend_patch(*, suspended: bool) -> Object:
    """A merge patch that makes a Job or a CronJob stand still, or go on."""
    return {"spec": {"suspend": suspended}}


def _stamp(time: datetime) -> str:
    """RFC 3339 in the zone of the schedule."""
    text = time.isoformat(timespec="seconds")
    return format_time(time) if text.endswith("+00:00") else text
