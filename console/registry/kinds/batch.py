"""Jobs and CronJobs: names, columns, defaults, what the system generates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from common.api import ages, jobs, kinds
from common.api.meta import Object
from console.registry.columns import AGE, NAME, at, containers, field, selector
from console.registry.row import Column, Context, Row

from .batch_validation import validate_cronjob, validate_job
from .pod_defaults import default_pod_spec
from .pod_warnings import template_warnings

BACKOFF_LIMIT = 6
UNLIMITED = 2**31 - 1  # the default of backoffLimit when each index has its own limit
SUCCESSFUL_HISTORY = 3
FAILED_HISTORY = 1


def _default_job(job: Object) -> None:
    spec = job.setdefault("spec", {})
    _default_job_spec(spec)
    _take_labels(job, spec)


def _default_job_spec(spec: Object) -> None:
    # With neither given a Job is one pod; with parallelism alone it is a work queue, without a number of completions.
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", BACKOFF_LIMIT if spec.get("backoffLimitPerIndex") is None else UNLIMITED)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    policy = spec.get("podFailurePolicy")
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed" if policy is None else "Failed")
    for rule in (policy or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            pattern["status"] = pattern.get("status") or "True"
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    default_pod_spec(template.setdefault("spec", {}))


def _take_labels(job: Object, spec: Object) -> None:
    labels = spec["template"]["metadata"].get("labels") or {}
    if labels and not job["metadata"].get("labels"):
        job["metadata"]["labels"] = dict(labels)


def _prepare_job(new: Object, old: Object | None, _context: Context) -> None:
    if old is not None:
        return
    spec, found = new["spec"], new["metadata"]
    new["status"] = {}
    # Whoever gave no labels finds those of the template on the Job, the generated ones too.
    shared = found.get("labels") == (spec["template"]["metadata"].get("labels") or None)
    if not spec["manualSelector"]:
        _generate_selector(spec, found)
    if shared or not found.get("labels"):
        _take_labels({"metadata": found | {"labels": None}}, spec)
        found["labels"] = dict(spec["template"]["metadata"].get("labels") or {})
    if not found["labels"]:
        del found["labels"]


def _generate_selector(spec: Object, found: Object) -> None:
    """Labels that no other Job's pods can have, and a selector for them."""
    uid, name = str(found["uid"]), str(found.get("name", ""))
    generated = {
        jobs.LEGACY_CONTROLLER_UID: uid,
        jobs.CONTROLLER_UID: uid,
        jobs.LEGACY_JOB_NAME: name,
        jobs.JOB_NAME: name,
    }
    labels = spec["template"]["metadata"].get("labels") or {}
    # What a user has under these names stays, for validation to refuse.
    spec["template"]["metadata"]["labels"] = {**generated, **labels}
    wanted = spec.get("selector") or {}
    match = {jobs.CONTROLLER_UID: uid, **(wanted.get("matchLabels") or {})}
    spec["selector"] = {**wanted, "matchLabels": match}


def _default_cronjob(cronjob: Object) -> None:
    spec = cronjob.setdefault("spec", {})
    spec["concurrencyPolicy"] = spec.get("concurrencyPolicy") or "Allow"
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", SUCCESSFUL_HISTORY)
    spec.setdefault("failedJobsHistoryLimit", FAILED_HISTORY)
    template = spec.setdefault("jobTemplate", {})
    template.setdefault("metadata", {})
    _default_template_spec(template.setdefault("spec", {}))


def _default_template_spec(spec: Object) -> None:
    """A template gets the defaults of the pods in it; those of the Job come with each Job made of it."""
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    default_pod_spec(template.setdefault("spec", {}))


def _prepare_cronjob(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        new["status"] = {}


def _duration(job: Object, now: datetime) -> str:
    took = jobs.duration(job, now)
    return "" if took is None else ages.duration(took.total_seconds())


def _last_schedule(cronjob: Object, now: datetime) -> str:
    last = at(cronjob, "status.lastScheduleTime")
    return ages.since(last, now) if last else "<none>"


_MANY = (
    "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes "
    "might not be able to track completedIndexes when a big number of indexes fail"
)


def _job_warnings(path: str) -> Callable[[Object], list[str]]:
    """The warnings of a Job, or of what has its spec at the dotted `path`."""
    of_template = template_warnings(f"{path}.template")

    def warnings(obj: Object) -> list[str]:
        spec = at(obj, path, {})
        many = (spec.get("completions") or 0) > 100_000 and (spec.get("parallelism") or 0) > 10_000
        found = [f"{path}: {_MANY}"] if many and spec.get("completionMode") == "Indexed" else []
        return [*found, *of_template(obj)]

    return warnings


JOBS = Row(
    kinds.JOBS,
    "job",
    categories=("all",),
    columns=(
        NAME,
        Column("Status", lambda obj, _now: jobs.status_word(obj), description="Status of the job."),
        Column("Completions", lambda obj, _now: jobs.completions(obj)),
        Column("Duration", _duration, description="Time required to complete the job."),
        AGE,
        *containers("spec.template.spec.containers"),
        selector("spec.selector"),
    ),
    subresources=frozenset({"status"}),
    schema="io.k8s.api.batch.v1.Job",
    default=_default_job,
    prepare=_prepare_job,
    validate=validate_job,
    warnings=_job_warnings("spec"),
    fields=("metadata.name", "metadata.namespace", "status.successful"),
    unselectable='field label "{}" not supported for batchv1.Job',
    default_propagation="Orphan",
    deletion_warning=(
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or "
        "set propagationPolicy=Orphan to suppress this warning"
    ),
)
CRONJOBS = Row(
    kinds.CRONJOBS,
    "cronjob",
    short_names=("cj",),
    categories=("all",),
    columns=(
        NAME,
        field("Schedule", "spec.schedule", description="The schedule in Cron format."),
        field("Timezone", "spec.timeZone", default="<none>", description="The time zone of the schedule."),
        field("Suspend", "spec.suspend", default="<unset>"),
        Column("Active", lambda obj, _now: len(at(obj, "status.active", ())), type="integer"),
        Column("Last Schedule", _last_schedule, description="When a job was last started on schedule."),
        AGE,
        *containers("spec.jobTemplate.spec.template.spec.containers"),
        selector("spec.jobTemplate.spec.selector"),
    ),
    subresources=frozenset({"status"}),
    schema="io.k8s.api.batch.v1.CronJob",
    default=_default_cronjob,
    prepare=_prepare_cronjob,
    validate=validate_cronjob,
    warnings=_job_warnings("spec.jobTemplate.spec"),
)
ROWS = (JOBS, CRONJOBS)
