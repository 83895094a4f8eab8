"""Questions that several components ask about a Pod, answered once."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from fractions import Fraction

from . import quantity
from .conditions import get_condition, is_true, set_condition
from .meta import Object, generation, is_deleting, parse_time
from .resizing import is_infeasible

TERMINAL_PHASES = frozenset({"Succeeded", "Failed"})
DISRUPTED = "DisruptionTarget"
"""Condition of a pod that ends for no fault of its own: evicted, preempted, or its host was lost."""
_QOS_RESOURCES = ("cpu", "memory")
_HOST = r"(?:[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])"
_REPOSITORY = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE_REFERENCE = re.compile(
    rf"(?:{_HOST}(?::\d+)?/)?{_REPOSITORY}(?:/{_REPOSITORY})*(?::\w[-.\w]{{0,127}})?", re.ASCII
)
_MAX_REPOSITORY = 255  # characters


def phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def is_terminal(pod: Object) -> bool:
    """Succeeded or Failed: its containers never run again."""
    return phase(pod) in TERMINAL_PHASES


def with_condition(pod: Object, kind: str, status: str, reason: str, message: str, now: datetime) -> list[Object]:
    """The pod's conditions with that one set, as Kubernetes shows them: no empty texts, of the pod's generation."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    found = set_condition(conditions, kind, status, reason, message, now)
    said = next(item for item in found if item["type"] == kind)
    for field in ("reason", "message"):
        if not said[field]:
            del said[field]
    said["observedGeneration"] = generation(pod)
    said.setdefault("lastProbeTime", None)
    return found


def is_active(pod: Object) -> bool:
    """Counts as a replica: neither ended nor being deleted."""
    return not is_terminal(pod) and not is_deleting(pod)


def is_ready(pod: Object) -> bool:
    return is_true(pod, "Ready")


def is_available(pod: Object, min_ready_seconds: int, now: datetime) -> bool:
    """Ready for at least `min_ready_seconds`."""
    if not is_ready(pod):
        return False
    if min_ready_seconds == 0:
        return True
    condition = get_condition(pod, "Ready") or {}
    since = str(condition.get("lastTransitionTime") or "")
    return bool(since) and parse_time(since) + timedelta(seconds=min_ready_seconds) <= now


def node_name(pod: Object) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")


def ips(pod: Object) -> list[str]:
    """All addresses of the pod, the primary one first."""
    status = pod.get("status") or {}
    found = [str(entry["ip"]) for entry in status.get("podIPs") or () if entry.get("ip")]
    return found or ([str(status["podIP"])] if status.get("podIP") else [])


def requests(pod: Object) -> dict[str, Fraction]:
    """What the pod asks of its node, by resource name, in base units (cores, bytes).

    The documented rule: the sum over app containers and restartable init containers (sidecars), or the largest init
    container together with the sidecars started before it, whichever is more; what the pod asks as a whole stands
    in place of that; plus the pod's overhead. While a resize is under way a container counts with the most of what it
    asks, was allocated and has.
    """
    spec = pod.get("spec") or {}
    total: dict[str, Fraction] = {}
    held = held_apart(pod)
    for container in spec.get("containers") or ():
        _add(total, _effective(container, held, pod))
    peak: dict[str, Fraction] = {}
    sidecars: dict[str, Fraction] = {}
    for container in spec.get("initContainers") or ():
        wanted = _effective(container, held, pod)
        if container.get("restartPolicy") == "Always":
            _add(total, wanted)
            _add(sidecars, wanted)
            wanted = sidecars
        else:
            wanted = {key: wanted.get(key, Fraction()) + sidecars.get(key, Fraction()) for key in {*wanted, *sidecars}}
        for resource, amount in wanted.items():
            peak[resource] = max(peak.get(resource, Fraction()), amount)
    for resource, amount in peak.items():
        total[resource] = max(total.get(resource, Fraction()), amount)
    whole = _requested(spec)
    total |= {resource: amount for resource, amount in whole.items() if is_pod_level(resource)}
    _add(total, {key: quantity.parse(value) for key, value in (spec.get("overhead") or {}).items()})
    return total


def held_apart(pod: Object) -> dict[str, list[Object]]:
    """By container what its node has allocated and given it, for those of which that is not just what they ask."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    shown = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    if not shown:
        return {}
    asked = {
        item.get("name"): (item.get("resources") or {}).get("requests") or {}
        for item in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    }
    held: dict[str, list[Object]] = {}
    for item in shown:
        both = (item.get("allocatedResources"), (item.get("resources") or {}).get("requests"))
        apart = [amounts for amounts in both if amounts and amounts != asked.get(item.get("name"))]
        if apart:
            held[str(item.get("name"))] = apart
    return held


def _effective(container: Object, held: dict[str, list[Object]], pod: Object) -> dict[str, Fraction]:
    apart = held.get(str(container.get("name")))
    if apart is None:
        return _requested(container)
    amounts = {} if is_infeasible(pod) else _requested(container)
    for more in apart:
        for resource, value in more.items():
            amounts[resource] = max(amounts.get(resource, Fraction()), quantity.parse(value))
    return amounts


def is_pod_level(resource: str) -> bool:
    """Whether a pod may ask for it as a whole."""
    return resource in {"cpu", "memory"} or resource.startswith("hugepages-")


def _requested(container: Object) -> dict[str, Fraction]:
    resources = container.get("resources") or {}
    asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {key: quantity.parse(value) for key, value in asked.items()}


def _add(total: dict[str, Fraction], more: dict[str, Fraction]) -> None:
    for resource, amount in more.items():
        total[resource] = total.get(resource, Fraction()) + amount


def default_pull_policy(image: str) -> str:
    """Always for `latest` and for no tag; a digest or another tag says enough, and what is no reference of an image
    has no tag to tell."""
    if "@" in image or len(image) > _MAX_REPOSITORY or not _IMAGE_REFERENCE.fullmatch(image):
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in {"", "latest"} else "IfNotPresent"


def qos_class(pod: Object) -> str:
    """The documented rule for cpu and memory of all containers. Guaranteed: each limits both and requests just that.
    BestEffort: none asks for anything. What the pod asks as a whole decides alone."""
    spec = pod.get("spec") or {}
    if spec.get("resources"):
        asked = [_counted(spec, name) for name in ("requests", "limits")]
        if any(amount for amounts in asked for amount in amounts.values()):
            return "Guaranteed" if _is_guaranteed(spec) else "Burstable"
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    asked = [_counted(container, name) for container in containers for name in ("requests", "limits")]
    if not any(amount for amounts in asked for amount in amounts.values()):
        return "BestEffort"
    return "Guaranteed" if all(map(_is_guaranteed, containers)) else "Burstable"


def _is_guaranteed(container: Object) -> bool:
    limits = _counted(container, "limits")
    requests = {**limits, **_counted(container, "requests")}
    return all(limits.get(name) and limits[name] == requests[name] for name in _QOS_RESOURCES)


def _counted(container: Object, name: str) -> dict[str, Fraction]:
    found = (container.get("resources") or {}).get(name) or {}
    return {key: quantity.parse(value) for key, value in found.items() if key in _QOS_RESOURCES}


def service_account(pod: Object) -> str:
    """The name of the ServiceAccount that the pod runs as."""
    return str((pod.get("spec") or {}).get("serviceAccountName") or "default")
