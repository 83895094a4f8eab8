"""PodDisruptionBudgets: how many pods of a workload an eviction may take down at a time."""

from __future__ import annotations

from common.api import kinds
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, at, number
from console.registry.row import Column, Context, Row

from .workload_fields import validate_share

_POLICIES = ("AlwaysAllow", "IfHealthyBudget")
_LIMITS = ("minAvailable", "maxUnavailable")


def _prepare(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        new["status"] = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}


def _validate(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    causes: list[Cause] = []
    if all(spec.get(limit) is not None for limit in _LIMITS):
        causes.append(validation.wrong("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
    for limit in _LIMITS:
        if spec.get(limit) is not None:
            causes += validate_share(f"spec.{limit}", spec[limit], limited=True)
    if spec.get("selector") is not None:
        causes += validation.label_selector("spec.selector", spec["selector"])
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None:
        causes += validation.one_of("spec.unhealthyPodEvictionPolicy", policy, _POLICIES)
    return causes


def _limit(field: str) -> Column:
    title = "Min Available" if field == "minAvailable" else "Max Unavailable"
    return Column(title, lambda obj, _now: str(at(obj, f"spec.{field}", "N/A")))


PODDISRUPTIONBUDGETS = Row(
    kinds.PODDISRUPTIONBUDGETS,
    "poddisruptionbudget",
    short_names=("pdb",),
    columns=(
        NAME,
        _limit("minAvailable"),
        _limit("maxUnavailable"),
        number("Allowed Disruptions", "status.disruptionsAllowed"),
        AGE,
    ),
    subresources=frozenset({"status"}),
    schema="io.k8s.api.policy.v1.PodDisruptionBudget",
    name_format=validation.path_segment,
    prepare=_prepare,
    validate=_validate,
)
ROWS = (PODDISRUPTIONBUDGETS,)
