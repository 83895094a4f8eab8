"""Whether a Job is decided: failed by its limits, or done by its rules. Pure.

A Job that is decided gets FailureTarget or SuccessCriteriaMet at once; Failed or Complete follow when all of its pods
have ended and are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.api import jobs
from common.api.conditions import get_condition, is_true
from common.api.meta import Object, parse_time
from common.api.pods import phase

from .facts import Facts
from .model import has_failed, spec_of, status_of
from .policy import match_failure, met_success_rule


@dataclass(frozen=True, slots=True)
class Verdict:
    """`succeeded` or not, with what the conditions say."""

    succeeded: bool
    reason: str
    message: str

    @property
    def interim(self) -> str:
        return "SuccessCriteriaMet" if self.succeeded else "FailureTarget"

    @property
    def final(self) -> str:
        return "Complete" if self.succeeded else "Failed"


REACHED = Verdict(True, "CompletionsReached", "Reached expected number of succeeded pods")


def judge(facts: Facts, now: datetime) -> Verdict | None:
    """The verdict that stands already, or that the facts ask for now."""
    job = facts.job
    for kind, succeeded in (("SuccessCriteriaMet", True), ("FailureTarget", False)):
        if is_true(job, kind):
            condition = get_condition(job, kind) or {}
            return Verdict(succeeded, str(condition.get("reason") or ""), str(condition.get("message") or ""))
    failure = _failure(facts, now) or _failed_indexes(facts)
    if failure is not None:
        return failure
    met = met_success_rule(job, set(facts.succeeded_indexes)) if jobs.is_indexed(job) else ""
    return Verdict(True, "SuccessPolicy", met) if met else None


def _failure(facts: Facts, now: datetime) -> Verdict | None:
    job = facts.job
    for pod in facts.pods:
        if has_failed(pod, job):
            match = match_failure(job, pod)
            if match.action == "FailJob":
                return Verdict(False, "PodFailurePolicy", match.message)
    if facts.failed > int(spec_of(job)["backoffLimit"]) or _restarted_too_often(facts):
        return Verdict(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    left = deadline_in(job, now)
    if left is not None and left <= 0:
        return Verdict(False, "DeadlineExceeded", "Job was active longer than specified deadline")
    return None


def deadline_in(job: Object, now: datetime) -> float | None:
    """Seconds until the Job has been active for too long; None when nothing limits it."""
    seconds, start = spec_of(job).get("activeDeadlineSeconds"), status_of(job).get("startTime")
    if seconds is None or start is None or jobs.is_suspended(job):
        return None
    return (parse_time(str(start)) + timedelta(seconds=int(seconds)) - now).total_seconds()


def _restarted_too_often(facts: Facts) -> bool:
    """Containers that restart in place count against the limit, too."""
    spec = spec_of(facts.job)
    if spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    limit = int(spec["backoffLimit"])
    count = sum(_restarts(pod) for pod in facts.pods if phase(pod) in {"Running", "Pending"})
    return count > 0 if limit == 0 else count >= limit


def _restarts(pod: Object) -> int:
    status = pod.get("status") or {}
    return sum(
        int(container.get("restartCount") or 0)
        for field in ("initContainerStatuses", "containerStatuses")
        for container in status.get(field) or ()
    )


def _failed_indexes(facts: Facts) -> Verdict | None:
    if not facts.failed_indexes:
        return None
    allowed = spec_of(facts.job).get("maxFailedIndexes")
    if allowed is not None and len(facts.failed_indexes) > int(allowed):
        text = "Job has exceeded the specified maximal number of failed indexes"
        return Verdict(False, "MaxFailedIndexesExceeded", text)
    if len(facts.failed_indexes) + len(facts.succeeded_indexes) >= (facts.completions or 0):
        return Verdict(False, "FailedIndexes", "Job has failed indexes")
    return None


def is_reached(facts: Facts, active: int) -> bool:
    """Whether as many pods have succeeded as are asked for, and nothing of the Job runs any more."""
    if active:
        return False
    return facts.succeeded > 0 if facts.completions is None else facts.succeeded >= facts.completions
