"""Requests and limits: names, amounts, and requests that do not exceed limits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from fractions import Fraction

from common.api import quantity
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

_STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})
_COMPUTE = frozenset({"cpu", "memory"})
_HUGE = "hugepages-"
_NATIVE = "kubernetes.io/"
# Names without a domain that quotas and limits know, though no container asks for them.
_KNOWN = frozenset({
    "storage", "pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps",
    "persistentvolumeclaims", "services.nodeports", "services.loadbalancers", "requests.cpu", "requests.memory",
    "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage", "requests.storage",
})  # fmt: skip
_POD_LEVEL = ("cpu", "memory")

NameCheck = Callable[[str, str], list[Cause]]


def validate_container_resources(resources: Object, path: str, claims: Collection[str] = ()) -> list[Cause]:
    """What a container asks for; `claims` are the names of its pod's claims."""
    causes = validate_resources(resources, path, container_resource)
    return causes + _validate_claims(resources.get("claims") or (), claims, f"{path}.claims")


def validate_resources(resources: Object, path: str, check: NameCheck) -> list[Cause]:
    """Limits and requests; `check` says which names are allowed."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    causes: list[Cause] = []
    for name, amount in limits.items():
        causes += _validate_amount(name, amount, f"{path}.limits[{name}]", check)
    for name, amount in requests.items():
        causes += _validate_amount(name, amount, f"{path}.requests[{name}]", check)
        causes += _compare(name, amount, limits.get(name), path)
    asked = {*limits, *requests}
    if any(name.startswith(_HUGE) for name in asked) and not asked & _COMPUTE:
        causes.append(validation.forbidden(path, "HugePages require cpu or memory"))
    return causes


def is_native(name: str) -> bool:
    return "/" not in name or _NATIVE in name


def is_extended(name: str) -> bool:
    """Whether nodes count it one by one, whatever it is: `example.com/gpu`."""
    return (
        not is_native(name) and not name.startswith("requests.") and not validation.qualified_name(f"requests.{name}")
    )


def _may_overcommit(name: str) -> bool:
    return is_native(name) and not name.startswith(_HUGE)


def _compare(name: str, amount: str, limit: str | None, path: str) -> list[Cause]:
    if limit is None:
        if _may_overcommit(name):
            return []
        return [validation.required(f"{path}.limits", "Limit must be set for non overcommitable resources")]
    if amount == limit:
        return []
    asked, most = quantity.parse(amount), quantity.parse(limit)
    if asked != most and not _may_overcommit(name):
        return [validation.wrong(f"{path}.requests", str(amount), f"must be equal to {name} limit of {limit}")]
    if asked > most:
        why = f"must be less than or equal to {name} limit of {limit}"
        return [validation.wrong(f"{path}.requests", str(amount), why)]
    return []


def _validate_amount(name: str, amount: str, path: str, check: NameCheck) -> list[Cause]:
    causes = check(name, path)
    value = quantity.parse(amount)
    if value.numerator < 0:
        causes.append(validation.wrong(path, str(amount), "must be greater than or equal to 0"))
    if value.denominator != 1 and is_extended(name):
        causes.append(validation.wrong(path, amount, "must be an integer"))
    if name.startswith(_HUGE):
        causes += _validate_pages(name, amount, value, path)
    return causes


def _validate_pages(name: str, amount: str, value: Fraction, path: str) -> list[Cause]:
    page = name.removeprefix(_HUGE)
    try:
        size = quantity.parse(page)
    except ValueError:
        return [validation.wrong(path, amount, f"hugepages of {page} are no size")]
    if size > 0 and value % size == 0:
        return []
    return [validation.wrong(path, amount, f"{amount} is not positive integer multiple of {page}")]


def container_resource(name: str, path: str) -> list[Cause]:
    """The name of what a container may ask for."""
    problems = validation.qualified_name(name)
    if problems:
        return validation.each(path, name, problems)
    if "/" not in name:
        if name in _STANDARD or name.startswith(_HUGE):
            return []
        causes = []
        if name not in _KNOWN:
            causes.append(validation.wrong(path, name, "must be a standard resource type or fully qualified"))
        return [*causes, validation.wrong(path, name, "must be a standard resource for containers")]
    if is_native(name) or is_extended(name):
        return []
    return [validation.wrong(path, name, "doesn't follow extended resource name standard")]


def pod_resource(name: str, path: str) -> list[Cause]:
    """The name of what a pod may ask for as a whole."""
    if name in _POD_LEVEL or name.startswith(_HUGE):
        return []
    return [validation.unsupported(path, name, _POD_LEVEL)]


def resource_name(name: str, path: str) -> list[Cause]:
    """The name of anything that can be counted."""
    problems = validation.qualified_name(name)
    if problems or "/" in name or name in _STANDARD or name in _KNOWN or name.startswith(_HUGE):
        return validation.each(path, name, problems)
    return [validation.wrong(path, name, "must be a standard resource type or fully qualified")]


def validate_pod_resources(spec: Object, path: str) -> list[Cause]:
    """What the containers of a pod share: enough for what they request, and no less than each of their limits."""
    resources = spec.get("resources")
    if resources is None:
        return []
    causes: list[Cause] = []
    if resources.get("claims"):
        causes.append(validation.forbidden(f"{path}.claims", "claims cannot be set for Resources at pod-level"))
    causes += validate_resources(resources, path, pod_resource)
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for name, total in _requested(spec).items():
        if name in {*_POD_LEVEL} and total > quantity.parse(requests.get(name, "0")):
            why = f"must be greater than or equal to aggregate container requests of {quantity.canonical(_text(total))}"
            causes.append(validation.wrong(f"{path}.requests[{name}]", str(requests.get(name, "0")), why))
    for index, container in enumerate(spec.get("containers") or ()):
        for name, limit in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and quantity.parse(limit) > quantity.parse(limits[name]):
                where = f"{path}.containers[{index}][{name}].limits"
                why = f"must be less than or equal to pod limits of {limits[name]}"
                causes.append(validation.wrong(where, str(limit), why))
    return causes


def _text(amount: Fraction) -> str:
    return f"{amount.numerator}" if amount.denominator == 1 else f"{int(amount * 1000)}m"


def _requested(spec: Object) -> dict[str, Fraction]:
    """The sum of what the containers request: init containers run one by one before, sidecars beside."""
    total: dict[str, Fraction] = {}
    most: dict[str, Fraction] = {}
    beside: dict[str, Fraction] = {}
    for container in spec.get("initContainers") or ():
        own = _requests(container)
        if container.get("restartPolicy") == "Always":
            for name, amount in own.items():
                beside[name] = beside.get(name, Fraction(0)) + amount
            own = beside
        else:
            own = {name: own.get(name, Fraction(0)) + beside.get(name, Fraction(0)) for name in {*own, *beside}}
        for name, amount in own.items():
            most[name] = max(most.get(name, Fraction(0)), amount)
    total = dict(beside)
    for container in spec.get("containers") or ():
        for name, amount in _requests(container).items():
            total[name] = total.get(name, Fraction(0)) + amount
    return {name: max(total.get(name, Fraction(0)), most.get(name, Fraction(0))) for name in {*total, *most}}


def _requests(container: Object) -> dict[str, Fraction]:
    found = (container.get("resources") or {}).get("requests") or {}
    return {name: Fraction(quantity.parse(amount)) for name, amount in found.items()}


def _validate_claims(asked: Iterable[Object], known: Collection[str], path: str) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[tuple[str, str]] = set()
    for index, claim in enumerate(asked):
        where, name, request = f"{path}[{index}]", claim.get("name") or "", claim.get("request") or ""
        if not name:
            causes.append(validation.required(where))
            continue
        if (name, request) in seen:
            causes.append(validation.duplicate(where, f"{name}/{request}" if request else name))
        seen.add((name, request))
        if name not in known:
            why = "must be one of the names in pod.spec.resourceClaims" if known else "pod.spec.resourceClaims is empty"
            missing = validation.not_found(where, name)
            causes.append(Cause(where, f"{missing.message}: {why}", missing.kind))
    return causes
