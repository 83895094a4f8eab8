"""Resizing a pod in place: what of its containers' resources may change while they run, and what the kernel is told.

The `resize` subresource writes the wish into the spec; the node allocates it (or says why not) and brings it to the
running containers. Conditions of the pod tell how far it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import quantity
from .conditions import get_condition
from .meta import Object

RESIZABLE = ("cpu", "memory")
PENDING = "PodResizePending"
IN_PROGRESS = "PodResizeInProgress"
DEFERRED, INFEASIBLE = "Deferred", "Infeasible"  # reasons of the first
CPU_PERIOD = 100_000  # microseconds, the kernel's default
SHARES_PER_CORE = 1024
_MIN_SHARES = 2
_MIN_QUOTA = 1000  # microseconds in a period; the kernel takes no less


@dataclass(frozen=True, slots=True)
class Figures:
    """What a container's resources are to the kernel: relative weight, microseconds of processor time in a period,
    bytes; 0 for no limit. Different resources may have the same figures (1m and 2m of cpu)."""

    shares: int = _MIN_SHARES
    quota: int = 0
    memory: int = 0


def figures(resources: Object) -> Figures:
    """kubelet's rule for the requests and limits of a container."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    share = quantity.milli(requests.get("cpu", limits.get("cpu", 0)))
    return Figures(
        shares=max(_MIN_SHARES, share * SHARES_PER_CORE // 1000),
        quota=max(_MIN_QUOTA, quantity.milli(limits["cpu"]) * CPU_PERIOD // 1000) if "cpu" in limits else 0,
        memory=quantity.whole(limits["memory"]) if "memory" in limits else 0,
    )


def bounded(resources: Object, pod: Object) -> Object:
    """A container's resources with the limits of its pod as a whole where it has none of its own: kubelet's rule."""
    whole = (((pod.get("spec") or {}).get("resources") or {}).get("limits")) or {}
    limits = {name: value for name, value in whole.items() if name in RESIZABLE} | (resources.get("limits") or {})
    return {**resources, "limits": limits} if limits else resources


def resizable(resources: Object) -> Object:
    """The part of a container's resources that a resize may change."""
    result: Object = {}
    for part in ("requests", "limits"):
        amounts = {name: value for name, value in (resources.get(part) or {}).items() if name in RESIZABLE}
        if amounts:
            result[part] = amounts
    return result


def same(one: Object, other: Object) -> bool:
    """Whether two containers' resources ask the same, however the amounts are written."""
    return _parsed(one) == _parsed(other)


def _parsed(resources: Object) -> dict[str, dict[str, object]]:
    parts = {part: resources.get(part) or {} for part in ("requests", "limits")}
    return {part: {name: quantity.parse(value) for name, value in amounts.items()} for part, amounts in parts.items()}


def restarts(container: Object, old: Object, new: Object) -> bool:
    """Whether the container has to start anew for this change, by its resizePolicy."""
    policies = {item.get("resourceName"): item.get("restartPolicy") for item in container.get("resizePolicy") or ()}
    before, after = _parsed(resizable(old)), _parsed(resizable(new))
    changed = {
        name
        for name in RESIZABLE
        if any(before[part].get(name) != after[part].get(name) for part in ("requests", "limits"))
    }
    return any(policies.get(name) == "RestartContainer" for name in changed)


def is_infeasible(pod: Object) -> bool:
    """Whether the node will never give what the pod asks now."""
    condition = get_condition(pod, PENDING) or {}
    return condition.get("status") == "True" and condition.get("reason") == INFEASIBLE
