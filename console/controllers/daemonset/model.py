"""Typed values of a DaemonSet: what it asks for, and what is on each node. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.api.intstr import scaled
from common.api.meta import Object, is_deleting, labels, metadata, name
from common.api.pods import is_available, is_terminal, node_name
from common.api.revisions import REVISION_HASH

from .nodes import fits, target


@dataclass(frozen=True, slots=True)
class World:
    """What a plan is made from. `pods` are the DaemonSet's own, `digest` is the hash of its template; on the nodes in
    `held` a pod failed a moment ago, and is left alone until it may be tried again."""

    owner: Object
    digest: str
    nodes: Sequence[Object]
    pods: Sequence[Object]
    held: frozenset[str]
    now: datetime

    def is_new(self, pod: Object) -> bool:
        return labels(pod).get(REVISION_HASH) == self.digest

    def is_available(self, pod: Object) -> bool:
        return is_available(pod, int(self.owner["spec"].get("minReadySeconds") or 0), self.now)


@dataclass(frozen=True, slots=True)
class Place:
    """One node: whether a pod shall come or may stay, and the pods that are there, the one to keep first."""

    node: str
    wanted: bool
    allowed: bool
    pods: tuple[Object, ...]

    @property
    def staying(self) -> list[Object]:
        return [pod for pod in self.pods if not is_deleting(pod)]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many nodes may be without an available pod, or have two, during an update."""

    unavailable: int
    surge: int

    @classmethod
    def of(cls, owner: Object, desired: int) -> Limits:
        rolling = (owner["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
        unavailable = scaled(rolling.get("maxUnavailable", 1), desired, round_up=True)
        surge = scaled(rolling.get("maxSurge", 0), desired, round_up=True)
        return cls(1 if unavailable == 0 and surge == 0 else unavailable, surge)


def is_rolling(owner: Object) -> bool:
    return str((owner["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate")) == "RollingUpdate"


def places(world: World) -> list[Place]:
    """Every node that is there, by name. Pods for nodes that are not are for the pod garbage collector."""
    on: dict[str, list[Object]] = {}
    for pod in world.pods:
        if not (is_terminal(pod) and is_deleting(pod)):
            on.setdefault(target(pod), []).append(pod)
    found = []
    for node in sorted(world.nodes, key=name):
        wanted, allowed = fits(world.owner, node)
        found.append(Place(name(node), wanted, allowed, tuple(oldest_first(on.get(name(node), ())))))
    return found


def oldest_first(pods: Iterable[Object]) -> list[Object]:
    """Those with a node before those without, then by age."""
    return sorted(
        pods, key=lambda pod: (not node_name(pod), str(metadata(pod).get("creationTimestamp", "")), name(pod))
    )
