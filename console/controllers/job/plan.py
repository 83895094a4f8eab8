"""Which pods a Job makes and which it takes back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeAlias

from common.api import jobs
from common.api.meta import Object, metadata, uid
from common.api.pods import is_ready, node_name, phase

from .backoff import wait_after
from .facts import Facts
from .model import (
    completion_index,
    finished_at,
    index_failures,
    index_ignored,
    is_terminating,
    replaces_only_failed,
    spec_of,
)

BURST = 500  # pods made or deleted in one go, as in Kubernetes
_PHASE_ORDER = {"Pending": 0, "Unknown": 1, "Running": 2}
_INVERTED = str.maketrans("0123456789", "9876543210")
Slot: TypeAlias = int | None
"""What a new pod is for: an index, or None in a Job without."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`delete` go without being counted, as they were only too many; `wait` are the seconds until more may be made."""

    create: tuple[Slot, ...] = ()
    delete: tuple[Object, ...] = ()
    wait: float = 0.0


def plan(facts: Facts, backoff: float, now: datetime) -> Plan:
    """`backoff` are the seconds that the Job's own back-off still lasts."""
    job = facts.job
    surplus = _surplus(facts)
    if surplus:
        return Plan(delete=tuple(surplus[:BURST]))
    if jobs.is_suspended(job):
        return Plan()
    held = len(facts.terminating) if replaces_only_failed(job) else 0
    missing = min(_wanted(facts) - held - len(facts.active), BURST)
    if missing <= 0:
        return Plan()
    if facts.failed_indexes is not None:
        return _independent(facts, missing, now)
    if backoff > 0:
        return Plan(wait=backoff)
    return Plan(create=tuple(pending_indexes(facts, missing)) if jobs.is_indexed(job) else (None,) * missing)


def _wanted(facts: Facts) -> int:
    """How many pods should be active: never more than parallelism, nor than completions that are left."""
    parallelism = int(spec_of(facts.job)["parallelism"])
    if jobs.is_suspended(facts.job):
        return 0
    if facts.completions is None:
        # A work queue: after the first success what runs may finish, but nothing new begins.
        return len(facts.active) if facts.succeeded > 0 else parallelism
    return max(min(facts.completions - facts.succeeded, parallelism), 0)


def _surplus(facts: Facts) -> list[Object]:
    """Active pods that are too many: those for no index or for one that another pod has, then the youngest."""
    if jobs.is_suspended(facts.job):
        return list(facts.active)
    gone, left = _misplaced(facts) if jobs.is_indexed(facts.job) else ([], list(facts.active))
    more = len(left) - _wanted(facts)
    return gone + sorted(left, key=_rank)[: max(more, 0)]


def _misplaced(facts: Facts) -> tuple[list[Object], list[Object]]:
    gone: list[Object] = []
    best: dict[int, Object] = {}
    for pod in sorted(facts.active, key=_rank, reverse=True):
        index = completion_index(pod)
        if index is None or index >= (facts.completions or 0) or index in best:
            gone.append(pod)
        else:
            best[index] = pod
    return gone, list(best.values())


def _rank(pod: Object) -> tuple[bool, int, bool, str, str]:
    """Those that have come the least far go first, and of equals the youngest."""
    created = str(metadata(pod).get("creationTimestamp") or "")
    return bool(node_name(pod)), _PHASE_ORDER.get(phase(pod), 3), is_ready(pod), created.translate(_INVERTED), uid(pod)


def pending_indexes(facts: Facts, count: int) -> list[int]:
    """The lowest indexes that nothing works on."""
    taken: set[int | None] = {completion_index(pod) for pod in facts.active}
    taken |= facts.succeeded_indexes
    taken |= facts.failed_indexes or frozenset()
    if replaces_only_failed(facts.job):
        taken |= {completion_index(pod) for pod in facts.pods if is_terminating(pod)}
    free: Iterable[int] = (index for index in range(facts.completions or 0) if index not in taken)
    return list(islice(free, count))


def _independent(facts: Facts, count: int, now: datetime) -> Plan:
    """Each index waits for itself: those that failed long enough ago, or never, start."""
    waits = {index: _index_wait(facts.delayed.get(index), now) for index in pending_indexes(facts, count)}
    create = tuple(index for index, seconds in waits.items() if seconds <= 0)
    later = [seconds for seconds in waits.values() if seconds > 0]
    return Plan(create=create, wait=min(later, default=0.0))


def _index_wait(last: Object | None, now: datetime) -> float:
    if last is None:
        return 0.0
    return wait_after(index_failures(last) + index_ignored(last) + 1, finished_at(last), now)


def without(pods: Sequence[Object], gone: Iterable[Object]) -> list[Object]:
    names = {uid(pod) for pod in gone}
    return [pod for pod in pods if uid(pod) not in names]
