"""Deployments and ReplicaSets, and with them the family of group apps."""

from __future__ import annotations

from common.api import kinds
from common.api.configuration import RESTART
from common.api.meta import Object
from common.api.rollout import AUTO_ROLLBACK
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, at, containers, number, selector
from console.registry.row import Column, Context, OfSpec, Row

from . import daemonsets, revisions, statefulsets
from .pod_warnings import template_warnings
from .workload_fields import (
    CONTAINERS,
    REVISION_HISTORY,
    default_template,
    is_zero,
    validate_pods,
    validate_selector,
    validate_share,
    validate_switch,
)

PROGRESS_DEADLINE = 600  # seconds without progress after which a rollout counts as failed


def _default_deployment(spec: Object) -> None:
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", REVISION_HISTORY)
    spec.setdefault("progressDeadlineSeconds", PROGRESS_DEADLINE)
    strategy = spec.setdefault("strategy", {})
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    default_template(spec)


def _default_replicaset(spec: Object) -> None:
    spec.setdefault("replicas", 1)
    default_template(spec)


def _prepare(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        new["status"] = {}


def _prepare_replicaset(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        new["status"] = {"replicas": 0}


def _validate_workload(spec: Object, old: Object | None) -> list[Cause]:
    """What Deployments and ReplicaSets have in common."""
    causes = validation.non_negative("spec.replicas", spec["replicas"])
    causes += validation.non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    return causes + validate_selector(spec, old, "deployment") + validate_pods(spec, old, "ReplicaSet")


def _validate_replicaset(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    return _validate_workload(new["spec"], old)


def _validate_deployment(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    causes = _validate_workload(spec, old) + _validate_strategy(spec["strategy"])
    causes += validation.non_negative("spec.revisionHistoryLimit", spec["revisionHistoryLimit"])
    causes += validate_switch(new, AUTO_ROLLBACK) + validate_switch(new, RESTART)
    deadline = spec["progressDeadlineSeconds"]
    causes += validation.non_negative("spec.progressDeadlineSeconds", deadline)
    if deadline <= (spec.get("minReadySeconds") or 0):
        causes.append(
            validation.wrong("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
        )
    return causes


def _validate_strategy(strategy: Object) -> list[Cause]:
    path = "spec.strategy"
    rolling: Object | None = strategy.get("rollingUpdate")
    if strategy["type"] == "Recreate":
        if rolling is None:
            return []
        return [
            validation.forbidden(f"{path}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
        ]
    if strategy["type"] != "RollingUpdate":
        return [validation.unsupported(path, strategy, ("Recreate", "RollingUpdate"))]
    rolling = rolling or {}
    causes = validate_share(f"{path}.rollingUpdate.maxUnavailable", rolling["maxUnavailable"], limited=True)
    causes += validate_share(f"{path}.rollingUpdate.maxSurge", rolling["maxSurge"], limited=False)
    if not causes and is_zero(rolling["maxUnavailable"]) and is_zero(rolling["maxSurge"]):
        causes.append(
            validation.wrong(
                f"{path}.rollingUpdate.maxUnavailable",
                rolling["maxUnavailable"],
                "may not be 0 when `maxSurge` is 0",
            )
        )
    return causes


def _ready(obj: Object) -> str:
    return f"{at(obj, 'status.readyReplicas', 0)}/{at(obj, 'spec.replicas', 0)}"


DEPLOYMENTS = Row(
    kinds.DEPLOYMENTS,
    "deployment",
    short_names=("deploy",),
    categories=("all",),
    columns=(
        NAME,
        Column("Ready", lambda obj, _now: _ready(obj), description="Number of the pod with ready state"),
        Column("Up-to-date", lambda obj, _now: at(obj, "status.updatedReplicas", 0)),
        Column("Available", lambda obj, _now: at(obj, "status.availableReplicas", 0)),
        AGE,
        *containers(CONTAINERS),
        selector("spec.selector"),
    ),
    subresources=frozenset({"status", "scale"}),
    status_keeps=frozenset({"labels"}),
    schema="io.k8s.api.apps.v1.Deployment",
    default=OfSpec(_default_deployment),
    prepare=_prepare,
    validate=_validate_deployment,
    warnings=template_warnings("spec.template"),
)
REPLICASETS = Row(
    kinds.REPLICASETS,
    "replicaset",
    short_names=("rs",),
    categories=("all",),
    columns=(
        NAME,
        number("Desired", "spec.replicas"),
        number("Current", "status.replicas"),
        number("Ready", "status.readyReplicas"),
        AGE,
        *containers(CONTAINERS),
        selector("spec.selector"),
    ),
    subresources=frozenset({"status", "scale"}),
    schema="io.k8s.api.apps.v1.ReplicaSet",
    default=OfSpec(_default_replicaset),
    prepare=_prepare_replicaset,
    validate=_validate_replicaset,
    warnings=template_warnings("spec.template"),
    fields=("metadata.name", "metadata.namespace", "status.replicas"),
)
ROWS = (DEPLOYMENTS, REPLICASETS, statefulsets.ROW, daemonsets.ROW, revisions.ROW)
