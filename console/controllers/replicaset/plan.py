"""What a ReplicaSet needs: how many pods to make, which to delete, and its status. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.api.conditions import get_condition, set_condition
from common.api.kinds import Resource
from common.api.meta import (
    Object,
    controller_reference,
    generation,
    is_deleting,
    labels,
    name,
    parse_time,
)
from common.api.names import MAX_GENERATED_BASE, random_suffix
from common.api.pods import is_active, is_available, is_ready, is_terminal
from common.api.selectors import from_labels

from .ranking import first_to_go

BURST = 500  # pods made or deleted in one go, as in Kubernetes


@dataclass(frozen=True, slots=True)
class Plan:
    """`create` pods are missing, `delete` are too many; both are never set at once."""

    create: int = 0
    delete: tuple[Object, ...] = ()


def plan(replicaset: Object, pods: Sequence[Object], siblings_on: Mapping[str, int], now: datetime) -> Plan:
    """`pods` are those that the ReplicaSet owns, `siblings_on` its workload's active pods by node."""
    if is_deleting(replicaset):
        return Plan()
    active = [pod for pod in pods if is_active(pod)]
    missing = wanted(replicaset) - len(active)
    if missing >= 0:
        return Plan(create=min(missing, BURST))
    surplus = min(-missing, BURST)
    ranked = active if surplus == len(active) else first_to_go(active, siblings_on, now)
    return Plan(delete=tuple(ranked[:surplus]))


def wanted(replicaset: Object) -> int:
    replicas = replicaset["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def new_pod(replicaset: Object, kind: Resource) -> Object:
    """A pod of the template. It gets its whole name here, so that the controller knows what it expects to see."""
    template = replicaset["spec"]["template"]
    meta = template.get("metadata") or {}
    owner = name(replicaset)
    base = owner[: MAX_GENERATED_BASE - 1] + "-"
    owned = {
        "name": base + random_suffix(),
        "generateName": f"{owner}-",
        "labels": dict(meta.get("labels") or {}),
        "annotations": dict(meta.get("annotations") or {}),
        "finalizers": list(meta.get("finalizers") or ()),
        "ownerReferences": [controller_reference(replicaset, kind.api_version, kind.kind)],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {field: value for field, value in owned.items() if value},
        "spec": template["spec"],
    }


def status(replicaset: Object, pods: Sequence[Object], failure: tuple[str, str] | None, now: datetime) -> Object:
    """The new status; `failure` is reason and message of creating or deleting pods in vain. As in Kubernetes' own JSON
    most figures are absent while they are 0."""
    active = [pod for pod in pods if is_active(pod)]
    full = from_labels((replicaset["spec"]["template"].get("metadata") or {}).get("labels") or {})
    figures = {
        "fullyLabeledReplicas": sum(full.matches(labels(pod)) for pod in active),
        "readyReplicas": sum(is_ready(pod) for pod in active),
        "availableReplicas": sum(is_available(pod, min_ready(replicaset), now) for pod in active),
    }
    result: Object = {
        "replicas": len(active),
        **{field: value for field, value in figures.items() if value},
        "terminatingReplicas": sum(is_deleting(pod) and not is_terminal(pod) for pod in pods),
        "observedGeneration": generation(replicaset),
    }
    conditions = _conditions(replicaset, failure, now)
    if conditions:
        result["conditions"] = conditions
    return result


def _conditions(replicaset: Object, failure: tuple[str, str] | None, now: datetime) -> list[Object]:
    conditions = list((replicaset.get("status") or {}).get("conditions") or ())
    if failure is None:
        return [condition for condition in conditions if condition["type"] != "ReplicaFailure"]
    if get_condition(replicaset, "ReplicaFailure") is not None:
        return conditions
    return set_condition(conditions, "ReplicaFailure", "True", failure[0], failure[1], now)


def min_ready(replicaset: Object) -> int:
    return int(replicaset["spec"].get("minReadySeconds") or 0)


def next_availability(replicaset: Object, pods: Sequence[Object], now: datetime) -> float | None:
    """Seconds until a ready pod becomes available, which no event tells; None when none is on the way."""
    seconds = min_ready(replicaset)
    if seconds == 0:
        return None
    waits = []
    for pod in pods:
        if is_active(pod) and is_ready(pod) and not is_available(pod, seconds, now):
            since = str((get_condition(pod, "Ready") or {}).get("lastTransitionTime") or "")
            if since:
                waits.append((parse_time(since) + timedelta(seconds=seconds) - now).total_seconds())
    return max(min(waits), 0.0) if waits else None
