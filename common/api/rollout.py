"""What people do with a Deployment's rollout, as pure functions: how far it is, its history, the way back.

Messages and annotations are kubectl's, so that either tool continues what the other began.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .conditions import get_condition
from .meta import Object, format_time, generation, is_controlled_by, name
from .meta import annotations as annotations_of

REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
POD_TEMPLATE_HASH = "pod-template-hash"
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
"""Annotation of DaemonSets: how often the template changed. Its name is the API's."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`failed` means that waiting is of no use: the progress deadline has passed."""

    message: str
    done: bool = False
    failed: bool = False


def progress(deployment: Object) -> Progress:
    """Where a rollout is."""
    what = f'deployment "{name(deployment)}"'
    status = deployment.get("status") or {}
    if generation(deployment) > int(status.get("observedGeneration") or 0):
        return Progress("Waiting for deployment spec update to be observed...")
    condition = get_condition(deployment, "Progressing") or {}
    if condition.get("reason") == "ProgressDeadlineExceeded":
        return Progress(f"{what} exceeded its progress deadline: {condition.get('message', '')}", failed=True)
    replicas = (deployment.get("spec") or {}).get("replicas")
    wanted = 1 if replicas is None else int(replicas)
    total, updated, available = (
        int(status.get(key) or 0) for key in ("replicas", "updatedReplicas", "availableReplicas")
    )
    if updated < wanted:
        text = f"{updated} out of {wanted} new replicas have been updated"
    elif total > updated:
        text = f"{total - updated} old replicas are pending termination"
    elif available < updated:
        text = f"{available} of {updated} updated replicas are available"
    else:
        return Progress(f"{what} successfully rolled out", done=True)
    return Progress(f"Waiting for {what} rollout to finish: {text}...")


@dataclass(frozen=True, slots=True)
class Revision:
    number: int
    change_cause: str
    replica_set: Object

    @property
    def template(self) -> Object:
        """The pod template as a user would write it, without the label that tells the revisions apart."""
        template = (self.replica_set.get("spec") or {}).get("template") or {}
        metadata = template.get("metadata") or {}
        kept = {key: value for key, value in (metadata.get("labels") or {}).items() if key != POD_TEMPLATE_HASH}
        return {**template, "metadata": {**metadata, "labels": kept}}


def history(deployment: Object, replica_sets: Iterable[Object]) -> list[Revision]:
    """The revisions that are kept, oldest first."""
    own = [item for item in replica_sets if is_controlled_by(item, deployment)]
    found = [
        Revision(int(annotations_of(item)[REVISION]), annotations_of(item).get(CHANGE_CAUSE, ""), item)
        for item in own
        if annotations_of(item).get(REVISION, "").isdigit()
    ]
    return sorted(found, key=lambda revision: revision.number)


class NoRevision(Exception):
    """There is no such revision to go back to; the message lists those that are kept."""


def revision_to_undo(revisions: list[Revision], number: int = 0) -> Revision:
    """Revision `number`, or with 0 the one before the newest."""
    kept = ", ".join(str(revision.number) for revision in revisions) or "none"
    if number == 0:
        if len(revisions) < 2:
            raise NoRevision(f"no rollout history found to go back to; revisions kept: {kept}")
        return revisions[-2]
    for revision in revisions:
        if revision.number == number:
            return revision
    raise NoRevision(f"unable to find revision {number}; revisions kept: {kept}")


def undo_patch(deployment: Object, revision: Revision) -> list[Any]:
    """A JSON patch that brings the revision's template back; the test refuses a Deployment that changed meanwhile."""
    patch: list[Any] = [
        {"op": "test", "path": "/metadata/uid", "value": (deployment.get("metadata") or {}).get("uid")},
        {"op": "replace", "path": "/spec/template", "value": revision.template},
    ]
    cause = {"op": "add", "path": "/metadata/annotations/kubernetes.io~1change-cause", "value": revision.change_cause}
    return [*patch, cause] if revision.change_cause and annotations_of(deployment) else patch


def restart_patch(now: datetime) -> Object:
    """A merge patch that makes every pod be replaced in the Deployment's own way."""
    return {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: format_time(now)}}}}}


def pause_patch(*, paused: bool) -> Object:
    return {"spec": {"paused": True if paused else None}}
