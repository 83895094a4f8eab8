"""What objects take of ResourceQuotas: names, amounts, scopes. Admission and the quota controller count by it.

The rules are those of the Kubernetes documentation: object counts (`count/…`), pods while they have not ended, Services
by their ports, claims by their size and class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil

from . import quantity
from .kinds import PERSISTENTVOLUMECLAIMS, PODS, SERVICES
from .meta import Object, metadata, parse_time
from .pods import is_terminal, qos_class, requests

Amounts = dict[str, Fraction]

COUNTED = frozenset(
    {
        "pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps",
        "persistentvolumeclaims",
    }
)  # fmt: skip
"""Resources whose plain name counts their objects, as `count/…` does."""
POD_SCOPES = (
    "Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity",
)  # fmt: skip
CLAIM_SCOPE = "VolumeAttributesClass"
_COUNT = "count/"
_COMPUTE = ("cpu", "memory")
_EITHER = {"cpu", "memory", "ephemeral-storage"}  # names that mean their `requests.` too
_CLASS_SUFFIX = ".storageclass.storage.k8s.io/"
_LISTS = ("containers", "initContainers")
_STATUSES = ("containerStatuses", "initContainerStatuses")


def usage(resource: str, obj: Object, now: datetime | None = None) -> Amounts:
    """What one object of a resource (`deployments.apps`) takes; without `now` no pod is found to be overdue."""
    used: Amounts = {f"{_COUNT}{resource}": Fraction(1)}
    if resource == PODS.plural:
        return used if is_terminal(obj) or is_overdue(obj, now) else used | _of_pod(obj)
    if resource in COUNTED:
        used[resource] = Fraction(1)
    if resource == SERVICES.plural:
        used |= _of_service(obj)
    elif resource == PERSISTENTVOLUMECLAIMS.plural:
        used |= _of_claim(obj)
    return used


def is_overdue(pod: Object, now: datetime | None) -> bool:
    """Whether a pod should long have ended: its node is lost, and who waits for another is not to be charged for it."""
    deleted, grace = metadata(pod).get("deletionTimestamp"), metadata(pod).get("deletionGracePeriodSeconds")
    if now is None or not deleted or grace is None:
        return False
    return now > parse_time(deleted) + timedelta(seconds=grace)


def _of_pod(pod: Object) -> Amounts:
    used: Amounts = {"pods": Fraction(1)}
    for name, amount in requests(pod).items():
        used[f"requests.{name}"] = amount
        if name in _EITHER or name.startswith("hugepages-"):
            used[name] = amount
    for name, amount in requests(limits_as_requests(pod)).items():
        used[f"limits.{name}"] = amount
    return used


def limits_as_requests(pod: Object) -> Object:
    """The pod as if it asked for what it is limited to: sums over containers follow the same rule."""
    spec = dict(pod.get("spec") or {})
    for field in _LISTS:
        spec[field] = [_swapped(container) for container in spec.get(field) or ()]
    if spec.get("resources"):
        spec = _swapped(spec)
    status = dict(pod.get("status") or {})
    for field in _STATUSES:
        shown = [{"name": item.get("name"), "resources": item.get("resources")} for item in status.get(field) or ()]
        status[field] = [_swapped(item) for item in shown]
    return {**pod, "spec": spec, "status": status}


def _swapped(holder: Object) -> Object:
    return {**holder, "resources": {"requests": (holder.get("resources") or {}).get("limits") or {}}}


def _of_service(service: Object) -> Amounts:
    spec = service.get("spec") or {}
    ports = spec.get("ports") or ()
    match spec.get("type"):
        case "NodePort":
            return {"services.nodeports": Fraction(len(ports))}
        case "LoadBalancer":
            allocated = len(ports)
            if spec.get("allocateLoadBalancerNodePorts") is False:
                allocated = sum(1 for port in ports if port.get("nodePort"))
            return {"services.nodeports": Fraction(allocated), "services.loadbalancers": Fraction(1)}
    return {}


def _of_claim(claim: Object) -> Amounts:
    spec = claim.get("spec") or {}
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    used: Amounts = {"requests.storage": Fraction(ceil(quantity.parse(asked)))} if asked is not None else {}
    allocated = ((claim.get("status") or {}).get("allocatedResources") or {}).get("storage")
    if used and allocated is not None:  # what a growth that was given up has taken already
        used["requests.storage"] = max(used["requests.storage"], quantity.parse(allocated))
    name = spec.get("storageClassName")
    if name:
        used |= {f"{name}{_CLASS_SUFFIX}{key}": amount for key, amount in used.items()}
        used[f"{name}{_CLASS_SUFFIX}persistentvolumeclaims"] = Fraction(1)
    return used


def counts_in(quota: Object, resource: str, obj: Object) -> bool:
    """Whether the object is in the quota's scopes."""
    spec = quota.get("spec") or {}
    terms = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    terms += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return all(_in_scope(term, resource, obj) for term in terms)


def _in_scope(term: Object, resource: str, obj: Object) -> bool:
    scope, spec = term.get("scopeName"), obj.get("spec") or {}
    if scope == CLAIM_SCOPE:
        return resource == PERSISTENTVOLUMECLAIMS.plural and any(_names(term, name) for name in _classes_of(obj))
    if resource != PODS.plural:
        return False
    match scope:
        case "Terminating":
            return spec.get("activeDeadlineSeconds") is not None
        case "NotTerminating":
            return spec.get("activeDeadlineSeconds") is None
        case "BestEffort":
            return qos_class(obj) == "BestEffort"
        case "NotBestEffort":
            return qos_class(obj) != "BestEffort"
        case "PriorityClass":
            return _names(term, spec.get("priorityClassName"))
        case "CrossNamespacePodAffinity":
            return _crosses_namespaces(spec.get("affinity") or {})
    return False


def _classes_of(claim: Object) -> set[str]:
    """The classes of attributes that a claim asks for, has, or is on its way to; one empty name when there is none."""
    status = claim.get("status") or {}
    found = {
        (claim.get("spec") or {}).get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    }
    return {str(name) for name in found if name} or {""}


def _names(term: Object, name: str | None) -> bool:
    values = term.get("values") or ()
    match term.get("operator"):
        case "In":
            return bool(name) and name in values
        case "NotIn":
            return name not in values
        case "DoesNotExist":
            return not name
    return bool(name)


def _crosses_namespaces(affinity: Object) -> bool:
    for kind in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(kind) or {}
        terms = list(found.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        preferred = found.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [item.get("podAffinityTerm") or {} for item in preferred]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


def resources_of(hard: Iterable[str]) -> set[str]:
    """The resources whose objects a quota with these names is about."""
    found = set()
    for name in hard:
        if name.startswith(_COUNT):
            found.add(name.removeprefix(_COUNT))
        elif name in COUNTED:
            found.add(name)
        elif name.startswith("services."):
            found.add(SERVICES.plural)
        elif name == "requests.storage" or _CLASS_SUFFIX in name:
            found.add(PERSISTENTVOLUMECLAIMS.plural)
        else:
            found.add(PODS.plural)
    return found


def total(quota: Object, objects: Mapping[str, Iterable[Object]], now: datetime | None = None) -> Amounts:
    """What all objects together, by resource, take of what the quota limits."""
    hard = (quota.get("spec") or {}).get("hard") or {}
    used = dict.fromkeys(hard, Fraction())
    for resource, found in objects.items():
        for obj in found:
            if counts_in(quota, resource, obj):
                for name, amount in usage(resource, obj, now).items():
                    if name in used:
                        used[name] += amount
    return used


def unspecified(hard: Iterable[str], pod: Object) -> str:
    """Which containers leave out what a quota limits, as `limits.cpu for: a,b; …`: empty when none does."""
    spec = pod.get("spec") or {}
    if (spec.get("resources") or {}).get("requests") or (spec.get("resources") or {}).get("limits"):
        return ""
    missing = []
    for name in sorted(set(hard)):
        part, _, plain = name.rpartition(".")
        if plain not in _COMPUTE or part not in {"", "requests", "limits"}:
            continue
        lacking = sorted(
            str(container.get("name"))
            for field in _LISTS
            for container in spec.get(field) or ()
            if plain not in ((container.get("resources") or {}).get(part or "requests") or {})
        )
        if lacking:
            missing.append(f"{name} for: {','.join(lacking)}")
    return "; ".join(missing)


def shown(name: str, amount: Fraction) -> str:
    """An amount as a quantity in the spelling that is usual for its resource."""
    if name.endswith(("memory", "storage")) and amount.denominator == 1:
        return quantity.format_bytes(int(amount))
    return quantity.format_milli(int(amount * 1000))
