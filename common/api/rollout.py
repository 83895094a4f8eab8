"""What people do with a rollout, as pure functions: how far it is, its history, the way back.

Messages and annotations are kubectl's, so that either tool continues what the other began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import revisions
from .conditions import get_condition
from .kinds import CONTROLLERREVISIONS, DAEMONSETS, DEPLOYMENTS, REPLICASETS, STATEFULSETS, Resource
from .meta import Object, format_time, generation, is_controlled_by, name
from .meta import annotations as annotations_of

REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
POD_TEMPLATE_HASH = "pod-template-hash"
AUTO_ROLLBACK = "quarterdeck.io/auto-rollback"
"""Annotation of a Deployment that shall go back by itself from a revision that fails: `true`."""
ROLLED_BACK = "RolledBack"
"""Condition of a Deployment: it went back by itself (True), or could not (False); the message says why."""
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
"""Annotation of DaemonSets: how often the template changed. Its name is the API's."""


HISTORY: dict[Resource, Resource] = {
    DEPLOYMENTS: REPLICASETS,
    STATEFULSETS: CONTROLLERREVISIONS,
    DAEMONSETS: CONTROLLERREVISIONS,
}
"""The kinds that roll out, and in what each keeps its revisions."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`failed` means that waiting is of no use: the progress deadline has passed."""

    message: str
    done: bool = False
    failed: bool = False


def progress(workload: Object) -> Progress:
    """Where the rollout of a Deployment, StatefulSet or DaemonSet is."""
    return _PROGRESS.get(str(workload.get("kind")), _of_deployment)(workload)


def rolled_back(deployment: Object) -> str:
    """Why the Deployment went back by itself, or could not; empty when it never had to."""
    return str((get_condition(deployment, ROLLED_BACK) or {}).get("message") or "")


def _is_observed(workload: Object) -> bool:
    return generation(workload) <= int((workload.get("status") or {}).get("observedGeneration") or 0)


def _figures(workload: Object, *names: str) -> list[int]:
    status = workload.get("status") or {}
    return [int(status.get(name) or 0) for name in names]


def wants_auto_rollback(deployment: Object) -> bool:
    return annotations_of(deployment).get(AUTO_ROLLBACK) == "true"


def _wanted(workload: Object) -> int:
    replicas = (workload.get("spec") or {}).get("replicas")
    return 1 if replicas is None else int(replicas)


def _of_deployment(deployment: Object) -> Progress:
    what = f'deployment "{name(deployment)}"'
    if not _is_observed(deployment):
        return Progress("Waiting for deployment spec update to be observed...")
    condition = get_condition(deployment, "Progressing") or {}
    if condition.get("reason") == "ProgressDeadlineExceeded":
        return Progress(f"{what} exceeded its progress deadline: {condition.get('message', '')}", failed=True)
    wanted = _wanted(deployment)
    total, updated, available = _figures(deployment, "replicas", "updatedReplicas", "availableReplicas")
    if updated < wanted:
        text = f"{updated} out of {wanted} new replicas have been updated"
    elif total > updated:
        text = f"{total - updated} old replicas are pending termination"
    elif available < updated:
        text = f"{available} of {updated} updated replicas are available"
    elif (get_condition(deployment, ROLLED_BACK) or {}).get("status") == "True":
        return Progress(f"{what} was rolled back: {rolled_back(deployment)}", failed=True)
    else:
        return Progress(f"{what} successfully rolled out", done=True)
    return Progress(f"Waiting for {what} rollout to finish: {text}...")


def update_strategy(workload: Object) -> tuple[str, Object]:
    """The type of a StatefulSet's or DaemonSet's updateStrategy, and its rollingUpdate."""
    strategy = (workload.get("spec") or {}).get("updateStrategy") or {}
    return str(strategy.get("type", "RollingUpdate")), strategy.get("rollingUpdate") or {}


def _by_hand(workload: Object) -> Progress | None:
    kind, _ = update_strategy(workload)
    if kind == "RollingUpdate":
        return None
    return Progress(f"rollout status is only available for RollingUpdate strategy type, not {kind}", failed=True)


def _of_statefulset(statefulset: Object) -> Progress:
    by_hand = _by_hand(statefulset)
    if by_hand is not None:
        return by_hand
    if not _is_observed(statefulset):
        return Progress("Waiting for statefulset spec update to be observed...")
    wanted = _wanted(statefulset)
    ready, updated = _figures(statefulset, "readyReplicas", "updatedReplicas")
    if ready < wanted:
        return Progress(f"Waiting for {wanted - ready} pods to be ready...")
    partition = int(update_strategy(statefulset)[1].get("partition") or 0)
    if partition > 0:
        expected = max(0, wanted - partition)
        if updated < expected:
            text = f"Waiting for partitioned roll out to finish: {updated} out of {expected} new pods have been updated"
            return Progress(f"{text}...")
        return Progress(f"partitioned roll out complete: {updated} new pods have been updated...", done=True)
    status = statefulset.get("status") or {}
    revision = status.get("updateRevision")
    if revision != status.get("currentRevision"):
        text = f"waiting for statefulset rolling update to complete {updated} pods at revision {revision}"
        return Progress(f"{text}...")
    return Progress(f"statefulset rolling update complete {wanted} pods at revision {revision}...", done=True)


def _of_daemonset(daemonset: Object) -> Progress:
    by_hand = _by_hand(daemonset)
    if by_hand is not None:
        return by_hand
    what = f'daemon set "{name(daemonset)}"'
    if not _is_observed(daemonset):
        return Progress("Waiting for daemon set spec update to be observed...")
    figures = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    wanted, updated, available = _figures(daemonset, *figures)
    if updated < wanted:
        text = f"{updated} out of {wanted} new pods have been updated"
    elif available < wanted:
        text = f"{available} of {wanted} updated pods are available"
    else:
        return Progress(f"{what} successfully rolled out", done=True)
    return Progress(f"Waiting for {what} rollout to finish: {text}...")


_PROGRESS: dict[str, Callable[[Object], Progress]] = {
    STATEFULSETS.kind: _of_statefulset,
    DAEMONSETS.kind: _of_daemonset,
}


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision that is kept, in a ReplicaSet or a ControllerRevision."""

    number: int
    change_cause: str
    kept_in: Object

    @property
    def template(self) -> Object:
        """The pod template as a user would write it, without the label that tells the revisions apart."""
        if "data" in self.kept_in:
            return revisions.template_of(self.kept_in)
        template = (self.kept_in.get("spec") or {}).get("template") or {}
        metadata = template.get("metadata") or {}
        kept = {key: value for key, value in (metadata.get("labels") or {}).items() if key != POD_TEMPLATE_HASH}
        return {**template, "metadata": {**metadata, "labels": kept}}


def revision_number(kept_in: Object) -> int:
    """The number of a ReplicaSet or ControllerRevision among its workload's revisions, 0 when it has none."""
    if "data" in kept_in:
        return revisions.number(kept_in)
    text = annotations_of(kept_in).get(REVISION, "")
    return int(text) if text.isdecimal() else 0


def history(workload: Object, kept_in: Iterable[Object]) -> list[Revision]:
    """The revisions that are kept, oldest first, of all ReplicaSets or ControllerRevisions of the namespace."""
    own = [item for item in kept_in if is_controlled_by(item, workload)]
    found = [
        Revision(number, annotations_of(item).get(CHANGE_CAUSE, ""), item)
        for item in own
        if (number := revision_number(item))
    ]
    return sorted(found, key=lambda revision: revision.number)


class NoRevision(Exception):
    """There is no such revision to go back to; the message lists those that are kept."""


def revision_to_undo(known: list[Revision], number: int = 0) -> Revision:
    """Revision `number`, or with 0 the one before the newest."""
    kept = ", ".join(str(revision.number) for revision in known) or "none"
    if number == 0:
        if len(known) < 2:
            raise NoRevision(f"no rollout history found to go back to; revisions kept: {kept}")
        return known[-2]
    for revision in known:
        if revision.number == number:
            return revision
    raise NoRevision(f"unable to find revision {number}; revisions kept: {kept}")


def undo_patch(workload: Object, revision: Revision) -> list[Any]:
    """A JSON patch that brings the revision's template back; the test refuses a namesake made meanwhile."""
    patch: list[Any] = [
        {"op": "test", "path": "/metadata/uid", "value": (workload.get("metadata") or {}).get("uid")},
        {"op": "replace", "path": "/spec/template", "value": revision.template},
    ]
    cause = {"op": "add", "path": "/metadata/annotations/kubernetes.io~1change-cause", "value": revision.change_cause}
    return [*patch, cause] if revision.change_cause and annotations_of(workload) else patch


def restart_patch(now: datetime) -> Object:
    """A merge patch that makes every pod be replaced in the workload's own way."""
    return {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: format_time(now)}}}}}


def pause_patch(*, paused: bool) -> Object:
    return {"spec": {"paused": True if paused else None}}
