"""A Deployment's status: counts and the conditions Available, Progressing and ReplicaFailure. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.api.conditions import get_condition
from common.api.meta import Object, format_time, generation, name, parse_time

from .model import Family, Spec

COMPLETE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"


_ABSENT_WHEN_ZERO = frozenset(
    {"replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"}
)


def shown(status: Object) -> Object:
    """As Kubernetes' own JSON has it: most figures are absent while they are 0."""
    return {field: value for field, value in status.items() if value or field not in _ABSENT_WHEN_ZERO}


def counts(deployment: Object, spec: Spec, family: Family, now: datetime) -> Object:
    """The status but for Progressing, which is kept as it is."""
    available = sum(member.available for member in family.all)
    old = deployment.get("status") or {}
    status: Object = {
        "observedGeneration": generation(deployment),
        "replicas": sum(member.replicas for member in family.all),
        "updatedReplicas": family.new.replicas if family.new else 0,
        "readyReplicas": sum(member.ready for member in family.all),
        "availableReplicas": available,
        "unavailableReplicas": max(0, sum(member.size for member in family.all) - available),
        "terminatingReplicas": sum(member.terminating for member in family.all),
        "conditions": list(old.get("conditions") or ()),
    }
    if "collisionCount" in old:
        status["collisionCount"] = old["collisionCount"]
    if available >= spec.replicas - spec.max_unavailable:
        text = "Deployment has minimum availability."
        set_condition(status, "Available", "True", "MinimumReplicasAvailable", text, now)
    else:
        text = "Deployment does not have minimum availability."
        set_condition(status, "Available", "False", "MinimumReplicasUnavailable", text, now)
    return status


def set_condition(status: Object, kind: str, value: str, reason: str, message: str, now: datetime) -> None:
    """Change `status`: as Deployments do it, nothing moves while status and reason stay the same."""
    old = get_condition({"status": status}, kind)
    if old is not None and old["status"] == value and old["reason"] == reason:
        return
    moment = format_time(now)
    same = old is not None and old["status"] == value
    new = {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": message,
        "lastUpdateTime": moment,
        "lastTransitionTime": old["lastTransitionTime"] if same and old else moment,
    }
    remove_condition(status, kind)
    status["conditions"].append(new)


def remove_condition(status: Object, kind: str) -> None:
    status["conditions"] = [condition for condition in status["conditions"] if condition["type"] != kind]


def progress(deployment: Object, spec: Spec, family: Family, status: Object, now: datetime) -> None:
    """Change `status`: set Progressing and ReplicaFailure from how the rollout moved since the old status."""
    if spec.deadline is None:
        remove_condition(status, "Progressing")
    elif not _was_complete(status):
        _set_progress(deployment, spec, family, status, now)
    failures = (get_condition(member.obj, "ReplicaFailure") for member in reversed(family.all))
    failure = next(filter(None, failures), None)
    if failure is None:
        remove_condition(status, "ReplicaFailure")
    else:
        set_condition(status, "ReplicaFailure", failure["status"], failure["reason"], failure["message"], now)


def _was_complete(status: Object) -> bool:
    condition = get_condition({"status": status}, "Progressing")
    done = status["replicas"] == status["updatedReplicas"]
    return done and condition is not None and condition["reason"] == COMPLETE


def _set_progress(deployment: Object, spec: Spec, family: Family, status: Object, now: datetime) -> None:
    subject = f'ReplicaSet "{family.new.name}"' if family.new else f'Deployment "{name(deployment)}"'
    if is_complete(deployment, spec, status):
        text = f"{subject} has successfully progressed."
        set_condition(status, "Progressing", "True", COMPLETE, text, now)
    elif _advanced(deployment.get("status") or {}, status):
        _renew_progress(status, f"{subject} is progressing.", now)
    elif has_timed_out(spec, status, now):
        text = f"{subject} has timed out progressing."
        set_condition(status, "Progressing", "False", TIMED_OUT, text, now)


def _renew_progress(status: Object, message: str, now: datetime) -> None:
    """Every step forward moves lastUpdateTime, from which the deadline counts."""
    old = get_condition({"status": status}, "Progressing")
    remove_condition(status, "Progressing")
    set_condition(status, "Progressing", "True", "ReplicaSetUpdated", message, now)
    if old is not None and old["status"] == "True":
        status["conditions"][-1]["lastTransitionTime"] = old["lastTransitionTime"]


def is_complete(deployment: Object, spec: Spec, status: Object) -> bool:
    figures = {status["updatedReplicas"], status["replicas"], status["availableReplicas"]}
    return figures == {spec.replicas} and int(status["observedGeneration"]) >= generation(deployment)


def _advanced(old: Object, new: Object) -> bool:
    def grew(field: str) -> bool:
        return bool(new[field] > (old.get(field) or 0))

    old_left = (old.get("replicas") or 0) - (old.get("updatedReplicas") or 0)
    shrank = bool(new["replicas"] - new["updatedReplicas"] < old_left)
    return grew("updatedReplicas") or shrank or grew("readyReplicas") or grew("availableReplicas")


def deadline_in(spec: Spec, status: Object, now: datetime) -> float | None:
    """Seconds until the progress deadline, negative when it passed; None when none runs."""
    condition = get_condition({"status": status}, "Progressing")
    if spec.deadline is None or condition is None or condition["reason"] in (COMPLETE, TIMED_OUT, PAUSED):
        return None
    return (parse_time(condition["lastUpdateTime"]) + timedelta(seconds=spec.deadline) - now).total_seconds()


def has_timed_out(spec: Spec, status: Object, now: datetime) -> bool:
    condition = get_condition({"status": status}, "Progressing")
    if condition is not None and condition["reason"] == TIMED_OUT:
        return True
    left = deadline_in(spec, status, now)
    return left is not None and left < 0


def pause_condition(deployment: Object, spec: Spec, status: Object, now: datetime) -> None:
    """Change `status`: a paused rollout does not run against its deadline."""
    if spec.deadline is None:
        return
    condition = get_condition(deployment, "Progressing")
    if condition is not None and condition["reason"] == TIMED_OUT:
        return
    was_paused = condition is not None and condition["reason"] == PAUSED
    if spec.paused and not was_paused:
        set_condition(status, "Progressing", "Unknown", PAUSED, "Deployment is paused", now)
    elif not spec.paused and was_paused:
        set_condition(status, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", now)
