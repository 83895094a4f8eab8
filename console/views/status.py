"""One word for the state of an object, and how serious it is.

The words are `kubectl get`'s. The tone decides glyph and colour, always together with the word, so that no meaning
rests on a colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from common.api import conditions, cron, jobs, pods, podstate, rollout
from common.api.meta import Object


class Tone(StrEnum):
    """What a piece of text means to the operator."""

    TEXT = "text"
    BRIGHT = "bright"
    DIM = "dim"
    KEY = "key"  # names of things to press or read by
    LINK = "link"  # names of other objects
    OK = "ok"
    BUSY = "busy"  # on its way, nothing to do
    WARN = "warn"  # waits for somebody
    BAD = "bad"
    DONE = "done"
    LEAVING = "leaving"


FAULTS = frozenset({Tone.WARN, Tone.BAD})


@dataclass(frozen=True, slots=True)
class Status:
    word: str
    tone: Tone


_BUSY = frozenset({"ContainerCreating", "PodInitializing", "Progressing", "Adopting"})
_DONE = frozenset({"Completed", "Succeeded"})


def pod_status(pod: Object) -> Status:
    """The STATUS column of a pod."""
    word = podstate.status_word(pod)
    return Status(word, _pod_tone(pod, word))


def _pod_tone(pod: Object, word: str) -> Tone:
    if word == "Running":
        return Tone.OK if pods.is_ready(pod) else Tone.BUSY
    if word in _DONE:
        return Tone.DONE
    if word == "Terminating":
        return Tone.LEAVING
    if word == "Pending":
        scheduled = conditions.get_condition(pod, "PodScheduled") or {}
        return Tone.WARN if scheduled.get("status") == "False" else Tone.BUSY
    if word in _BUSY or (word.startswith("Init:") and "/" in word):
        return Tone.BUSY
    return Tone.WARN if word in {"NotReady", "SchedulingGated", "Unknown"} else Tone.BAD


def container_status(state: Object | None) -> Status:
    """The state of one container."""
    state = state or {}
    if "running" in state:
        return Status("Running", Tone.OK)
    if "terminated" in state:
        terminated = state["terminated"] or {}
        done = terminated.get("exitCode") == 0
        return Status(podstate.ended_word(terminated), Tone.DONE if done else Tone.BAD)
    reason = str((state.get("waiting") or {}).get("reason") or "Waiting")
    return Status(reason, Tone.BUSY if reason in _BUSY or reason == "Waiting" else Tone.BAD)


def node_status(node: Object) -> Status:
    """Ready, NotReady or Unknown, and whether pods may come: `Ready,SchedulingDisabled`."""
    condition = conditions.get_condition(node, "Ready") or {}
    word, tone = {"True": ("Ready", Tone.OK), "False": ("NotReady", Tone.BAD)}.get(
        str(condition.get("status")), ("Unknown", Tone.BAD)
    )
    if (node.get("spec") or {}).get("unschedulable"):
        word, tone = f"{word},SchedulingDisabled", Tone.WARN if tone is Tone.OK else tone
    return Status(word, tone)


def workload_status(workload: Object) -> Status:
    """How a workload stands: complete, on its way, paused or stuck, with the reason as the word."""
    if workload.get("kind") in {"StatefulSet", "DaemonSet"}:
        return _rolled_status(workload)
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    wanted = int(spec.get("replicas", 1))
    if spec.get("paused"):
        return Status("Paused", Tone.WARN)
    progressing = conditions.get_condition(workload, "Progressing") or {}
    if progressing.get("status") == "False":
        return Status(str(progressing.get("reason") or "Stuck"), Tone.BAD)
    failure = conditions.get_condition(workload, "ReplicaFailure") or {}
    if failure.get("status") == "True":
        return Status(str(failure.get("reason") or "ReplicaFailure"), Tone.BAD)
    observed = int(status.get("observedGeneration") or 0) >= int(
        (workload.get("metadata") or {}).get("generation") or 0
    )
    current = int(status.get("replicas") or 0) == wanted == int(_updated(workload, status))
    available = int(status.get("availableReplicas") or 0)
    if observed and current and available >= wanted:
        return Status("Scaled to 0", Tone.DONE) if wanted == 0 else Status("Available", Tone.OK)
    return Status("Progressing", Tone.BUSY)


def _rolled_status(workload: Object) -> Status:
    """StatefulSets and DaemonSets have no conditions: their figures say it all."""
    status = workload.get("status") or {}
    daemons = workload.get("kind") == "DaemonSet"
    if daemons:
        wanted, available = int(status.get("desiredNumberScheduled") or 0), int(status.get("numberAvailable") or 0)
    else:
        wanted = int((workload.get("spec") or {}).get("replicas", 1))
        available = int(status.get("availableReplicas") or 0)
    rolled = rollout.progress(workload)
    by_hand = rollout.update_strategy(workload)[0] == "OnDelete"
    surplus = not daemons and int(status.get("replicas") or 0) > wanted
    if available < wanted or surplus or not (rolled.done or by_hand):
        return Status("Progressing", Tone.BUSY)
    if wanted == 0:
        return Status("No nodes" if daemons else "Scaled to 0", Tone.DONE)
    return Status("Available", Tone.OK)


def _updated(workload: Object, status: Object) -> Any:
    if workload.get("kind") in {"ReplicaSet", "ReplicationController"}:
        return status.get("replicas") or 0
    return status.get("updatedReplicas") or 0


def host_status(host: Object) -> Status:
    """The phase of a discovered host."""
    word = str((host.get("status") or {}).get("phase") or "Discovered")
    tones = {
        "Discovered": Tone.BRIGHT,
        "Adopting": Tone.BUSY,
        "Adopted": Tone.OK,
        "Gone": Tone.DIM,
        "Foreign": Tone.WARN,
    }
    return Status(word, tones.get(word, Tone.TEXT))


def namespace_status(namespace: Object) -> Status:
    word = str((namespace.get("status") or {}).get("phase") or "Active")
    return Status(word, Tone.OK if word == "Active" else Tone.LEAVING)


def event_status(event: Object) -> Status:
    word = str(event.get("type") or "Normal")
    return Status(word, Tone.WARN if word == "Warning" else Tone.OK)


_JOB_TONES = {
    "Complete": Tone.DONE,
    "Failed": Tone.BAD,
    "FailureTarget": Tone.BAD,
    "Suspended": Tone.WARN,
    "Terminating": Tone.LEAVING,
    "SuccessCriteriaMet": Tone.BUSY,
    "Running": Tone.BUSY,
}


def job_status(job: Object) -> Status:
    """How a Job stands; the reason when it failed."""
    word = jobs.status_word(job)
    tone = _JOB_TONES[word]
    if tone is Tone.BAD:
        condition = conditions.get_condition(job, word) or {}
        return Status(str(condition.get("reason") or word), tone)
    return Status(word, tone)


def cronjob_status(cronjob: Object) -> Status:
    """Suspended, Running while a Job of it does, else Scheduled."""
    if jobs.is_suspended(cronjob):
        return Status("Suspended", Tone.WARN)
    if (cronjob.get("status") or {}).get("active"):
        return Status("Running", Tone.BUSY)
    return Status("Scheduled", Tone.OK)


def next_run(cronjob: Object, now: datetime) -> datetime | None:
    """When the schedule asks for a Job next; None when it is suspended or never does."""
    spec = cronjob.get("spec") or {}
    if jobs.is_suspended(cronjob):
        return None
    try:
        return cron.parse(str(spec.get("schedule", "")), cron.zone_of(spec.get("timeZone"))).after(now)
    except ValueError:
        return None


_CLAIM_TONES = {"Bound": Tone.OK, "Pending": Tone.BUSY, "Lost": Tone.BAD}
_VOLUME_TONES = {
    "Bound": Tone.OK, "Available": Tone.BRIGHT, "Pending": Tone.BUSY, "Released": Tone.WARN, "Failed": Tone.BAD,
}  # fmt: skip


def claim_status(claim: Object) -> Status:
    """The phase of a claim, or that it waits for its pods to end."""
    return _phase(claim, _CLAIM_TONES)


def volume_status(volume: Object) -> Status:
    return _phase(volume, _VOLUME_TONES)


def _phase(obj: Object, tones: Mapping[str, Tone]) -> Status:
    if (obj.get("metadata") or {}).get("deletionTimestamp"):
        return Status("Terminating", Tone.LEAVING)
    word = str((obj.get("status") or {}).get("phase") or "Pending")
    return Status(word, tones.get(word, Tone.TEXT))


def autoscaler_status(autoscaler: Object) -> Status:
    """How an autoscaler fares: what keeps it from working, else whether it would go beyond its limits."""
    for kind in ("AbleToScale", "ScalingActive"):
        found = conditions.get_condition(autoscaler, kind)
        if found is not None and found.get("status") == "False":
            resting = found.get("reason") == "ScalingDisabled"
            return Status(str(found.get("reason") or "Failed"), Tone.DIM if resting else Tone.WARN)
    if conditions.get_condition(autoscaler, "ScalingActive") is None:
        return Status("Waiting", Tone.BUSY)
    limited = conditions.get_condition(autoscaler, "ScalingLimited") or {}
    if limited.get("status") == "True" and limited.get("reason") == "TooManyReplicas":
        return Status("AtMaximum", Tone.WARN)
    return Status("Active", Tone.OK)
