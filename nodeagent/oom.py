"""Whom the kernel kills first when the machine has no memory left, by Kubernetes' table of QoS classes.

A score below that of the engine needs CAP_SYS_RESOURCE. Where a host withholds it (in a container mostly) scores stop
at 0: guaranteed pods then lose their lead over the processes of the machine, and pods still die in the right order.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from common.api import quantity
from common.api.meta import Object
from common.api.pods import qos_class

_SANDBOX = -998  # what owns a pod's namespaces: without it all its containers start anew
_GUARANTEED, _BEST_EFFORT = -997, 1000
_CAP_SYS_RESOURCE = 1 << 24
_CRITICAL_PRIORITY = 2_000_000_000


def score(pod: Object, container: Object, memory: object) -> int:
    """The container's oom_score_adj; `memory` is what the node can give, as the API writes it. Who asked for more of
    it may use more before the kernel turns to it."""
    return max(_score(pod, container, memory), lowest())


def sandbox() -> int:
    """The score of a pod's sandbox."""
    return max(_SANDBOX, lowest())


@cache
def lowest() -> int:
    """The lowest score that may be given on this host."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return -1000 if int(line.split()[1], 16) & _CAP_SYS_RESOURCE else 0
    return 0


def _score(pod: Object, container: Object, memory: object) -> int:
    if int((pod.get("spec") or {}).get("priority") or 0) >= _CRITICAL_PRIORITY:
        return _GUARANTEED
    match qos_class(pod):
        case "Guaranteed":
            return _GUARANTEED
        case "BestEffort":
            return _BEST_EFFORT
    capacity = quantity.whole(str(memory)) or 1
    resources = container.get("resources") or {}
    asked = (resources.get("requests") or {}).get("memory") or (resources.get("limits") or {}).get("memory") or "0"
    return min(max(1000 - 1000 * quantity.whole(asked) // capacity, 3), _BEST_EFFORT - 1)
