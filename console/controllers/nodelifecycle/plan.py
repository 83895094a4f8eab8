"""Taints from conditions, and when pods have to leave. Pure.

Nothing is moved while no node at all is Ready: with one node there is nowhere to go, and when every node seems lost it
is more likely the control plane that is cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from common.api.conditions import get_condition
from common.api.meta import Object, format_time
from common.api.taints import Taint, taints_of, tolerations_of

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
CORDONED = "node.kubernetes.io/unschedulable"
# Condition -> the status that is bad -> the taint that keeps new pods away; Kubernetes' table.
_PRESSURE = (
    ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", "node.kubernetes.io/pid-pressure"),
    ("NetworkUnavailable", "node.kubernetes.io/network-unavailable"),
)
_OURS = frozenset({NOT_READY, UNREACHABLE, CORDONED, *(taint for _, taint in _PRESSURE)})


def readiness(node: Object) -> str:
    """`True`, `False` or `Unknown`; a node that never reported is `Unknown`."""
    return str((get_condition(node, "Ready") or {}).get("status") or "Unknown")


def wanted_taints(node: Object, evict: bool) -> list[Taint]:
    """The taints that the node's conditions ask for; `evict` says whether pods may be sent away."""
    taints = []
    ready = readiness(node)
    if ready != "True":
        cause = NOT_READY if ready == "False" else UNREACHABLE
        taints.append(Taint(cause, "", "NoSchedule"))
        if evict:
            taints.append(Taint(cause, "", "NoExecute"))
    for condition, taint in _PRESSURE:
        if (get_condition(node, condition) or {}).get("status") == "True":
            taints.append(Taint(taint, "", "NoSchedule"))
    if (node.get("spec") or {}).get("unschedulable"):
        taints.append(Taint(CORDONED, "", "NoSchedule"))
    return taints


def revised_taints(node: Object, evict: bool, now: datetime) -> list[Object] | None:
    """The node's whole taint list as it should be, None when it is so already. Taints of others are kept."""
    wanted = wanted_taints(node, evict)
    present = (node.get("spec") or {}).get("taints") or []
    kept = [item for item in present if item["key"] not in _OURS or Taint.of(item) in wanted]
    missing = [taint for taint in wanted if taint not in taints_of(node)]
    if not missing and len(kept) == len(present):
        return None
    moment = format_time(now)
    new = [
        {"key": taint.key, "effect": taint.effect} | ({"timeAdded": moment} if taint.effect == "NoExecute" else {})
        for taint in missing
    ]
    return [*kept, *new]


@dataclass(frozen=True, slots=True)
class Leaving:
    """A pod that has to go in `seconds`; 0 is now."""

    pod: Object
    seconds: float


def leaving(node: Object, pods: Iterable[Object], since: Callable[[Taint], float], monotonic: float) -> list[Leaving]:
    """The pods that do not tolerate the node's NoExecute taints for good. `since` is when (monotonic) a taint was
    first seen."""
    taints = [taint for taint in taints_of(node) if taint.effect == "NoExecute"]
    if not taints:
        return []
    result = []
    for pod in pods:
        deadline = _deadline(pod, taints, since)
        if deadline is not None:
            result.append(Leaving(pod, max(0.0, deadline - monotonic)))
    return result


def _deadline(pod: Object, taints: list[Taint], since: Callable[[Taint], float]) -> float | None:
    """When the pod's tolerations end, None for never: the shortest of all that apply counts."""
    tolerations = tolerations_of(pod)
    deadlines = []
    for taint in taints:
        matching = [toleration for toleration in tolerations if toleration.tolerates(taint)]
        limits = [toleration.seconds for toleration in matching if toleration.seconds is not None]
        if not matching:
            deadlines.append(since(taint))
        elif limits:
            deadlines.append(since(taint) + max(0, min(limits)))
    return min(deadlines, default=None)
