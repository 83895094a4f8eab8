"""PodDisruptionBudgets in words."""

from __future__ import annotations

from datetime import datetime

from common.api.meta import Object
from console.views.columns.policy import budget_status

from .lines import conditions, field, table
from .workloads import selector


def budget(obj: Object, now: datetime) -> list[str]:
    """What it demands, what there is, and which evictions are still on their way."""
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    limit = "maxUnavailable" if spec.get("maxUnavailable") is not None else "minAvailable"
    counts = (
        f"{state.get('disruptionsAllowed', 0)} allowed | {state.get('currentHealthy', 0)} healthy | "
        f"{state.get('desiredHealthy', 0)} needed | {state.get('expectedPods', 0)} expected"
    )
    lines = [
        field("Status", budget_status(obj).word),
        field("Selector", selector(spec)),
        field("Max Unavailable" if limit == "maxUnavailable" else "Min Available", spec.get(limit)),
        field("Disruptions", counts),
        field("Unready Pods", spec.get("unhealthyPodEvictionPolicy") or "IfHealthyBudget"),
    ]
    leaving = sorted((state.get("disruptedPods") or {}).items())
    rows = ["Evicted:", *table(("POD", "SINCE"), leaving)] if leaving else []
    return lines + rows + conditions(obj, now)
