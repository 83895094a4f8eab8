"""The decision of one look at one autoscaler: which size, which status, what to tell. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from common.api.conditions import set_condition
from common.api.meta import Object, format_time, generation

from . import behavior
from .behavior import READY, WITHIN
from .metrics import Readings, Situation, propose
from .model import History, MetricError, Proposal, Scaled


@dataclass(frozen=True, slots=True)
class Said:
    """An event about the autoscaler."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Target:
    """The Scale of what is scaled: the size that is wanted and the one that is counted, and the pods of both."""

    spec: int
    status: int
    pods: Sequence[Object]
    readings: Readings


@dataclass(slots=True)
class Outcome:
    """What a look came to. `rescale` is the new size, None to leave it; `why` is the reason of the event."""

    conditions: list[Object]
    desired: int = 0
    rescale: int | None = None
    why: str = ""
    metrics: list[Object] | None = None
    history: History = field(default_factory=History)
    events: list[Said] = field(default_factory=list)

    def set(self, kind: str, status: str, reason: str, message: str, now: datetime) -> None:
        self.conditions = set_condition(self.conditions, kind, status, reason, message, now)


def decide(autoscaler: Object, target: Target, history: History, now: datetime) -> Outcome:
    """Kubernetes' order: an empty target rests, limits come before metrics, metrics before behavior."""
    spec = autoscaler["spec"]
    if not history.recommendations:
        history = History((Scaled(now, target.spec),), history.ups, history.downs)
    status = autoscaler.get("status") or {}
    outcome = Outcome(list(status.get("conditions") or ()), target.spec, history=history)
    outcome.set(
        "AbleToScale", "True", "SucceededGetScale",
        "the HPA controller was able to get the target's current scale", now,
    )  # fmt: skip
    least = spec.get("minReplicas") or 1
    if target.spec == 0 and least != 0:
        outcome.desired = 0
        outcome.set(
            "ScalingActive", "False", "ScalingDisabled",
            "scaling is disabled since the replica count of the target is zero", now,
        )  # fmt: skip
    elif target.spec > spec["maxReplicas"]:
        _move(outcome, target, spec["maxReplicas"], "Current number of replicas above Spec.MaxReplicas")
    elif target.spec < least:
        _move(outcome, target, least, "Current number of replicas below Spec.MinReplicas")
    else:
        _by_metrics(outcome, spec, target, now)
    return outcome


def _move(outcome: Outcome, target: Target, replicas: int, why: str) -> None:
    outcome.desired, outcome.why = replicas, why
    outcome.rescale = replicas if replicas != target.spec else None


def _by_metrics(outcome: Outcome, spec: Object, target: Target, now: datetime) -> None:
    proposal = _largest(outcome, spec, target, now)
    if proposal is None:
        return
    why = ""
    if proposal.replicas > target.spec:
        why = f"{proposal.name} above target"
    elif proposal.replicas < target.spec:
        why = "All metrics below target"
    found = behavior.normalize(spec, target.spec, proposal.replicas, outcome.history, now)
    able, limited = found.stabilized or READY, found.limited or WITHIN
    outcome.history = found.history
    outcome.set("AbleToScale", "True", able.reason, able.message, now)
    outcome.set("ScalingLimited", "True" if found.limited else "False", limited.reason, limited.message, now)
    _move(outcome, target, found.replicas, why)


def _largest(outcome: Outcome, spec: Object, target: Target, now: datetime) -> Proposal | None:
    """The metric that asks for most. While one has no answer, none may ask for less than there is."""
    situation = Situation(target.spec, target.status, target.pods, target.readings, behavior.tolerances(spec), now)
    metrics = spec.get("metrics") or []
    best: Proposal | None = None
    failures: list[MetricError] = []
    outcome.metrics = []
    for metric in metrics:
        try:
            proposal = propose(metric, situation)
        except MetricError as error:
            failures.append(error)
            outcome.metrics.append({"type": ""})
            outcome.events.append(Said("Warning", error.reason, str(error)))
            continue
        outcome.metrics.append(proposal.status)
        if best is None or proposal.replicas > best.replicas:
            best = proposal
    if best is None or (failures and best.replicas < target.spec):
        _fail(outcome, failures, len(metrics), now)
        return None
    message = f"the HPA was able to successfully calculate a replica count from {best.name}"
    outcome.set("ScalingActive", "True", "ValidMetricFound", message, now)
    return best


def _fail(outcome: Outcome, failures: Sequence[MetricError], count: int, now: datetime) -> None:
    first = failures[0]
    message = f"the HPA was unable to compute the replica count: {first}"
    outcome.set("ScalingActive", "False", first.reason, message, now)
    summary = (
        f"invalid metrics ({len(failures)} invalid out of {count}), first error is: failed to get {first.what}: {first}"
    )
    outcome.events.append(Said("Warning", "FailedComputeMetricsReplicas", summary))


def status_of(autoscaler: Object, outcome: Outcome, current: int, *, scaled: bool, now: datetime) -> Object:
    """The new status; equal to the old one when nothing changed."""
    before = autoscaler.get("status") or {}
    status: Object = {
        "observedGeneration": generation(autoscaler),
        "currentReplicas": current,
        "desiredReplicas": outcome.desired,
        "conditions": outcome.conditions,
    }
    metrics = before.get("currentMetrics") if outcome.metrics is None else outcome.metrics
    if metrics:
        status["currentMetrics"] = metrics
    last = format_time(now) if scaled else before.get("lastScaleTime")
    return {**status, **({"lastScaleTime": last} if last else {})}
