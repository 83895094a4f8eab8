"""A rollout, replica by replica: old or new, ready or not, and what the strategy still demands.

Revisions and the patches that steer a rollout are in `common.api.rollout`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from common.api import conditions, intstr, meta, pods, revisions, rollout
from common.api.kinds import DAEMONSETS, STATEFULSETS
from common.api.meta import Object

from .status import Status, Tone, pod_status

revision = rollout.revision_number


def owned_by(workload: Object, kept_in: Iterable[Object]) -> list[Object]:
    """Its ReplicaSets or ControllerRevisions, oldest revision first."""
    return sorted((item for item in kept_in if meta.is_controlled_by(item, workload)), key=revision)


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
    """Counts of replicas; `needed` is how many must stay available, `most` how many may exist. `revision` is the one
    that is rolled out."""

    status: Status
    message: str
    wanted: int
    updated: int
    ready_new: int
    available: int
    total: int
    needed: int
    most: int
    revision: int
    replicas: tuple[Replica, ...]

    @property
    def complete(self) -> bool:
        return self.status.tone in {Tone.OK, Tone.DONE}


def progress(workload: Object, kept_in: Iterable[Object], all_pods: Iterable[Object], now: datetime) -> Progress:
    """How far the rollout is, from what the objects say. `kept_in` has its ReplicaSets or ControllerRevisions."""
    owned = owned_by(workload, kept_in)
    current = revision(workload) or max(map(revision, owned), default=0)
    replicas = [_replica(pod, number, current, now) for pod, number in _own_pods(workload, owned, all_pods)]
    replicas.sort(key=lambda item: (not item.new, -item.revision, meta.name(item.pod)))
    state = workload.get("status") or {}
    daemons = workload.get("kind") == DAEMONSETS.kind
    wanted = int(state.get("desiredNumberScheduled") or 0) if daemons else int(workload["spec"].get("replicas", 1))
    needed, most = _limits(workload, wanted)
    status, message = standing(workload)
    return Progress(
        status=status,
        message=message,
        wanted=wanted,
        updated=int(state.get("updatedNumberScheduled" if daemons else "updatedReplicas") or 0),
        ready_new=sum(1 for item in replicas if item.new and item.ready),
        available=int(state.get("numberAvailable" if daemons else "availableReplicas") or 0),
        total=len(replicas),
        needed=needed,
        most=most,
        revision=current,
        replicas=tuple(replicas),
    )


def _own_pods(workload: Object, owned: Iterable[Object], all_pods: Iterable[Object]) -> Iterator[tuple[Object, int]]:
    """The workload's pods, each with its revision: a Deployment's by their ReplicaSet, others' by their label."""
    by_uid = {meta.uid(item): revision(item) for item in owned}
    by_label = {label: revision(item) for item in owned for label in (meta.name(item), revisions.hash_of(item))}
    for pod in all_pods:
        ref = meta.controller_of(pod)
        if ref is None:
            continue
        if ref.get("uid") in by_uid:
            yield pod, by_uid[ref["uid"]]
        elif ref.get("uid") == meta.uid(workload):
            yield pod, by_label.get(meta.labels(pod).get(revisions.REVISION_HASH, ""), 0)


def _limits(workload: Object, wanted: int) -> tuple[int, int]:
    """How many pods must stay available, and how many there may be."""
    if workload.get("kind") not in {STATEFULSETS.kind, DAEMONSETS.kind}:
        return _limits_of_deployment(workload.get("spec") or {}, wanted)
    kind, rolling = rollout.update_strategy(workload)
    if kind != "RollingUpdate":
        return 0, wanted
    daemons = workload.get("kind") == DAEMONSETS.kind
    unavailable = intstr.scaled(rolling.get("maxUnavailable", 1), wanted, round_up=daemons)
    surge = intstr.scaled(rolling.get("maxSurge", 0), wanted, round_up=True)
    return max(0, wanted - (unavailable if surge else max(unavailable, 1))), wanted + surge


def _limits_of_deployment(spec: Object, wanted: int) -> tuple[int, int]:
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


def standing(workload: Object) -> tuple[Status, str]:
    """The state of the rollout and a sentence about it, the one that `kubectl rollout status` prints."""
    now = rollout.progress(workload)
    if (workload.get("spec") or {}).get("paused"):
        return Status("Paused", Tone.WARN), "the rollout is held: resume to let it go on"
    reason = rollout.rolled_back(workload)
    if reason and not now.done:
        went_back = (conditions.get_condition(workload, rollout.ROLLED_BACK) or {}).get("status") == "True"
        return Status("Rolled back" if went_back else "Failing", Tone.WARN if went_back else Tone.BAD), reason
    if now.failed and workload.get("kind") in {STATEFULSETS.kind, DAEMONSETS.kind}:
        return Status("By hand", Tone.WARN), "pods take the new template when somebody deletes them (OnDelete)"
    if now.failed:
        return Status("Stuck", Tone.BAD), now.message
    if now.done:
        return Status("Complete", Tone.OK), now.message
    what = now.message.rpartition(": ")[2] if "rollout to finish: " in now.message else now.message
    return Status("Progressing", Tone.BUSY), what.removesuffix("...")


def document(workload: Object, found: Progress) -> Object:
    """The rollout as data: what the screen shows."""
    said = rollout.progress(workload)
    return {
        "kind": workload.get("kind"),
        "namespace": meta.namespace(workload),
        "name": meta.name(workload),
        "status": found.status.word,
        "message": found.message,
        "done": said.done,
        "failed": said.failed,
        "wanted": found.wanted,
        "updated": found.updated,
        "readyNew": found.ready_new,
        "available": found.available,
        "total": found.total,
        "needed": found.needed,
        "most": found.most,
        "revision": found.revision,
        "replicas": [
            {
                "pod": meta.name(item.pod),
                "revision": item.revision,
                "new": item.new,
                "status": item.status.word,
                "ready": item.ready,
                "seconds": round(item.seconds),
                "node": pods.node_name(item.pod),
            }
            for item in found.replicas
        ],
    }


def set_image(container: str, image: str) -> Object:
    """Strategic merge patch that changes one container's image."""
    return {"spec": {"template": {"spec": {"containers": [{"name": container, "image": image}]}}}}
