"""Scores and the profiles that weigh them. Every score is 0 to 1 and depends on one node alone, so that a change on a
node changes that node's scores and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from common.api.taints import untolerated

from .filters import DYNAMIC, STATIC
from .model import NodeInfo, PodClass

Measure: TypeAlias = Callable[[PodClass, NodeInfo], float]
_SOFT = frozenset({"PreferNoSchedule"})


def _preference(pod: PodClass, node: NodeInfo) -> float:
    return pod.affinity.preference(node.labels, node.name) if pod.affinity.preferred else 0.0


def _unwanted(pod: PodClass, node: NodeInfo) -> float:
    if not node.facts.taints:
        return 1.0
    return 1.0 / (1 + len(untolerated(node.facts.taints, pod.tolerations, _SOFT)))


def _apart(pod: PodClass, node: NodeInfo) -> float:
    """Few replicas of the same workload on the node."""
    return 1.0 / (1 + node.workloads.get(pod.workload, 0))


def _in_use(_pod: PodClass, node: NodeInfo) -> float:
    return 1.0 if node.pods else 0.0


def _left(pod: PodClass, node: NodeInfo) -> tuple[float, float]:
    """The shares of cpu and memory that stay free with the pod on the node."""
    cpu = node.allocatable.get("cpu", 0)
    memory = node.allocatable.get("memory", 0)
    free_cpu = (cpu - node.scored_cpu - pod.scored_cpu) / cpu if cpu else 0.0
    free_memory = (memory - node.scored_memory - pod.scored_memory) / memory if memory else 0.0
    return max(free_cpu, 0.0), max(free_memory, 0.0)


def _best_fit(pod: PodClass, node: NodeInfo) -> float:
    """Little is left of what is left most: the dominant residual is small; the other one decides between equals."""
    left = _left(pod, node)
    return 1.0 - 0.9 * max(left) - 0.1 * min(left)


def _least_allocated(pod: PodClass, node: NodeInfo) -> float:
    cpu, memory = _left(pod, node)
    return (cpu + memory) / 2


def _balanced(pod: PodClass, node: NodeInfo) -> float:
    cpu, memory = _left(pod, node)
    return 1.0 - abs(cpu - memory) / 2


@dataclass(frozen=True, slots=True)
class Profile:
    """Weighted measures; static ones depend on the node's facts only."""

    name: str
    static: tuple[tuple[float, Measure], ...]
    dynamic: tuple[tuple[float, Measure], ...]

    def static_score(self, pod: PodClass, node: NodeInfo) -> float | None:
        """None when a static filter refuses the node."""
        for refuse in STATIC:
            if refuse(pod, node):
                return None
        total = 0.0
        for weight, measure in self.static:
            total += weight * measure(pod, node)
        return total

    def dynamic_score(self, pod: PodClass, node: NodeInfo) -> float | None:
        """None when a dynamic filter refuses the node."""
        for refuse in DYNAMIC:
            if refuse(pod, node):
                return None
        total = 0.0
        for weight, measure in self.dynamic:
            total += weight * measure(pod, node)
        return total

    def score(self, pod: PodClass, node: NodeInfo) -> float | None:
        """The whole score, None when the node will not do. Rows add the same two halves, so both choose alike."""
        static = self.static_score(pod, node)
        dynamic = self.dynamic_score(pod, node)
        return None if static is None or dynamic is None else static + dynamic


# What users write (preferences, soft taints) outweighs what we prefer.
_STATIC: tuple[tuple[float, Measure], ...] = ((5.0, _preference), (6.0, _unwanted))
PROFILES = {
    # A second replica rather starts an unused node than joins the first (4 -> 2 is more than in use and fit together);
    # from there on spreading weighs less and less against packing.
    "pack": Profile("pack", _STATIC, ((4.0, _apart), (1.0, _in_use), (1.0, _best_fit))),
    "spread": Profile("spread", _STATIC, ((2.0, _apart), (1.0, _least_allocated), (1.0, _balanced))),
}


def profile(name: str) -> Profile:
    """The profile of that name; ValueError names those that there are."""
    found = PROFILES.get(name)
    if found is None:
        raise ValueError(f"scheduler profile {name!r} is unknown: allowed are {', '.join(sorted(PROFILES))}")
    return found
