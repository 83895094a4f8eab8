"""Whether a Deployment that asks for it goes back to its last good revision by itself. Pure.

A revision is good once it was rolled out completely; its ReplicaSet is marked then. A revision that is not good yet and
crash-loops, stands still past the progress deadline or makes users see errors is left for the newest good one. It never
loops: a good revision is not left by itself, and one that was rejected is not rejected again. A paused Deployment stays
where it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from common.api.conditions import get_condition
from common.api.meta import Object, metadata, name
from common.api.meta import annotations as annotations_of
from common.api.podstate import ended_word
from common.api.rollout import ROLLED_BACK, wants_auto_rollback

from . import status
from .model import ROLLED_BACK_RECORD, Annotate, Family, Member, RollBack, template_of

COMPLETED = "quarterdeck.io/completed"
"""Annotation of a ReplicaSet: its revision was rolled out completely once."""
CRASH_LOOP = "CrashLoop"
ERRORS = "ErrorRateRaised"
REJECTED = "RejectedBefore"
NOWHERE = "NoGoodRevision"
LEAST_REQUESTS = 50  # of the new revision before its error rate says anything
TOLERATED_SHARE = 0.05  # of requests, by which the new revision may fail more often than the old ones
_REMEMBERED = 20  # rejected revisions


@dataclass(frozen=True, slots=True)
class Traffic:
    """What proxies counted of requests to a revision's pods."""

    requests: int
    errors: int

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(self.requests + other.requests, self.errors + other.errors)

    @property
    def share(self) -> float:
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of the new revision besides its figures. `crash` tells of a container that ends again and again,
    empty when none does; traffic is None where no proxy counts it."""

    crash: str = ""
    new_traffic: Traffic | None = None
    old_traffic: Traffic | None = None


NOTHING_KNOWN = Signals()


@dataclass(frozen=True, slots=True)
class Fault:
    reason: str
    message: str


def traffic_by_pod(balancer: Object, space: str) -> dict[str, Traffic]:
    """What the load balancer document (docs/architecture.md) says of the pods of a namespace. A pod behind several
    Services counts with what came by each."""
    found: dict[str, Traffic] = {}
    for service in balancer.get("services") or ():
        if service.get("namespace") != space:
            continue
        for endpoint in service.get("endpoints") or ():
            figures = endpoint.get("http")
            if figures and endpoint.get("pod"):
                before = found.get(endpoint["pod"], Traffic(0, 0))
                more = Traffic(int(figures.get("requests") or 0), int(figures.get("errors") or 0))
                found[endpoint["pod"]] = before + more
    return found


def crash_of(pods: Iterable[Object]) -> str:
    """The first container that crash-loops: it waits to be started again after it ended at least twice."""
    for pod in sorted(pods, key=name):
        state = pod.get("status") or {}
        for container in (*(state.get("initContainerStatuses") or ()), *(state.get("containerStatuses") or ())):
            waiting = ((container.get("state") or {}).get("waiting") or {}).get("reason")
            restarts = int(container.get("restartCount") or 0)
            if waiting == "CrashLoopBackOff" and restarts > 0:
                last = (container.get("lastState") or {}).get("terminated") or {}
                times = f"container {container.get('name')} of pod {name(pod)} ended {restarts + 1} times"
                return f"{times}, last with {ended_word(last)}"
    return ""


def fault(signals: Signals, new_status: Object) -> Fault | None:
    """What is wrong with the new revision; None when nothing is known to be."""
    if signals.crash:
        return Fault(CRASH_LOOP, signals.crash)
    progressing = get_condition({"status": new_status}, "Progressing") or {}
    if progressing.get("reason") == status.TIMED_OUT:
        return Fault(status.TIMED_OUT, str(progressing.get("message") or "the progress deadline has passed"))
    new, old = signals.new_traffic, signals.old_traffic
    if new is None or old is None or new.requests < LEAST_REQUESTS or new.share <= old.share + TOLERATED_SHARE:
        return None
    return Fault(ERRORS, f"{new.share:.0%} of requests failed, {old.share:.0%} at the revisions before")


def is_good(member: Member) -> bool:
    return annotations_of(member.obj).get(COMPLETED) == "true"


def mark_good(deployment: Object, member: Member) -> list[Annotate]:
    """Remember that the revision was rolled out completely."""
    if not wants_auto_rollback(deployment) or is_good(member):
        return []
    return [Annotate(member, {"metadata": {"annotations": {COMPLETED: "true"}}})]


def decide(deployment: Object, family: Family, signals: Signals, new_status: Object, now: datetime) -> RollBack | None:
    """What to do about the new revision; changes `new_status`, whose condition says what was done or why not."""
    record = _record(deployment)
    new = family.new
    if new is None:
        return None
    if record.get("to") == new.name:
        text = str(record.get("message"))
        status.set_condition(new_status, ROLLED_BACK, "True", str(record.get("reason")), text, now)
        return None
    found = fault(signals, new_status) if wants_auto_rollback(deployment) and not is_good(new) else None
    if found is None:
        status.remove_condition(new_status, ROLLED_BACK)
        return None
    if new.name in (record.get("rejected") or ()):
        text = f"Revision {new.revision} failed before and is not rolled back a second time: {found.message}"
        status.set_condition(new_status, ROLLED_BACK, "False", REJECTED, text, now)
        return None
    good = [member for member in family.old if is_good(member)]
    if not good:
        text = f"No revision was rolled out completely before revision {new.revision}: {found.message}"
        status.set_condition(new_status, ROLLED_BACK, "False", NOWHERE, text, now)
        return None
    return _roll_back(deployment, new, max(good, key=lambda member: member.revision), found, record)


def _roll_back(deployment: Object, new: Member, target: Member, found: Fault, record: Object) -> RollBack:
    message = f"Rolled back from revision {new.revision} to revision {target.revision}: {found.message}"
    rejected = [*(item for item in record.get("rejected") or () if item != new.name), new.name][-_REMEMBERED:]
    noted = {"to": target.name, "reason": found.reason, "message": message, "rejected": rejected}
    meta = metadata(deployment)
    notes = {**(meta.get("annotations") or {}), ROLLED_BACK_RECORD: json.dumps(noted, separators=(",", ":"))}
    spec = {**deployment["spec"], "template": template_of(target)}
    return RollBack({**deployment, "metadata": {**meta, "annotations": notes}, "spec": spec}, found.reason, message)


def _record(deployment: Object) -> Object:
    """What an earlier rollback noted; nothing when it is not ours to read."""
    try:
        found = json.loads(annotations_of(deployment).get(ROLLED_BACK_RECORD, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
