"""What a PodDisruptionBudget says to an eviction. Pure; the API server decides with it, a drain preview asks it.

The rules and words are those of Kubernetes' eviction API (policy/v1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from . import pods, selectors
from .meta import Object, format_time, generation, is_deleting, labels, name, namespace, parse_time

DISRUPTED_SECONDS = 120
"""For how long an evicted pod that is still there counts as gone: its deletion may have been lost."""
MAX_DISRUPTED = 2000


def budgets_of(pod: Object, budgets: Iterable[Object]) -> list[Object]:
    """The budgets whose selector has the pod; an empty selector has all pods of its namespace, none has none."""
    space, tags = namespace(pod), labels(pod)
    return [
        budget
        for budget in budgets
        if namespace(budget) == space
        and selectors.from_label_selector((budget.get("spec") or {}).get("selector")).matches(tags)
    ]


class Verdict(Enum):
    """FREE: the pod may go and no budget is charged. CHARGED: it may go and costs one disruption. The others refuse."""

    FREE = "free"
    CHARGED = "charged"
    NOT_OBSERVED = "not observed"
    NEGATIVE = "negative"
    TOO_MANY = "too many"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class Judgement:
    """`message` says why the eviction is refused; empty otherwise."""

    verdict: Verdict
    message: str = ""

    @property
    def allowed(self) -> bool:
        return self.verdict in {Verdict.FREE, Verdict.CHARGED}


def needs_no_budget(pod: Object) -> bool:
    """Whether evicting the pod disrupts nobody: it has ended, never ran, or is on its way out already."""
    return pods.is_terminal(pod) or pods.phase(pod) == "Pending" or is_deleting(pod)


def judge(pod: Object, budget: Object) -> Judgement:
    """What one budget says to evicting a pod that it covers."""
    spec, status = budget.get("spec") or {}, budget.get("status") or {}
    healthy, desired = int(status.get("currentHealthy") or 0), int(status.get("desiredHealthy") or 0)
    if needs_no_budget(pod):
        return Judgement(Verdict.FREE)
    if not pods.is_ready(pod):
        policy = spec.get("unhealthyPodEvictionPolicy") or "IfHealthyBudget"
        if policy == "AlwaysAllow" or (healthy >= desired > 0):
            return Judgement(Verdict.FREE)
    allowed = int(status.get("disruptionsAllowed") or 0)
    if int(status.get("observedGeneration") or 0) < generation(budget):
        return Judgement(
            Verdict.NOT_OBSERVED, f"The disruption budget {name(budget)} is still being processed by the server."
        )
    if allowed < 0:
        return Judgement(Verdict.NEGATIVE, "pdb disruptions allowed is negative")
    if len(status.get("disruptedPods") or {}) > MAX_DISRUPTED:
        return Judgement(
            Verdict.TOO_MANY, "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        )
    if allowed == 0:
        text = f"The disruption budget {name(budget)} needs {desired} healthy pods and has {healthy} currently"
        return Judgement(Verdict.EXHAUSTED, text)
    return Judgement(Verdict.CHARGED)


def charged(budget: Object, pod: Object, now: datetime) -> Object:
    """The budget's status with one disruption less, and the pod noted as on its way out."""
    status = budget.get("status") or {}
    disrupted = {**(status.get("disruptedPods") or {}), name(pod): format_time(now)}
    return {**status, "disruptionsAllowed": int(status.get("disruptionsAllowed") or 0) - 1, "disruptedPods": disrupted}


def still_disrupted(status: Object, present: Iterable[Object], now: datetime) -> tuple[dict[str, str], float | None]:
    """Of the pods noted as on their way out those that are neither deleted nor forgotten, and in how many seconds the
    next one is forgotten."""
    by_name = {name(pod): pod for pod in present}
    kept: dict[str, str] = {}
    soonest: float | None = None
    for pod_name, moment in (status.get("disruptedPods") or {}).items():
        pod = by_name.get(pod_name)
        if pod is None or is_deleting(pod):
            continue
        left = (parse_time(moment) + timedelta(seconds=DISRUPTED_SECONDS) - now).total_seconds()
        if left > 0:
            kept[pod_name] = moment
            soonest = left if soonest is None else min(soonest, left)
    return kept, soonest
