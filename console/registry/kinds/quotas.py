"""ResourceQuotas: what may be limited, and which scopes go together. The API server's quota guard enforces them."""

from __future__ import annotations

from common.api import kinds, quantity, quotas
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME
from console.registry.row import Column, Context, Row

_STANDARD = quotas.COUNTED | {
    "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage",
    "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage", "services.nodeports",
    "services.loadbalancers",
}  # fmt: skip
_INTEGERS = quotas.COUNTED | {"services.nodeports", "services.loadbalancers"}
_HUGE = ("hugepages-", "requests.hugepages-")
_SCOPES = (*quotas.POD_SCOPES, quotas.CLAIM_SCOPE)
_OPPOSITES = (("Terminating", "NotTerminating"), ("BestEffort", "NotBestEffort"))
_BEST_EFFORT_ALLOWS = frozenset({"pods", "count/pods"})
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_EXISTS_ONLY = frozenset({"Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity"})


def _prepare(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        new["status"] = {}


def _validate(new: Object, old: Object | None, context: Context) -> list[Cause]:
    if context.subresource == "status":
        status = new.get("status") or {}
        return _validate_amounts(status.get("hard"), "status.hard") + _validate_amounts(
            status.get("used"), "status.used"
        )
    spec = new.get("spec") or {}
    causes = _validate_amounts(spec.get("hard"), "spec.hard") + _validate_scopes(spec) + _validate_selector(spec)
    if old is not None:
        before = old.get("spec") or {}
        for field in ("scopes", "scopeSelector"):
            causes += validation.unchanged(f"spec.{field}", spec.get(field) or None, before.get(field) or None)
    return causes


def _validate_amounts(amounts: Object | None, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for name, amount in (amounts or {}).items():
        where = f"{path}[{name}]"
        causes += _validate_name(name, where)
        value = quantity.parse(amount)
        if value < 0:
            causes.append(validation.wrong(where, str(amount), "must be greater than or equal to 0"))
        elif (name in _INTEGERS or name.startswith("count/")) and value.denominator != 1:
            causes.append(validation.wrong(where, str(amount), "must be an integer"))
    return causes


def _validate_name(name: str, where: str) -> list[Cause]:
    problems = validation.qualified_name(name)
    if problems:
        return validation.each(where, name, problems)
    if "/" in name or name in _STANDARD or name.startswith(_HUGE):
        return []
    return [
        validation.wrong(where, name, "must be a standard resource type or fully qualified"),
        validation.wrong(where, name, "must be a standard resource for quotas"),
    ]


def _validate_scopes(spec: Object) -> list[Cause]:
    scopes = list(spec.get("scopes") or ())
    causes: list[Cause] = []
    for scope in scopes:
        if scope not in _SCOPES:
            causes.append(validation.wrong("spec.scopes", scopes, "unsupported scope"))
        elif scope == "BestEffort" and set(spec.get("hard") or ()) - _BEST_EFFORT_ALLOWS:
            causes.append(validation.wrong("spec.scopes", scopes, "unsupported scope applied to resource"))
    if any(set(pair) <= set(scopes) for pair in _OPPOSITES):
        causes.append(validation.wrong("spec.scopes", scopes, "conflicting scopes"))
    return causes


def _validate_selector(spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    terms = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    path = "spec.scopeSelector.matchExpressions"
    for term in terms:
        scope, operator, values = term.get("scopeName"), term.get("operator"), term.get("values") or []
        if scope not in _SCOPES:
            causes.append(validation.wrong(f"{path}.scopeName", scope, "unsupported scope"))
        if operator not in _OPERATORS:
            causes.append(validation.wrong(f"{path}.operator", operator, "not a valid selector operator"))
        elif scope in _EXISTS_ONLY and operator != "Exists":
            why = "must be 'Exist' when scope is any of " + ", ".join(sorted(_EXISTS_ONLY))
            causes.append(validation.wrong(f"{path}.operator", operator, why))
        elif operator in {"In", "NotIn"} and not values:
            why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            causes.append(validation.required(f"{path}.values", why))
        elif operator in {"Exists", "DoesNotExist"} and values:
            why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            causes.append(validation.wrong(f"{path}.values", values, why))
    named = {term.get("scopeName") for term in terms}
    if any(set(pair) <= named for pair in _OPPOSITES):
        causes.append(validation.wrong(path, list(terms), "conflicting scopes"))
    return causes


def _shares(obj: Object, *, limits: bool) -> str:
    status = obj.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    wanted = (name for name in sorted(hard) if name.startswith("limits.") == limits)
    return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in wanted)


RESOURCEQUOTAS = Row(
    kinds.RESOURCEQUOTAS,
    "resourcequota",
    short_names=("quota",),
    columns=(
        NAME,
        Column("Request", lambda obj, _now: _shares(obj, limits=False)),
        Column("Limit", lambda obj, _now: _shares(obj, limits=True)),
        AGE,
    ),
    subresources=frozenset({"status"}),
    schema="io.k8s.api.core.v1.ResourceQuota",
    prepare=_prepare,
    validate=_validate,
    has_spec_generation=False,
)
ROWS = (RESOURCEQUOTAS,)
