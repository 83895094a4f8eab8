"""What Jobs and CronJobs must satisfy, and what of them may change."""

from __future__ import annotations

from common.api import cron, jobs, selectors
from common.api.meta import Object, name
from common.errors import Cause
from console.registry import validation
from console.registry.row import Context

from .batch_policies import validate_failure_policy, validate_replacement_policy, validate_success_policy
from .batch_status import validate_job_status
from .batch_update import validate_job_change
from .pod_validation import validate_template

MAX_PARALLELISM = 100_000  # of Indexed Jobs, as are the other limits: they bound the size of the status
MANY_COMPLETIONS = 100_000
MAX_WITH_MANY = 10_000
MAX_MANAGED_BY = 63
MAX_CRONJOB_NAME = 52  # a Job of it has eleven characters more
_COUNTS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
_RESTART_POLICIES = ("OnFailure", "Never")
_CONCURRENCY = ("Allow", "Forbid", "Replace")


def validate_job(new: Object, old: Object | None, context: Context) -> list[Cause]:
    if context.subresource == "status":
        return validate_job_status(new, old or new)
    spec = new["spec"]
    causes = [] if old is not None else _validate_generated(new)
    causes += validate_job_spec(spec, "spec", old and old["spec"])
    causes += _validate_selector(spec)
    if old is not None:
        return causes + validate_job_change(new, old)
    return causes + _validate_hostnames(new)


def _validate_generated(job: Object) -> list[Cause]:
    spec = job["spec"]
    if spec["manualSelector"]:
        return []
    uid = job["metadata"]["uid"]
    expected = {
        jobs.LEGACY_CONTROLLER_UID: uid,
        jobs.LEGACY_JOB_NAME: name(job),
        jobs.CONTROLLER_UID: uid,
        jobs.JOB_NAME: name(job),
    }
    labels = spec["template"]["metadata"].get("labels") or {}
    causes = [
        validation.wrong(f"spec.template.metadata.labels[{key}]", labels, f"must be '{value}'")
        for key, value in expected.items()
        if labels.get(key) != value
    ]
    selector = spec.get("selector") or {}
    if not validation.label_selector("spec.selector", selector):
        parsed = selectors.from_label_selector(selector)
        if not parsed.matches(expected):
            causes.append(validation.wrong("spec.selector", selector, "`selector` not auto-generated"))
    return causes


def _validate_selector(spec: Object) -> list[Cause]:
    wanted = spec.get("selector")
    if wanted is None:
        return [validation.required("spec.selector")]
    wrong = validation.label_selector("spec.selector", wanted)
    labels = spec["template"]["metadata"].get("labels") or {}
    if wrong or selectors.from_label_selector(wanted).matches(labels):
        return wrong
    return [validation.wrong("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")]


def _validate_hostnames(job: Object) -> list[Cause]:
    """The pods of an Indexed Job are called after it and their index: the longest such name must be one."""
    completions = job["spec"].get("completions")
    if not jobs.is_indexed(job) or not completions or completions < 0:
        return []
    longest = f"{name(job)}-{completions - 1}"
    if not validation.dns_label(longest):
        return []
    text = f"will not able to create pod with invalid DNS label: {longest}"
    return [validation.wrong("metadata.name", name(job), text)]


def validate_job_spec(spec: Object, path: str, old: Object | None) -> list[Cause]:
    """What a Job and the template of a CronJob have in common; `old` is what the spec was before."""
    causes = [cause for field in _COUNTS for cause in validation.non_negative(f"{path}.{field}", spec.get(field))]
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        causes.append(validation.required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    causes += _validate_managed_by(spec.get("managedBy"), f"{path}.managedBy")
    causes += _validate_mode(spec, path)
    if spec.get("podFailurePolicy") is not None:
        causes += validate_failure_policy(spec, f"{path}.podFailurePolicy")
    if spec.get("successPolicy") is not None:
        causes += validate_success_policy(spec, f"{path}.successPolicy")
    causes += validate_replacement_policy(spec, f"{path}.podReplacementPolicy")
    causes += validate_template(spec["template"], f"{path}.template", old and old["template"])
    return causes + _validate_restart_policy(spec, f"{path}.template.spec.restartPolicy")


def _validate_managed_by(value: str | None, path: str) -> list[Cause]:
    if value is None:
        return []
    domain, slash, rest = value.partition("/")
    causes: list[Cause] = []
    if not value:
        causes.append(validation.required(path))
    elif not slash or not domain or not rest:
        causes.append(validation.wrong(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'))
    else:
        causes += validation.each(path, domain, validation.dns_subdomain(domain))
    if len(value) > MAX_MANAGED_BY:
        causes.append(validation.too_long(path, MAX_MANAGED_BY))
    return causes


def _validate_mode(spec: Object, path: str) -> list[Cause]:
    mode = spec.get("completionMode", "NonIndexed")
    if mode == "Indexed":
        return _validate_indexed(spec, path)
    if mode != "NonIndexed":
        return [validation.unsupported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed"))]
    return [
        validation.wrong(f"{path}.{field}", spec[field], "requires indexed completion mode")
        for field in ("backoffLimitPerIndex", "maxFailedIndexes")
        if spec.get(field) is not None
    ]


def _validate_indexed(spec: Object, path: str) -> list[Cause]:
    completions, parallelism = spec.get("completions"), spec.get("parallelism", 1)
    allowed = spec.get("maxFailedIndexes")
    causes: list[Cause] = []
    if completions is None:
        causes.append(validation.required(f"{path}.completions", "when completion mode is Indexed"))
    if parallelism > MAX_PARALLELISM:
        text = f"must be less than or equal to {MAX_PARALLELISM} when completion mode is Indexed"
        causes.append(validation.wrong(f"{path}.parallelism", parallelism, text))
    if allowed is not None:
        if completions is not None and allowed > completions:
            causes.append(
                validation.wrong(f"{path}.maxFailedIndexes", allowed, "must be less than or equal to completions")
            )
        if allowed > MANY_COMPLETIONS:
            text = f"must be less than or equal to {MANY_COMPLETIONS}"
            causes.append(validation.wrong(f"{path}.maxFailedIndexes", allowed, text))
    if completions is not None and completions > MANY_COMPLETIONS and spec.get("backoffLimitPerIndex") is not None:
        causes += _validate_many(parallelism, allowed, path)
    return causes


def _validate_many(parallelism: int, allowed: int | None, path: str) -> list[Cause]:
    """Very many indexes that fail one by one: the lists of indexes in the status must stay short."""
    causes: list[Cause] = []
    if allowed is None:
        text = f"must be specified when completions is above {MANY_COMPLETIONS}"
        causes.append(validation.required(f"{path}.maxFailedIndexes", text))
    for field, value in (("parallelism", parallelism), ("maxFailedIndexes", allowed)):
        if value is not None and value > MAX_WITH_MANY:
            text = (
                f"must be less than or equal to {MAX_WITH_MANY} when completions are above {MANY_COMPLETIONS} and used "
                "with backoff limit per index"
            )
            causes.append(validation.wrong(f"{path}.{field}", value, text))
    return causes


def _validate_restart_policy(spec: Object, path: str) -> list[Cause]:
    policy = spec["template"]["spec"].get("restartPolicy")
    if policy in {"Always", "", None}:
        return [validation.required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in _RESTART_POLICIES:
        return [validation.unsupported(path, policy, _RESTART_POLICIES)]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [validation.wrong(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def validate_cronjob(new: Object, old: Object | None, context: Context) -> list[Cause]:
    if context.subresource == "status":
        return []
    spec = new["spec"]
    before = None if old is None else old["spec"]
    causes = _validate_schedule(spec, before)
    causes += validation.non_negative("spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    if before is None or before.get("timeZone") != spec.get("timeZone"):
        causes += _validate_zone(spec.get("timeZone"))
    causes += validation.one_of("spec.concurrencyPolicy", spec["concurrencyPolicy"], _CONCURRENCY)
    template = spec["jobTemplate"]["spec"]
    causes += validate_job_spec(template, "spec.jobTemplate.spec", before and before["jobTemplate"]["spec"])
    if template.get("selector") is not None:
        causes.append(
            validation.wrong(
                "spec.jobTemplate.spec.selector", template["selector"], "`selector` will be auto-generated"
            )
        )
    if template.get("manualSelector"):
        causes.append(validation.unsupported("spec.jobTemplate.spec.manualSelector", True, ("nil", "false")))
    for field in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        causes += validation.non_negative(f"spec.{field}", spec.get(field))
    if old is None and len(name(new)) > MAX_CRONJOB_NAME:
        text = f"must be no more than {MAX_CRONJOB_NAME} characters"
        causes.append(validation.wrong("metadata.name", name(new), text))
    return causes


def _validate_schedule(spec: Object, before: Object | None) -> list[Cause]:
    schedule = spec.get("schedule")
    if not schedule:
        return [validation.required("spec.schedule")]
    causes: list[Cause] = []
    if "TZ" in schedule:
        causes.append(
            validation.wrong(
                "spec.schedule", schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            )
        )
    elif before is None or before.get("schedule") != schedule:
        try:
            cron.parse(schedule)
        except cron.ScheduleError as error:
            causes.append(validation.wrong("spec.schedule", schedule, str(error)))
    return causes


def _validate_zone(zone: str | None) -> list[Cause]:
    if zone is None:
        return []
    if not zone:
        return [validation.wrong("spec.timeZone", zone, "timeZone must be nil or non-empty string")]
    if zone.lower() == "local":
        text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        return [validation.wrong("spec.timeZone", zone, text)]
    try:
        cron.zone_of(zone)
    except cron.UnknownZone as error:
        return [validation.wrong("spec.timeZone", zone, str(error))]
    return []
