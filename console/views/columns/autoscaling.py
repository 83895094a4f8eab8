"""HorizontalPodAutoscalers."""

from __future__ import annotations

from common.api import autoscaling, kinds
from common.api.meta import Object
from console.views import status

from .column import AGE, LABELS, NAME, NAMESPACE, Table, dim, number, state, text
from .workloads import count


def reference(autoscaler: Object) -> str:
    """What is scaled: `Deployment/web`."""
    found = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return f"{found.get('kind', '')}/{found.get('name', '')}"


AUTOSCALER_COLUMNS = (
    NAMESPACE,
    NAME,
    text("REFERENCE", reference, drop=3, flexible=True, least=16, letter="F", tone=dim),
    state("STATUS", status.autoscaler_status, letter="S"),
    text("TARGETS", autoscaling.targets, drop=1, letter="T"),
    number("MIN", count("spec", "minReplicas"), drop=4, tone=dim),
    number("MAX", count("spec", "maxReplicas"), drop=4, tone=dim),
    number("REPLICAS", count("status", "currentReplicas"), letter="R"),
    AGE,
    LABELS,
)

TABLES = {kinds.HORIZONTALPODAUTOSCALERS: Table(AUTOSCALER_COLUMNS, status.autoscaler_status)}
