"""Filters: what can make a node unfit for a pod. Each phrases its own refusal, in Kubernetes' words.

A static filter looks only at the node's facts, a dynamic one also at the pods on it; rows of scores work a static one
out once a node. What depends on pods elsewhere too is in `relations`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from common.api.taints import Taint, untolerated

from . import volumes
from .model import HARD, NodeInfo, PodClass
from .refusal import Refusal

Refuse: TypeAlias = Callable[[PodClass, NodeInfo], tuple[str, ...]]
_CORDONED = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")


@dataclass(frozen=True, slots=True)
class Filter:
    """`refuse` returns every reason, none when the node will do. `resolvable` says whether removing pods could help;
    `counted` replaces the reasons in the message about all nodes."""

    name: str
    refuse: Refuse
    static: bool
    resolvable: bool | Callable[[PodClass, NodeInfo], bool]
    counted: str = ""


UNSCHEDULABLE = Refusal(
    "NodeUnschedulable", ("node(s) were unschedulable",), ("node(s) were unschedulable",), resolvable=False
)
"""What a cordoned node says."""


def _unschedulable(pod: PodClass, node: NodeInfo) -> tuple[str, ...]:
    if node.facts.unschedulable and untolerated((_CORDONED,), pod.tolerations, HARD):
        return UNSCHEDULABLE.reasons
    return ()


def _taints(pod: PodClass, node: NodeInfo) -> tuple[str, ...]:
    if not node.facts.taints:
        return ()
    refused = untolerated(node.facts.taints, pod.tolerations, HARD)
    return tuple(dict.fromkeys(f"node(s) had untolerated taint {taint}" for taint in refused))


def _affinity(pod: PodClass, node: NodeInfo) -> tuple[str, ...]:
    if pod.affinity.names is not None and node.name not in pod.affinity.names:
        return ("node(s) didn't satisfy plugin(s) [NodeAffinity]",)
    if pod.affinity.allows(node.labels, node.name):
        return ()
    return ("node(s) didn't match Pod's node affinity/selector",)


def _ports(pod: PodClass, node: NodeInfo) -> tuple[str, ...]:
    if pod.ports and any(count and port.clashes(wanted) for wanted in pod.ports for port, count in node.ports.items()):
        return ("node(s) didn't have free ports for the requested pod ports",)
    return ()


def _resources(pod: PodClass, node: NodeInfo) -> tuple[str, ...]:
    free = node.free
    lacking = tuple([f"Insufficient {item}" for item, amount in pod.requests if amount > free.get(item, 0)])
    return lacking if node.pod_room > 0 else ("Too many pods", *lacking)


def _volume_restrictions(pod: PodClass, node: NodeInfo) -> tuple[str, ...]:
    return volumes.restrictions(pod.volumes, node.name)


def _volume_binding(pod: PodClass, node: NodeInfo) -> tuple[str, ...]:
    return (pod.volumes.blocked,) if pod.volumes.blocked else volumes.binding(pod.volumes, node.labels, node.name)


def _could_fit(pod: PodClass, node: NodeInfo) -> bool:
    """Whether the node would do if it were empty."""
    return all(amount <= node.allocatable.get(item, 0) for item, amount in pod.requests)


FILTERS: tuple[Filter, ...] = (
    Filter("NodeUnschedulable", _unschedulable, static=True, resolvable=False),
    Filter(
        "TaintToleration", _taints, static=True, resolvable=False, counted="node(s) had untolerated taint(s)"
    ),
    Filter("NodeAffinity", _affinity, static=True, resolvable=False),
    Filter("NodePorts", _ports, static=False, resolvable=True),
    Filter("NodeResourcesFit", _resources, static=False, resolvable=_could_fit),
    Filter("VolumeRestrictions", _volume_restrictions, static=True, resolvable=True),
    Filter("VolumeBinding", _volume_binding, static=True, resolvable=False),
)  # fmt: skip


def refusals_of(filters: tuple[Filter, ...], pod: PodClass, node: NodeInfo) -> Iterator[Refusal]:
    """What each of the filters has against the node, in their order."""
    for item in filters:
        reasons = item.refuse(pod, node)
        if reasons:
            resolvable = item.resolvable if isinstance(item.resolvable, bool) else item.resolvable(pod, node)
            yield Refusal(item.name, reasons, (item.counted,) if item.counted else reasons, resolvable)
