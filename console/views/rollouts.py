"""A Deployment's rollout, replica by replica: old or new, ready or not, and what the strategy still demands.

Revisions and the patches that steer a rollout are in `common.api.rollout`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from common.api import conditions, intstr, meta, pods, rollout
from common.api.meta import Object

from .status import Status, Tone, pod_status


def revision(obj: Object) -> int:
    """The revision of a Deployment or ReplicaSet, 0 when it has none."""
    text = meta.annotations(obj).get(rollout.REVISION, "")
    return int(text) if text.isdecimal() else 0


def owned_by(deployment: Object, replicasets: Iterable[Object]) -> list[Object]:
    """Its ReplicaSets, oldest revision first."""
    return sorted((item for item in replicasets if meta.is_controlled_by(item, deployment)), key=revision)


@dataclass(frozen=True, slots=True)
class Replica:
    """One pod of the rollout. `seconds`: since it became ready, or since it was made when it is not."""

    pod: Object
    revision: int
    new: bool
    status: Status
    ready: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of replicas; `needed` is how many must stay available, `most` how many may exist."""

    status: Status
    message: str
    wanted: int
    updated: int
    ready_new: int
    available: int
    total: int
    needed: int
    most: int
    replicas: tuple[Replica, ...]

    @property
    def complete(self) -> bool:
        return self.status.tone in {Tone.OK, Tone.DONE}


def progress(deployment: Object, replicasets: Iterable[Object], all_pods: Iterable[Object], now: datetime) -> Progress:
    """How far the rollout is, from what the objects say."""
    owned = owned_by(deployment, replicasets)
    current = revision(deployment)
    by_uid = {meta.uid(item): revision(item) for item in owned}
    replicas = [
        _replica(pod, by_uid[ref["uid"]], current, now)
        for pod in all_pods
        if (ref := meta.controller_of(pod)) is not None and ref.get("uid") in by_uid
    ]
    replicas.sort(key=lambda item: (not item.new, -item.revision, meta.name(item.pod)))
    spec, state = deployment.get("spec") or {}, deployment.get("status") or {}
    wanted = int(spec.get("replicas", 1))
    needed, most = _limits(spec, wanted)
    status, message = standing(deployment)
    return Progress(
        status=status,
        message=message,
        wanted=wanted,
        updated=int(state.get("updatedReplicas") or 0),
        ready_new=sum(1 for item in replicas if item.new and item.ready),
        available=int(state.get("availableReplicas") or 0),
        total=len(replicas),
        needed=needed,
        most=most,
        replicas=tuple(replicas),
    )


def _limits(spec: Object, wanted: int) -> tuple[int, int]:
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, wanted
    rolling = strategy.get("rollingUpdate") or {}
    surge = intstr.scaled(rolling.get("maxSurge", "25%"), wanted, round_up=True)
    unavailable = intstr.scaled(rolling.get("maxUnavailable", "25%"), wanted, round_up=False)
    if surge == 0 and unavailable == 0:  # both rounded to nothing: one may go, or nothing could ever happen
        unavailable = 1
    return wanted - min(unavailable, wanted), wanted + surge


def _replica(pod: Object, number: int, current: int, now: datetime) -> Replica:
    ready = pods.is_ready(pod)
    moment = meta.metadata(pod).get("creationTimestamp")
    if ready:
        moment = (conditions.get_condition(pod, "Ready") or {}).get("lastTransitionTime") or moment
    seconds = (now - meta.parse_time(moment)).total_seconds() if moment else 0.0
    return Replica(pod, number, number == current, pod_status(pod), ready, max(seconds, 0.0))


def standing(deployment: Object) -> tuple[Status, str]:
    """The state of the rollout and a sentence about it, the one that `kubectl rollout status` prints."""
    now = rollout.progress(deployment)
    if (deployment.get("spec") or {}).get("paused"):
        return Status("Paused", Tone.WARN), "the rollout is held: resume to let it go on"
    if now.failed:
        return Status("Stuck", Tone.BAD), now.message
    if now.done:
        return Status("Complete", Tone.OK), now.message
    what = now.message.rpartition(": ")[2] if "rollout to finish: " in now.message else now.message
    return Status("Progressing", Tone.BUSY), what.removesuffix("...")


def set_image(container: str, image: str) -> Object:
    """Strategic merge patch that changes one container's image."""
    return {"spec": {"template": {"spec": {"containers": [{"name": container, "image": image}]}}}}
