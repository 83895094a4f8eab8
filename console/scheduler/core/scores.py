"""Scores and the profiles that weigh them. Every score here is 0 to 1 and depends on one node alone, so that a change
on a node changes that node's scores and no others; what other nodes have a say in is in `relations`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from common.api.taints import untolerated

from .filters import FILTERS, Filter, Refuse
from .model import NodeInfo, PodClass

Measure: TypeAlias = Callable[[PodClass, NodeInfo], float]
_SOFT = frozenset({"PreferNoSchedule"})


def _unwanted(pod: PodClass, node: NodeInfo) -> float:
    if not node.facts.taints:
        return 1.0
    return 1.0 / (1 + 3 * len(untolerated(node.facts.taints, pod.tolerations, _SOFT)))


def _apart(pod: PodClass, node: NodeInfo) -> float:
    """Few replicas of the same workload on the node."""
    return 1.0 / (1 + node.workloads.get(pod.workload, 0)) if pod.workload else 1.0


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


@dataclass(frozen=True)
class Profile:
    """Filters and weighted measures; static ones depend on the node's facts only."""

    name: str
    static: tuple[tuple[float, Measure], ...]
    dynamic: tuple[tuple[float, Measure], ...]
    filters: tuple[Filter, ...] = FILTERS
    extensions: tuple[tuple[float, Measure], ...] = ()
    """Measures of plugins, the same in every profile; dynamic ones."""

    @cached_property
    def _measures(self) -> tuple[tuple[float, Measure], ...]:
        return (*self.dynamic, *self.extensions)

    @cached_property
    def _static_filters(self) -> tuple[Refuse, ...]:
        return tuple(item.refuse for item in self.filters if item.static)

    @cached_property
    def _dynamic_filters(self) -> tuple[Refuse, ...]:
        return tuple(item.refuse for item in self.filters if not item.static)

    def static_score(self, pod: PodClass, node: NodeInfo) -> float | None:
        """None when a static filter refuses the node."""
        for refuse in self._static_filters:
            if refuse(pod, node):
                return None
        total = 0.0
        for weight, measure in self.static:
            total += weight * measure(pod, node)
        return total

    def dynamic_score(self, pod: PodClass, node: NodeInfo) -> float | None:
        """None when a dynamic filter refuses the node."""
        for refuse in self._dynamic_filters:
            if refuse(pod, node):
                return None
        total = 0.0
        for weight, measure in self._measures:
            total += weight * measure(pod, node)
        return total


# Soft taints outweigh what we prefer.
_STATIC: tuple[tuple[float, Measure], ...] = ((8.0, _unwanted),)
PROFILES = {
    # A second replica rather starts an unused node than joins the first (4 -> 2 is more than in use and fit together);
    # from there on spreading weighs less and less against packing.
    "pack": Profile("pack", _STATIC, ((4.0, _apart), (1.0, _in_use), (1.0, _best_fit))),
    "spread": Profile("spread", _STATIC, ((2.0, _apart), (1.0, _least_allocated), (1.0, _balanced))),
}
DEFAULT_SCHEDULER = "default-scheduler"
SCHEDULERS = {"quarterdeck-pack": "pack", "quarterdeck-spread": "spread"}
"""Names for a pod's `schedulerName` that choose a profile, besides the default scheduler's."""


def profile(name: str) -> Profile:
    """The profile of that name; ValueError names those that there are."""
    found = PROFILES.get(name)
    if found is None:
        raise ValueError(f"scheduler profile {name!r} is unknown: allowed are {', '.join(sorted(PROFILES))}")
    return found


def profile_for(kind: PodClass, default: Profile) -> Profile:
    """The profile that the pod asks for by its scheduler's name, else the cluster's."""
    chosen = SCHEDULERS.get(kind.scheduler)
    if chosen is None or chosen == default.name:
        return default
    found = PROFILES[chosen]
    return replace(found, filters=default.filters, extensions=default.extensions)
