"""PodDisruptionBudgets."""

from __future__ import annotations

from collections.abc import Callable

from common.api import kinds
from common.api.meta import Object
from console.views.status import Status, Tone

from .column import AGE, LABELS, NAME, NAMESPACE, Table, dim, number, state, text


def budget_status(budget: Object) -> Status:
    """Whether an eviction may take a pod now."""
    found = budget.get("status") or {}
    if int(found.get("disruptionsAllowed") or 0) > 0:
        return Status("allows", Tone.OK)
    short = int(found.get("currentHealthy") or 0) < int(found.get("desiredHealthy") or 0)
    return Status("too few", Tone.BAD) if short else Status("spent", Tone.WARN)


def _demand(budget: Object) -> str:
    spec = budget.get("spec") or {}
    if spec.get("maxUnavailable") is not None:
        return f"at most {spec['maxUnavailable']} away"
    return f"at least {spec.get('minAvailable', 0)} there"


def _count(field: str) -> Callable[[Object], int]:
    return lambda budget: int((budget.get("status") or {}).get(field) or 0)


TABLES = {
    kinds.PODDISRUPTIONBUDGETS: Table(
        (
            NAMESPACE,
            NAME,
            state("STATUS", budget_status, letter="S"),
            text("DEMANDS", _demand, drop=3),
            number("ALLOWED", _count("disruptionsAllowed")),
            number("HEALTHY", _count("currentHealthy"), drop=4),
            number("NEEDED", _count("desiredHealthy"), drop=5, tone=dim),
            AGE,
            LABELS,
        ),
        budget_status,
    )
}
