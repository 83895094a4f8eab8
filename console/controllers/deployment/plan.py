"""The next step of a Deployment: actions on its ReplicaSets and its new status. Pure.

A plan holds one kind of step; what follows from it is planned when the mirror shows it. A converged Deployment plans
nothing. The order of decisions is that of Kubernetes' controller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from common.api.kinds import DEPLOYMENTS, REPLICASETS
from common.api.meta import Object, controller_reference, is_deleting, metadata, name, namespace
from common.api.names import template_hash
from common.api.rollout import POD_TEMPLATE_HASH, REVISION

from . import autorollback, rollout, status
from .autorollback import NOTHING_KNOWN, Signals
from .model import (
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    OWN_ANNOTATIONS,
    REVISION_HISTORY,
    Action,
    Annotate,
    Create,
    Delete,
    Family,
    Member,
    Scale,
    SetRevision,
    Spec,
    is_cleanable,
)

HISTORY_BYTES = 2000  # of the revision-history annotation, as in Kubernetes


@dataclass(frozen=True, slots=True)
class Plan:
    """`actions` in order, then the status. `again_in` is when (seconds) to look again though nothing changes."""

    actions: tuple[Action, ...] = ()
    status: Object = field(default_factory=dict)
    again_in: float | None = None


def plan(
    deployment: Object,
    replicasets: Sequence[Object],
    old_pods_running: bool,
    now: datetime,
    signals: Signals = NOTHING_KNOWN,
) -> Plan:
    """`replicasets` are those it owns; `old_pods_running` says whether pods of old ones still exist (Recreate);
    `signals` tell how the new revision's pods fare."""
    spec = Spec.of(deployment)
    family = Family.of(spec, list(replicasets))
    new_status = status.counts(deployment, spec, family, now)
    if is_deleting(deployment):
        return Plan(status=new_status)
    status.pause_condition(deployment, spec, new_status, now)
    # Recreate sizes everything anew in each step; were it to stand still for a change of scale while two ReplicaSets
    # have pods (the strategy was changed during a rollout), it would stand still for ever.
    if spec.paused or (spec.rolling and rollout.is_scaling(spec, family)):
        sizes = rollout.rescale(spec, family)
        actions = _revise(deployment, spec, family) or _scales(spec, family, sizes)
        if spec.paused and not sizes:
            actions += _cleanup(spec, family)
        return Plan(tuple(actions), new_status)
    todo = _roll(deployment, spec, family, old_pods_running, new_status, now)
    back = autorollback.decide(deployment, family, signals, todo.status, now)
    return todo if back is None else replace(todo, actions=(back,))


def _roll(
    deployment: Object, spec: Spec, family: Family, old_pods_running: bool, new_status: Object, now: datetime
) -> Plan:
    new = family.new
    if new is None:
        waiting = not spec.rolling and (old_pods_running or any(member.size for member in family.old))
        if not waiting:
            return _start(deployment, spec, family, new_status, now)
        sizes = rollout.recreate(spec, family, old_pods_running)
        actions = _scales(spec, family, sizes)
    else:
        _mark_found(spec, new_status, new, now)
        sizes = rollout.roll(spec, family, new) if spec.rolling else rollout.recreate(spec, family, old_pods_running)
        actions = _revise(deployment, spec, family) or _scales(spec, family, sizes)
        if status.is_complete(deployment, spec, new_status):
            actions += autorollback.mark_good(deployment, new) + _cleanup(spec, family)
    status.progress(deployment, spec, family, new_status, now)
    left = status.deadline_in(spec, new_status, now)
    return Plan(tuple(actions), new_status, None if left is None else max(left, 0.0) + 1.0)


def _mark_found(spec: Spec, new_status: Object, new: Member, now: datetime) -> None:
    kinds = {condition["type"] for condition in new_status["conditions"]}
    if spec.deadline is not None and "Progressing" not in kinds:
        text = f'Found new replica set "{new.name}"'
        status.set_condition(new_status, "Progressing", "True", "FoundNewReplicaSet", text, now)


def _start(deployment: Object, spec: Spec, family: Family, new_status: Object, now: datetime) -> Plan:
    revision = family.next_revision
    made = new_replicaset(deployment, spec, rollout.initial_size(spec, family), revision)
    if spec.deadline is not None:
        text = f'Created new replica set "{name(made)}"'
        status.set_condition(new_status, "Progressing", "True", "NewReplicaSetCreated", text, now)
    return Plan((Create(made), *_set_revision(deployment, revision)), new_status)


def new_replicaset(deployment: Object, spec: Spec, size: int, revision: int) -> Object:
    """The ReplicaSet of the current template, named and labelled by the template's hash."""
    collisions = int((deployment.get("status") or {}).get("collisionCount") or 0)
    digest = template_hash(spec.template, collisions)
    meta = spec.template.get("metadata") or {}
    labels = {**(meta.get("labels") or {}), POD_TEMPLATE_HASH: digest}
    selector = deployment["spec"]["selector"]
    return {
        "apiVersion": REPLICASETS.api_version,
        "kind": REPLICASETS.kind,
        "metadata": {
            "name": f"{name(deployment)}-{digest}",
            "namespace": namespace(deployment),
            "labels": labels,
            "annotations": {**_copied(deployment), REVISION: str(revision), **_sized_for(spec)},
            "ownerReferences": [controller_reference(deployment, DEPLOYMENTS.api_version, DEPLOYMENTS.kind)],
        },
        "spec": {
            "replicas": size,
            "minReadySeconds": spec.min_ready_seconds,
            "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), POD_TEMPLATE_HASH: digest}},
            "template": {**spec.template, "metadata": {**meta, "labels": labels}},
        },
    }


def _copied(deployment: Object) -> dict[str, str]:
    found = metadata(deployment).get("annotations") or {}
    return {key: value for key, value in found.items() if key not in OWN_ANNOTATIONS}


def _sized_for(spec: Spec) -> dict[str, str]:
    return {DESIRED_REPLICAS: str(spec.replicas), MAX_REPLICAS: str(spec.max_total)}


def _scales(spec: Spec, family: Family, sizes: rollout.Sizes) -> list[Action]:
    wanted = _sized_for(spec)
    result: list[Action] = []
    for member in family.all:
        size = sizes.get(member.name)
        noted = metadata(member.obj).get("annotations") or {}
        if size is not None and (size != member.size or any(noted.get(key) != text for key, text in wanted.items())):
            result.append(Scale(member, size, wanted))
    return result


def _revise(deployment: Object, spec: Spec, family: Family) -> list[Action]:
    """Keep the new ReplicaSet's annotations in step; one taken up again gets the highest revision."""
    new = family.new
    if new is None:
        return []
    noted = metadata(new.obj).get("annotations") or {}
    annotations = {key: text for key, text in _copied(deployment).items() if noted.get(key) != text}
    revision = max(family.next_revision, new.revision)
    if new.revision < revision:
        annotations[REVISION] = str(revision)
        if new.revision:
            annotations[REVISION_HISTORY] = _history(noted.get(REVISION_HISTORY, ""), new.revision)
    patch: Object = {"metadata": {"annotations": annotations}} if annotations else {}
    if int(new.obj["spec"].get("minReadySeconds") or 0) != spec.min_ready_seconds:
        patch["spec"] = {"minReadySeconds": spec.min_ready_seconds}
    return [*([Annotate(new, patch)] if patch else []), *_set_revision(deployment, revision)]


def _history(known: str, revision: int) -> str:
    entries = [entry for entry in known.split(",") if entry]
    entries.append(str(revision))
    while len(",".join(entries)) > HISTORY_BYTES:
        entries.pop(0)
    return ",".join(entries)


def _set_revision(deployment: Object, revision: int) -> list[Action]:
    noted = (metadata(deployment).get("annotations") or {}).get(REVISION)
    return [] if noted == str(revision) else [SetRevision(revision)]


def _cleanup(spec: Spec, family: Family) -> list[Action]:
    """Forget the oldest revisions beyond the history limit, of those in which nothing runs."""
    if spec.history_limit is None:
        return []
    candidates = [member for member in family.old if not is_deleting(member.obj)]
    surplus = len(candidates) - spec.history_limit
    oldest = sorted(candidates, key=lambda member: (member.revision, member.age_key))[: max(surplus, 0)]
    return [Delete(member) for member in oldest if is_cleanable(member)]
