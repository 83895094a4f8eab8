"""How long a Job waits before it makes pods again after some have failed: 10 s, doubled, up to 10 minutes.

What ended is remembered per Job beyond the life of its pods, so that a failed pod that is deleted shortens no wait.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from typing import Generic, TypeVar

from common.api.meta import is_deleting, uid
from common.api.pods import phase

from .facts import Facts
from .model import finished_at, has_failed

K = TypeVar("K", bound=Hashable)

BASE_SECONDS = 10.0
MAX_SECONDS = 600.0


def wait_after(failures: int, last: datetime, now: datetime) -> float:
    """Seconds still to wait after that many failures in a row, the last one then."""
    if failures <= 0:
        return 0.0
    backoff = min(BASE_SECONDS * 2.0 ** min(failures - 1, 10), MAX_SECONDS)
    # A clock that was set back must not make anybody wait longer than the back-off itself.
    return min(max(backoff - (now - last).total_seconds(), 0.0), backoff)


class Backoffs(Generic[K]):
    """Per Job how its pods ended since the last success."""

    def __init__(self) -> None:
        self._ends: dict[K, dict[str, tuple[datetime, bool]]] = {}

    def observe(self, key: K, facts: Facts) -> None:
        ends = self._ends.setdefault(key, {})
        tracked = {uid(pod) for pod in facts.tracked}
        for pod in facts.pods:
            succeeded = phase(pod) == "Succeeded"
            if uid(pod) in ends or not (succeeded or has_failed(pod, facts.job)):
                continue
            # What is deleted without being counted was too many, or suspended: no failure.
            if uid(pod) in tracked or not is_deleting(pod):
                ends[uid(pod)] = finished_at(pod), succeeded
        successes = [moment for moment, succeeded in ends.values() if succeeded]
        if successes:
            last = max(successes)
            self._ends[key] = {name: end for name, end in ends.items() if end[0] > last or (end[1] and end[0] == last)}

    def wait(self, key: K, now: datetime) -> float:
        """Seconds until pods may be made."""
        failures = [moment for moment, succeeded in self._ends.get(key, {}).values() if not succeeded]
        return wait_after(len(failures), max(failures), now) if failures else 0.0

    def forget(self, key: K) -> None:
        self._ends.pop(key, None)
