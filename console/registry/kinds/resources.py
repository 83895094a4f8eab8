"""Requests and limits: names, amounts, and requests that do not exceed limits."""

from __future__ import annotations

from common.api import quantity
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

_STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})
_HUGE = "hugepages-"


def validate_resources(resources: Object, path: str) -> list[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    causes = _validate_amounts(limits, f"{path}.limits") + _validate_amounts(requests, f"{path}.requests")
    if causes:
        return causes
    for name, amount in requests.items():
        limit = limits.get(name)
        if not _may_overcommit(name):
            causes += _validate_fixed(name, amount, limit, path)
        elif limit is not None and quantity.parse(amount) > quantity.parse(limit):
            causes.append(
                validation.wrong(
                    f"{path}.requests", str(amount), f"must be less than or equal to {name} limit of {limit}"
                )
            )
    return causes


def _may_overcommit(name: str) -> bool:
    return name in _STANDARD


def _validate_fixed(name: str, amount: str, limit: str | None, path: str) -> list[Cause]:
    if limit is None:
        return [validation.required(f"{path}.limits", "Limit must be set for non overcommitable resources")]
    if quantity.parse(amount) != quantity.parse(limit):
        return [validation.wrong(f"{path}.requests", str(amount), f"must be equal to {name} limit of {limit}")]
    return []


def _validate_amounts(amounts: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for name, amount in amounts.items():
        where = f"{path}[{name}]"
        causes += _validate_name(name, where)
        value = quantity.parse(amount)
        if value < 0:
            causes.append(validation.wrong(where, str(amount), "must be greater than or equal to 0"))
        elif "/" in name and not name.startswith("kubernetes.io/") and value.denominator != 1:
            causes.append(validation.wrong(where, str(amount), "must be an integer"))
    return causes


def _validate_name(name: str, path: str) -> list[Cause]:
    problems = validation.qualified_name(name)
    if problems:
        return validation.each(path, name, problems)
    if "/" in name or name in _STANDARD or name.startswith(_HUGE):
        return []
    return [validation.wrong(path, name, "must be a standard resource for containers")]
