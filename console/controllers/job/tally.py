"""Counting pods that have ended, so that each counts once whatever is interrupted. Pure.

`tally` lists newly ended pods and says whose finalizers may go; after they are gone `settled` moves the listed ones
into the counters. A crash between the steps leaves a list that the next run settles.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from common.api import jobs
from common.api.indexes import format_indexes
from common.api.meta import Object, is_deleting, uid
from common.api.pods import phase

from .facts import Facts
from .model import completion_index, has_failed, spec_of, status_of
from .policy import match_failure
from .verdict import Verdict

MOST_UNCOUNTED = 500  # uids in the status at a time, some 20 KB


@dataclass(frozen=True, slots=True)
class Tally:
    """`status` has the counters and lists; `release` are pods whose finalizer goes once that is stored. `complete` is
    False when there were too many to count at once."""

    status: Object
    release: tuple[Object, ...]
    complete: bool = True


def tally(facts: Facts, verdict: Verdict | None) -> Tally:
    """What the facts add to the counters. With a verdict all pods are counted or let go."""
    status = settled(status_of(facts.job), {uid(pod) for pod in facts.tracked})
    lists: Object = {**status["uncountedTerminatedPods"]}
    succeeded, failed = list(lists.get("succeeded") or ()), list(lists.get("failed") or ())
    indexes = set(facts.counted_indexes)
    release: list[Object] = []
    complete = True
    for pod in facts.tracked:
        if not _is_settled(facts, pod, verdict):
            continue
        if len(succeeded) + len(failed) + len(indexes - facts.counted_indexes) >= MOST_UNCOUNTED:
            complete = False
            break
        release.append(pod)
        if phase(pod) == "Succeeded" and uid(pod) not in failed:
            _add_success(facts, pod, succeeded, indexes)
        elif _is_failure(facts, pod, verdict) and uid(pod) not in failed:
            failed.append(uid(pod))
    lists = {name: uids for name, uids in (("succeeded", succeeded), ("failed", failed)) if uids}
    status = {**status, "uncountedTerminatedPods": lists}
    if jobs.is_indexed(facts.job):
        status |= {"succeeded": len(indexes), "completedIndexes": format_indexes(indexes)}
        if facts.failed_indexes is not None:
            status["failedIndexes"] = format_indexes(facts.failed_indexes)
    return Tally(status, tuple(release), complete)


def _is_settled(facts: Facts, pod: Object, verdict: Verdict | None) -> bool:
    """Whether nothing more is to be learnt from the pod."""
    if is_deleting(facts.job) or verdict is not None or phase(pod) == "Succeeded":
        return True
    if not has_failed(pod, facts.job):
        return False
    index = completion_index(pod)
    kept = facts.delayed.get(index) if index is not None else None
    return kept is None or uid(kept) != uid(pod)


def _is_failure(facts: Facts, pod: Object, verdict: Verdict | None) -> bool:
    """Pods that a failed Job takes down count as failed."""
    if not has_failed(pod, facts.job) and (verdict is None or verdict.succeeded):
        return False
    return _has_index(facts, pod) and match_failure(facts.job, pod).counts


def _has_index(facts: Facts, pod: Object) -> bool:
    if not jobs.is_indexed(facts.job):
        return True
    index = completion_index(pod)
    return index is not None and index < int(spec_of(facts.job)["completions"])


def _add_success(facts: Facts, pod: Object, succeeded: list[str], indexes: set[int]) -> None:
    """An index succeeds once however many pods did; without indexes each pod is listed."""
    if not jobs.is_indexed(facts.job):
        if uid(pod) not in succeeded:
            succeeded.append(uid(pod))
        return
    index = completion_index(pod)
    if index is not None and _has_index(facts, pod):
        indexes.add(index)


def settled(status: Object, tracked: Collection[str]) -> Object:
    """The status with every listed pod that is not tracked any more moved into its counter."""
    lists = status.get("uncountedTerminatedPods") or {}
    result = {**status, "uncountedTerminatedPods": {}}
    for name in ("succeeded", "failed"):
        uids = lists.get(name) or []
        left = [entry for entry in uids if entry in tracked]
        if left:
            result["uncountedTerminatedPods"][name] = left
        if len(left) < len(uids):
            result[name] = int(status.get(name) or 0) + len(uids) - len(left)
    return result
