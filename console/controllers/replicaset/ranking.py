"""Which pods go first when a ReplicaSet shrinks.

Kubernetes' documented order: pods without a node, then pending ones, then those not ready, then the lowest
`pod-deletion-cost`, then where most siblings share a node, then the least time ready, the most restarts, the youngest.
Ages count in powers of two, so that equal-aged pods are chosen evenly (by uid) instead of always the newest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from common.api.conditions import get_condition
from common.api.meta import Object, metadata, parse_time, uid
from common.api.pods import is_ready, node_name, phase

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASE_ORDER = {"Pending": 0, "Unknown": 1, "Running": 2}
Rank: TypeAlias = tuple[bool, int, bool, int, int, int, int, int, str]


def first_to_go(pods: Iterable[Object], siblings_on: Mapping[str, int], now: datetime) -> list[Object]:
    """The pods in the order in which they go; `siblings_on` counts active pods of the same workload by node name."""
    return sorted(pods, key=lambda pod: _rank(pod, siblings_on, now))


def _rank(pod: Object, siblings_on: Mapping[str, int], now: datetime) -> Rank:
    node = node_name(pod)
    ready = is_ready(pod)
    return (
        bool(node),
        _PHASE_ORDER.get(phase(pod), 3),
        ready,
        deletion_cost(pod),
        -siblings_on.get(node, 0),
        _age_class(_ready_since(pod), now) if ready else 0,
        -_restarts(pod),
        _age_class(str(metadata(pod).get("creationTimestamp") or ""), now),
        uid(pod),
    )


def deletion_cost(pod: Object) -> int:
    """The annotation's value; anything but a 32-bit integer counts as 0."""
    text = (metadata(pod).get("annotations") or {}).get(DELETION_COST, "0")
    try:
        cost = int(text)
    except ValueError:
        return 0
    return cost if -(2**31) <= cost < 2**31 else 0


def _ready_since(pod: Object) -> str:
    return str((get_condition(pod, "Ready") or {}).get("lastTransitionTime") or "")


def _age_class(moment: str, now: datetime) -> int:
    """The age's power of two in seconds; an unknown age is the youngest."""
    seconds = (now - parse_time(moment)).total_seconds() if moment else 0.0
    return int(math.log2(seconds)) if seconds >= 1 else -1


def _restarts(pod: Object) -> int:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return max((int(status.get("restartCount", 0)) for status in statuses), default=0)
