"""DaemonSets: a pod on every node that fits."""

from __future__ import annotations

from datetime import datetime

from common.api import kinds
from common.api.configuration import RESTART
from common.api.meta import Object
from common.api.rollout import TEMPLATE_GENERATION
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, NONE, at, containers, number, selector
from console.registry.row import Column, Context, OfSpec, Row

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

STRATEGIES = ("RollingUpdate", "OnDelete")


def _default(spec: Object) -> None:
    spec.setdefault("revisionHistoryLimit", REVISION_HISTORY)
    strategy = spec.setdefault("updateStrategy", {})
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    default_template(spec)


def _prepare(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        figures = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady")
        new["status"] = dict.fromkeys(figures, 0)
    _count_template(new, old)


def _count_template(new: Object, old: Object | None) -> None:
    """The number of the template, which older clients read from an annotation; nobody else sets it."""
    before = (old["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "0") if old is not None else "0"
    number = int(before) if before.isdecimal() else 0
    if old is None or new["spec"]["template"] != old["spec"]["template"]:
        number += 1
    new["metadata"]["annotations"] = {
        **(new["metadata"].get("annotations") or {}),
        TEMPLATE_GENERATION: str(max(number, 1)),
    }


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    causes = validate_selector(spec, old, "daemonset") + validate_pods(spec, old, "DaemonSet")
    causes += validation.non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    causes += validation.non_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    causes += validate_switch(new, RESTART)
    return causes + _validate_strategy(spec["updateStrategy"], "spec.updateStrategy")


def _validate_strategy(strategy: Object, path: str) -> list[Cause]:
    if strategy["type"] == "OnDelete":
        return []
    if strategy["type"] != "RollingUpdate":
        return [validation.unsupported(path, strategy["type"], STRATEGIES)]
    rolling = strategy["rollingUpdate"]
    where = f"{path}.rollingUpdate"
    causes = validate_share(f"{where}.maxUnavailable", rolling["maxUnavailable"], limited=True)
    causes += validate_share(f"{where}.maxSurge", rolling["maxSurge"], limited=True)
    if causes:
        return causes
    unavailable, surge = not is_zero(rolling["maxUnavailable"]), not is_zero(rolling["maxSurge"])
    if unavailable and surge:
        text = "may not be set when maxUnavailable is non-zero"
        return [validation.wrong(f"{where}.maxSurge", rolling["maxSurge"], text)]
    if not unavailable and not surge:
        return [validation.required(f"{where}.maxUnavailable", "cannot be 0 when maxSurge is 0")]
    return []


def _node_selector(obj: Object, _now: datetime) -> str:
    found = at(obj, "spec.template.spec.nodeSelector", {})
    return ",".join(f"{key}={found[key]}" for key in sorted(found)) or NONE


ROW = Row(
    kinds.DAEMONSETS,
    "daemonset",
    short_names=("ds",),
    categories=("all",),
    columns=(
        NAME,
        number("Desired", "status.desiredNumberScheduled"),
        number("Current", "status.currentNumberScheduled"),
        number("Ready", "status.numberReady"),
        number("Up-to-date", "status.updatedNumberScheduled"),
        number("Available", "status.numberAvailable"),
        Column("Node Selector", _node_selector),
        AGE,
        *containers(CONTAINERS),
        selector("spec.selector"),
    ),
    subresources=frozenset({"status"}),
    schema="io.k8s.api.apps.v1.DaemonSet",
    default=OfSpec(_default),
    prepare=_prepare,
    validate=_validate,
    warnings=template_warnings("spec.template"),
)
