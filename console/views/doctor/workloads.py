"""What is wrong with workloads, Jobs, autoscalers and budgets: what their controllers say of them."""

from __future__ import annotations

from collections.abc import Iterator

from common.api import conditions, jobs, meta, rollout
from common.api.kinds import DEPLOYMENTS, HORIZONTALPODAUTOSCALERS, JOBS, PODDISRUPTIONBUDGETS
from common.api.meta import Object

from .finding import Finding, Severity, of


def of_deployment(deployment: Object) -> Iterator[Finding]:
    progressing = conditions.get_condition(deployment, "Progressing") or {}
    if progressing.get("status") == "False":
        problem = str(progressing.get("reason") or "Stuck")
        why, since = str(progressing.get("message") or problem), str(progressing.get("lastTransitionTime") or "")
        advice = "v shows which replicas are stuck, ctrl-l goes back to what worked"
        yield of(deployment, DEPLOYMENTS, Severity.CRITICAL, problem, why, advice, since)
    failure = conditions.get_condition(deployment, "ReplicaFailure") or {}
    if failure.get("status") == "True":
        why, since = str(failure.get("message") or "pods are refused"), str(failure.get("lastTransitionTime") or "")
        problem = str(failure.get("reason") or "ReplicaFailure")
        yield of(deployment, DEPLOYMENTS, Severity.CRITICAL, problem, why, "E shows who refuses its pods", since)
    if rollout.rolled_back(deployment):
        advice = "v compares the revisions; mend the new one and roll it out again"
        why = rollout.rolled_back(deployment)
        yield of(deployment, DEPLOYMENTS, Severity.WARNING, "RolledBack", why, advice)
    if (deployment.get("spec") or {}).get("paused"):
        why = "changes of it are not rolled out"
        yield of(deployment, DEPLOYMENTS, Severity.NOTICE, "Paused", why, "v, then u lets it go on")


def of_job(job: Object) -> Iterator[Finding]:
    if jobs.is_failed(job):
        condition = conditions.get_condition(job, "Failed") or {}
        why = f"{condition.get('reason') or 'Failed'}: {condition.get('message') or 'its pods failed'}"
        since = str(condition.get("lastTransitionTime") or "")
        yield of(job, JOBS, Severity.WARNING, "JobFailed", why, "enter shows its pods, l what they wrote", since)


def of_autoscaler(autoscaler: Object) -> Iterator[Finding]:
    row = HORIZONTALPODAUTOSCALERS
    for kind in ("AbleToScale", "ScalingActive"):
        condition = conditions.get_condition(autoscaler, kind) or {}
        reason = str(condition.get("reason") or kind)
        if condition.get("status") == "False" and reason != "ScalingDisabled":
            advice = "its pods must ask for what it measures (resources.requests), and run"
            why, since = str(condition.get("message") or reason), str(condition.get("lastTransitionTime") or "")
            yield of(autoscaler, row, Severity.WARNING, reason, why, advice, since)
            return
    limited = conditions.get_condition(autoscaler, "ScalingLimited") or {}
    if limited.get("status") == "True" and limited.get("reason") == "TooManyReplicas":
        why, since = str(limited.get("message") or "it would go higher"), str(limited.get("lastTransitionTime") or "")
        yield of(autoscaler, row, Severity.NOTICE, "AtMaximum", why, "raise spec.maxReplicas if there is room", since)


def of_budget(budget: Object) -> Iterator[Finding]:
    """A budget that lets nobody go now, and one that never will."""
    status = budget.get("status") or {}
    allowed, healthy, desired, expected = (
        int(status.get(field) or 0)
        for field in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    )
    if int(status.get("observedGeneration") or 0) < meta.generation(budget) or allowed or not expected:
        return
    row = PODDISRUPTIONBUDGETS
    if desired >= expected:
        why = f"it wants {desired} of {expected} pods healthy: no node with one of them can be drained"
        yield of(budget, row, Severity.NOTICE, "BlocksDrains", why, "ask for less than all, or run one replica more")
    elif healthy < desired:
        why = f"{healthy} of {expected} pods are healthy, {desired} are needed"
        yield of(budget, row, Severity.WARNING, "BudgetBroken", why, "mend its pods: evictions wait for them")
