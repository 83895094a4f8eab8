"""A DaemonSet's status, and when it changes by time alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from common.api.conditions import get_condition
from common.api.meta import Object, generation, parse_time
from common.api.pods import is_ready

from .model import Place, World


def status(world: World, found: Sequence[Place]) -> Object:
    """Counts of nodes by their oldest pod; as in Kubernetes' own JSON the later figures are absent while they are 0."""
    wanted = [place for place in found if place.wanted]
    pods = [place.pods[0] for place in wanted if place.pods]
    ready = [pod for pod in pods if is_ready(pod)]
    available = sum(world.is_available(pod) for pod in ready)
    figures = {
        "observedGeneration": generation(world.owner),
        "updatedNumberScheduled": sum(world.is_new(pod) for pod in pods),
        "numberAvailable": available,
        "numberUnavailable": len(wanted) - available,
        "collisionCount": int((world.owner.get("status") or {}).get("collisionCount") or 0),
    }
    return {
        "currentNumberScheduled": len(pods),
        "numberMisscheduled": sum(1 for place in found if place.pods and not place.wanted),
        "desiredNumberScheduled": len(wanted),
        "numberReady": len(ready),
        **{field: value for field, value in figures.items() if value},
    }


def next_availability(world: World, found: Sequence[Place]) -> float | None:
    """Seconds until a ready pod becomes available, which no event tells; None when none is on the way."""
    seconds = int(world.owner["spec"].get("minReadySeconds") or 0)
    waits = []
    for pod in (pod for place in found for pod in place.pods):
        since = str((get_condition(pod, "Ready") or {}).get("lastTransitionTime") or "")
        if seconds and since and is_ready(pod) and not world.is_available(pod):
            waits.append((parse_time(since) + timedelta(seconds=seconds) - world.now).total_seconds())
    return max(min(waits), 0.0) if waits else None
