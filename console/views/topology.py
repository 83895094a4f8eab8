"""The cluster as boxes: each node with its addresses, what presses it, and its pods in proportion to what they ask.

Pure: nodes and pods in, plain data out. The command prints the data, the console draws it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from common.api import pods
from common.api.conditions import get_condition, is_true
from common.api.meta import Object, key, labels, name
from common.api.quantity import format_bytes, format_milli

from . import amounts
from .status import pod_status

RESOURCES = ("cpu", "memory")
_ZONE = "topology.kubernetes.io/zone"
_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


def topology(nodes: Iterable[Object], all_pods: Iterable[Object]) -> list[Object]:
    """A box per node by name, as data that can be printed: see `_box`."""
    there: dict[str, list[Object]] = {}
    for pod in all_pods:
        if not pods.is_terminal(pod):
            there.setdefault(pods.node_name(pod), []).append(pod)
    return [_box(node, there.get(name(node), [])) for node in sorted(nodes, key=name)]


def waiting(all_pods: Iterable[Object]) -> int:
    """How many pods have no node."""
    return sum(1 for pod in all_pods if not pods.node_name(pod) and not pods.is_terminal(pod))


def _box(node: Object, on_it: Sequence[Object]) -> Object:
    """`asked` and `allocatable` are quantities, `percent` their share; pods come with the biggest first."""
    offered = amounts.allocatable(node)
    asks = {str(key(pod)): pods.requests(pod) for pod in on_it}
    asked = {item: sum((one.get(item, Fraction()) for one in asks.values()), Fraction()) for item in RESOURCES}
    ordered = sorted(on_it, key=lambda pod: (-_weight(asks[str(key(pod))], offered), str(key(pod))))
    return {
        "name": name(node),
        "ready": is_true(node, "Ready"),
        "unschedulable": bool((node.get("spec") or {}).get("unschedulable")),
        "zone": labels(node).get(_ZONE, ""),
        "addresses": _addresses(node),
        "podCIDRs": list((node.get("spec") or {}).get("podCIDRs") or ()),
        "pressure": [kind for kind in _PRESSURES if is_true(node, kind)],
        "allocatable": {item: written(item, offered.get(item, Fraction())) for item in RESOURCES},
        "asked": {item: written(item, asked[item]) for item in RESOURCES},
        "percent": {item: amounts.share(asked[item], offered.get(item, Fraction())) for item in RESOURCES},
        "pods": [_block(pod, asks[str(key(pod))]) for pod in ordered],
        "reason": str((get_condition(node, "Ready") or {}).get("reason") or ""),
    }


def _weight(asked: dict[str, Fraction], offered: dict[str, Fraction]) -> Fraction:
    """The larger of the shares of the node that the pod asks for."""
    return max(
        (asked.get(item, Fraction()) / offered[item] for item in RESOURCES if offered.get(item)), default=Fraction()
    )


def _block(pod: Object, asked: dict[str, Fraction]) -> Object:
    where = key(pod)
    addresses = [str(item.get("ip")) for item in (pod.get("status") or {}).get("podIPs") or ()]
    return {
        "namespace": where.namespace,
        "name": where.name,
        "status": pod_status(pod).word,
        "addresses": addresses,
        **{item: written(item, asked.get(item, Fraction())) for item in RESOURCES},
    }


def _addresses(node: Object) -> list[str]:
    found = (node.get("status") or {}).get("addresses") or ()
    return [str(item.get("address")) for item in found if item.get("type") == "InternalIP"]


def written(resource: str, value: Fraction) -> str:
    """The amount as the API writes it."""
    return format_milli(int(value * 1000)) if resource == "cpu" else format_bytes(int(value))


def cells(parts: Sequence[Fraction], whole: Fraction, width: int) -> list[int]:
    """How many of `width` cells each part of the whole gets. Ends are rounded, so that the sum never drifts; what asks
    for something gets a cell while there is room for it. While something is free, so is a cell."""
    if not whole:
        return [0] * len(parts)
    room = width if sum(parts) >= whole else max(width - 1, 1)
    sizes: list[int] = []
    total = Fraction()
    drawn = 0
    for part in parts:
        total += part
        end = min(round(total / whole * width), room)
        if part and end <= drawn < room:
            end = drawn + 1
        sizes.append(max(end - drawn, 0))
        drawn += sizes[-1]
    return sizes
