"""A StatefulSet's status, and when it changes by time alone. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.api.conditions import get_condition
from common.api.meta import Object, generation, is_deleting, name, parse_time
from common.api.pods import is_available

from .identity import revision_name
from .model import Spec, World, is_running_and_ready


def status(world: World, spec: Spec, collisions: int) -> Object:
    """Counts and revisions; as in Kubernetes' own JSON most figures are absent while they are 0."""
    current, newest = name(world.current), name(world.update)
    staying = [revision_name(pod) for pod in world.pods if not is_deleting(pod)]
    ready = [pod for pod in world.pods if is_running_and_ready(pod)]
    updated = staying.count(newest)
    if spec.rolling and updated == len(ready) == len(world.pods) == spec.replicas:
        current = newest  # the rollout is through
    figures = {
        "observedGeneration": generation(world.owner),
        "readyReplicas": len(ready),
        "currentReplicas": staying.count(current),
        "updatedReplicas": updated,
    }
    return {
        "replicas": len(world.pods),
        "availableReplicas": sum(is_available(pod, spec.min_ready_seconds, world.now) for pod in ready),
        **{field: value for field, value in figures.items() if value},
        "currentRevision": current,
        "updateRevision": newest,
        "collisionCount": collisions,
    }


def next_availability(world: World, spec: Spec) -> float | None:
    """Seconds until a ready pod becomes available, which no event tells; None when none is on the way."""
    if spec.min_ready_seconds == 0:
        return None
    waits = [_until_available(pod, spec, world.now) for pod in world.pods if is_running_and_ready(pod)]
    return min((wait for wait in waits if wait is not None), default=None)


def _until_available(pod: Object, spec: Spec, now: datetime) -> float | None:
    since = str((get_condition(pod, "Ready") or {}).get("lastTransitionTime") or "")
    if not since or is_available(pod, spec.min_ready_seconds, now):
        return None
    return max((parse_time(since) + timedelta(seconds=spec.min_ready_seconds) - now).total_seconds(), 0.0)
