"""What the Job controller reads from Jobs and their pods. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.api import jobs
from common.api.conditions import get_condition
from common.api.meta import Object, is_deleting, metadata, parse_time
from common.api.meta import annotations as annotations_of
from common.api.pods import is_terminal, phase

INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count"
INDEX_IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
CONTROLLER_NAME = "kubernetes.io/job-controller"


def spec_of(job: Object) -> Object:
    return job.get("spec") or {}


def status_of(job: Object) -> Object:
    return job.get("status") or {}


def limits_each_index(job: Object) -> bool:
    return jobs.is_indexed(job) and spec_of(job).get("backoffLimitPerIndex") is not None


def managed_elsewhere(job: Object) -> bool:
    """Whether another controller than this one takes care of it."""
    return (spec_of(job).get("managedBy") or CONTROLLER_NAME) != CONTROLLER_NAME


def replaces_only_failed(job: Object) -> bool:
    """Whether a pod that is being deleted is replaced only once it has ended."""
    spec = spec_of(job)
    return spec.get("podReplacementPolicy") == "Failed" or spec.get("podFailurePolicy") is not None


def is_tracked(pod: Object) -> bool:
    """Whether the pod is still to be counted: the finalizer holds it until it is."""
    return jobs.TRACKING_FINALIZER in (metadata(pod).get("finalizers") or ())


def has_failed(pod: Object, job: Object) -> bool:
    """Failed, or being deleted: what is deleted may never get to report how it ended."""
    if phase(pod) == "Failed":
        return True
    return not replaces_only_failed(job) and is_deleting(pod) and phase(pod) != "Succeeded"


def is_terminating(pod: Object) -> bool:
    return is_deleting(pod) and not is_terminal(pod)


def completion_index(pod: Object) -> int | None:
    """The index that an Indexed Job's pod works on; None when it has none."""
    text = annotations_of(pod).get(jobs.COMPLETION_INDEX, "")
    return int(text) if text.isascii() and text.isdigit() else None


def _count(pod: Object, annotation: str) -> int:
    text = annotations_of(pod).get(annotation, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def index_failures(pod: Object) -> int:
    """How often its index had failed before this pod."""
    return _count(pod, INDEX_FAILURES)


def index_ignored(pod: Object) -> int:
    """How often its index had failed in a way that the Job ignores."""
    return _count(pod, INDEX_IGNORED)


def finished_at(pod: Object) -> datetime:
    """When the pod ended, as well as can be known: its last container, else its readiness, else its deletion."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ends = [((item.get("state") or {}).get("terminated") or {}).get("finishedAt") for item in statuses]
    if ends and all(ends):
        return max(parse_time(str(end)) for end in ends)
    ready = get_condition(pod, "Ready") or {}
    if ready.get("status") == "False" and ready.get("lastTransitionTime"):
        return parse_time(str(ready["lastTransitionTime"]))
    found = metadata(pod)
    if is_deleting(pod):
        grace = int(found.get("deletionGracePeriodSeconds") or 0)
        return parse_time(str(found["deletionTimestamp"])) - timedelta(seconds=grace)
    return parse_time(str(found["creationTimestamp"]))
