"""LimitRanges: bounds and defaults for what containers, pods and claims of a namespace ask. `limits` enforces them."""

from __future__ import annotations

from typing import Any

from common.api import kinds, quantity
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import NAME
from console.registry.row import Column, Context, Row

from .resources import container_resource, resource_name

CONTAINER, POD, CLAIM = "Container", "Pod", "PersistentVolumeClaim"
_AMOUNTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
# Which of two amounts may not exceed the other: (lower, upper, the field that is blamed, the words for both).
_ORDER = (
    ("min", "max", "min", "min", "max"),
    ("min", "defaultRequest", "defaultRequest", "min", "default request"),
    ("defaultRequest", "max", "defaultRequest", "default request", "max"),
    ("defaultRequest", "default", "defaultRequest", "default request", "default limit"),
    ("min", "default", "default", "min", "default"),
    ("default", "max", "default", "default", "max"),
)


def _default(obj: Object) -> None:
    for item in (obj.get("spec") or {}).get("limits") or ():
        if item.get("type") != CONTAINER:
            continue
        for target, source in (("default", "max"), ("defaultRequest", "default"), ("defaultRequest", "min")):
            if item.get(source):
                item[target] = {**item[source], **(item.get(target) or {})}


def _validate(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    causes: list[Cause] = []
    types: set[str] = set()
    for index, item in enumerate((new.get("spec") or {}).get("limits") or ()):
        path = f"spec.limits[{index}]"
        kind = item.get("type") or ""
        causes += _validate_type(kind, f"{path}.type")
        if kind in types:
            causes.append(validation.duplicate(f"{path}.type", kind))
        types.add(kind)
        causes += _validate_kind(kind, item, path)
        check = container_resource if kind in {CONTAINER, POD} else resource_name
        causes += [
            cause
            for field in _AMOUNTS
            for name in item.get(field) or ()
            for cause in check(name, f"{path}.{field}[{name}]")
        ]
        for name in sorted({name for field in _AMOUNTS for name in item.get(field) or ()}):
            causes += _validate_amounts(name, item, path)
    return causes


def _validate_type(kind: str, path: str) -> list[Cause]:
    problems = validation.qualified_name(kind)
    if problems or "/" in kind or kind in {CONTAINER, POD, CLAIM}:
        return validation.each(path, kind, problems)
    return [validation.wrong(path, kind, "must be a standard limit type or fully qualified")]


def _validate_kind(kind: str, item: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if kind == POD:
        causes += [
            validation.forbidden(f"{path}.{field}", "may not be specified when `type` is 'Pod'")
            for field in ("default", "defaultRequest")
            if item.get(field)
        ]
    if kind == CLAIM and not any("storage" in (item.get(field) or {}) for field in ("min", "max")):
        causes.append(
            validation.required(
                f"{path}.limits", "either minimum or maximum storage value is required, but neither was provided"
            )
        )
    return causes


def _validate_amounts(name: str, item: Object, path: str) -> list[Cause]:
    found = {field: item[field][name] for field in _AMOUNTS if name in (item.get(field) or {})}
    causes: list[Cause] = []
    for low, high, blamed, low_word, high_word in _ORDER:
        if low in found and high in found and quantity.parse(found[low]) > quantity.parse(found[high]):
            why = f"{low_word} value {found[low]} is greater than {high_word} value {found[high]}"
            causes.append(validation.wrong(f"{path}.{blamed}[{name}]", str(found[blamed]), why))
    return causes + _validate_ratio(name, found, path)


def _validate_ratio(name: str, found: dict[str, Any], path: str) -> list[Cause]:
    if "maxLimitRequestRatio" not in found:
        return []
    given = found["maxLimitRequestRatio"]
    where, ratio = f"{path}.maxLimitRequestRatio[{name}]", quantity.parse(given)
    if ratio < 1:
        return [validation.wrong(where, str(given), f"ratio {given} is less than 1")]
    if "min" in found and "max" in found and quantity.parse(found["min"]) > 0:
        widest = quantity.parse(found["max"]) / quantity.parse(found["min"])
        if ratio > widest:
            return [validation.wrong(where, str(given), f"ratio {given} is greater than max/min = {float(widest):f}")]
    return []


LIMITRANGES = Row(
    kinds.LIMITRANGES,
    "limitrange",
    short_names=("limits",),
    columns=(
        NAME,
        Column(
            "Created At", lambda obj, _now: str((obj.get("metadata") or {}).get("creationTimestamp", "")), type="date"
        ),
    ),
    schema="io.k8s.api.core.v1.LimitRange",
    default=_default,
    validate=_validate,
    has_spec_generation=False,
    creates_on_update=True,
)
ROWS = (LIMITRANGES,)
