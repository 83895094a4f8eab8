"""How a rollout went: what was ready of the new and left of the old, moment by moment. Pure.

It begins with what objects tell of it; from then on each change is noted as it is seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.api import meta

from .past import Past
from .rollouts import Progress

MOST = 3600  # moments that are kept: an hour of one in which something changes every second
LEAST_SECONDS = 60.0  # shown at least of what was watched alone, so that the first seconds are no picture of their own


@dataclass(frozen=True, slots=True)
class Moment:
    """`at` is in seconds of a clock that never goes back."""

    at: float
    ready: int
    old: int


class Course:
    """Keeps a moment for each change."""

    def __init__(self) -> None:
        self._moments: deque[Moment] = deque(maxlen=MOST)
        self._ended: float | None = None
        self.revision: int | None = None
        """Whose rollout it is; None while nothing tells when that began."""

    @property
    def ended(self) -> bool:
        """Whether the rollout was complete, so that what happens now is none of it."""
        return self._ended is not None

    def tell(self, revision: int, found: Past, wall: datetime, now: float) -> None:
        """Begin anew with the rollout to this revision; `wall` and `now` are the same moment on two clocks."""

        def moment(at: datetime) -> float:
            return now - max((wall - at).total_seconds(), 0.0)

        self.revision = revision
        self._ended = None if found.ended is None else moment(found.ended)
        self._moments.clear()
        self._moments.extend(Moment(moment(at), ready, old) for at, ready, old in found.moments())

    def note(self, progress: Progress, now: float) -> None:
        """How it stands now."""
        if self.ended:
            return
        left = sum(1 for item in progress.replicas if not item.new and not meta.is_deleting(item.pod))
        moment = Moment(now, progress.ready_new, left)
        if not self._moments or (moment.ready, moment.old) != (self._moments[-1].ready, self._moments[-1].old):
            self._moments.append(moment)
        if self.revision is not None and progress.complete:
            self._ended = now

    def seconds(self, now: float) -> float:
        """How far back it goes, or how long it took."""
        if self._ended is not None:
            return max(self._ended - self._moments[0].at, 1.0)
        if self.revision is not None:
            return max(now - self._moments[0].at, 1.0)
        return max(now - self._moments[0].at, LEAST_SECONDS) if self._moments else LEAST_SECONDS

    def ready(self, width: int, now: float) -> list[float | None]:
        """New replicas that were ready, in so many equal steps of time; None before anybody looked, and where there
        were none."""
        return self._steps(width, now, lambda moment: moment.ready)

    def old(self, width: int, now: float) -> list[float | None]:
        """Old replicas that were left."""
        return self._steps(width, now, lambda moment: moment.old)

    def _steps(self, width: int, now: float, count: Callable[[Moment], int]) -> list[float | None]:
        step = self.seconds(now) / max(width, 1)
        now = now if self._ended is None else self._ended
        begins, found, index = now - step * width, [], -1
        for number in range(width):
            while index + 1 < len(self._moments) and self._moments[index + 1].at <= begins + step * (number + 1):
                index += 1
            found.append(float(count(self._moments[index])) or None if index >= 0 else None)
        return found
