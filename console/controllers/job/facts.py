"""How a Job stands: its pods sorted, its successes and failures added up. Pure.

A pod is counted in steps: its uid goes into `status.uncountedTerminatedPods`, then its finalizer goes, then the counter
rises and the uid leaves the list. Whatever is interrupted in between, here each pod adds one: with its finalizer and
not in the list it is new, in the list it is listed, and else it is in the counter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from common.api import jobs
from common.api.indexes import known_indexes
from common.api.meta import Object, uid
from common.api.pods import is_active, is_ready, phase

from .model import (
    completion_index,
    finished_at,
    has_failed,
    index_failures,
    index_ignored,
    is_terminating,
    is_tracked,
    limits_each_index,
    spec_of,
    status_of,
)
from .policy import match_failure


@dataclass(frozen=True, slots=True)
class Facts:
    """`tracked` have their finalizer; `lost` are uids of pods whose host cannot answer. `succeeded` and `failed` are
    totals, `delayed` maps an index to its last failed pod, kept until its successor knows how often it failed."""

    job: Object
    pods: Sequence[Object]
    tracked: Sequence[Object]
    active: Sequence[Object]
    terminating: Sequence[Object]
    lost: Collection[str]
    listed_succeeded: frozenset[str]
    listed_failed: frozenset[str]
    succeeded: int
    failed: int
    counted_indexes: frozenset[int] = frozenset()
    succeeded_indexes: frozenset[int] = frozenset()
    failed_indexes: frozenset[int] | None = None
    delayed: dict[int, Object] = field(default_factory=dict)

    @property
    def completions(self) -> int | None:
        value = spec_of(self.job).get("completions")
        return None if value is None else int(value)

    @property
    def ready(self) -> int:
        return sum(map(is_ready, self.active))

    @property
    def ending(self) -> int:
        """Pods that are being deleted and whose host can say when they are gone."""
        return sum(uid(pod) not in self.lost for pod in self.terminating)


def look(job: Object, pods: Iterable[Object], released: Collection[str] = (), lost: Collection[str] = ()) -> Facts:
    """`released` are uids of pods whose finalizer was removed although the mirror still shows it."""
    owned = sorted(pods, key=lambda pod: (completion_index(pod) or 0, uid(pod)))
    status = status_of(job)
    lists = status.get("uncountedTerminatedPods") or {}
    listed_succeeded = frozenset(lists.get("succeeded") or ())
    listed_failed = frozenset(lists.get("failed") or ())
    tracked = [pod for pod in owned if is_tracked(pod) and uid(pod) not in released]
    valid = [pod for pod in tracked if _counts(job, pod)]
    new_failed = [pod for pod in valid if uid(pod) not in listed_failed and has_failed(pod, job)]
    failed = int(status.get("failed") or 0) + len(listed_failed)
    failed += sum(match_failure(job, pod).counts for pod in new_failed)
    # One that was deleted, listed as failed and then reported success has failed: it was replaced already.
    listed = listed_succeeded | listed_failed
    new_succeeded = [pod for pod in valid if uid(pod) not in listed and phase(pod) == "Succeeded"]
    basic = Facts(
        job, owned, tracked,
        active=[pod for pod in owned if is_active(pod)],
        terminating=[pod for pod in owned if is_terminating(pod)],
        lost=lost,
        listed_succeeded=listed_succeeded,
        listed_failed=listed_failed,
        succeeded=int(status.get("succeeded") or 0) + len(listed_succeeded) + len(new_succeeded),
        failed=failed,
    )  # fmt: skip
    return _with_indexes(basic, valid) if jobs.is_indexed(job) else basic


def _counts(job: Object, pod: Object) -> bool:
    """A pod of an Indexed Job counts only for an index that the Job has."""
    if not jobs.is_indexed(job):
        return True
    index = completion_index(pod)
    return index is not None and index < int(spec_of(job)["completions"])


def _with_indexes(facts: Facts, valid: Sequence[Object]) -> Facts:
    job, completions = facts.job, int(spec_of(facts.job)["completions"])
    counted = known_indexes(str(status_of(job).get("completedIndexes") or ""), completions)
    fresh = {
        completion_index(pod) for pod in valid if phase(pod) == "Succeeded" and uid(pod) not in facts.listed_failed
    }
    succeeded = frozenset(counted | {index for index in fresh if index is not None})
    failed = _failed_indexes(job, valid, succeeded) if limits_each_index(job) else None
    delayed = {} if failed is None else _delayed(facts, valid, succeeded | failed)
    return Facts(
        job, facts.pods, facts.tracked, facts.active, facts.terminating, facts.lost,
        facts.listed_succeeded, facts.listed_failed, len(succeeded), facts.failed,
        counted_indexes=frozenset(counted),
        succeeded_indexes=succeeded,
        failed_indexes=failed,
        delayed=delayed,
    )  # fmt: skip


def _failed_indexes(job: Object, valid: Iterable[Object], succeeded: Collection[int]) -> frozenset[int]:
    spec = spec_of(job)
    found = known_indexes(str(status_of(job).get("failedIndexes") or ""), int(spec["completions"]))
    for pod in valid:
        index = completion_index(pod)
        if index is None or index in succeeded or not has_failed(pod, job):
            continue
        match = match_failure(job, pod)
        if match.action == "FailIndex" or (match.counts and index_failures(pod) >= spec["backoffLimitPerIndex"]):
            found.add(index)
    return frozenset(found - set(succeeded))


def _delayed(facts: Facts, valid: Iterable[Object], ended: Collection[int]) -> dict[int, Object]:
    busy = {completion_index(pod) for pod in facts.active}
    found: dict[int, Object] = {}
    for pod in valid:
        index = completion_index(pod)
        if index is None or index in ended or index in busy or not has_failed(pod, facts.job):
            continue
        last = found.get(index)
        if last is None or _lateness(last) <= _lateness(pod):
            found[index] = pod
    return found


def _lateness(pod: Object) -> tuple[int, float]:
    return index_failures(pod) + index_ignored(pod), finished_at(pod).timestamp()
