"""How a rollout went while it was watched: what was ready of the new and left of the old, moment by moment. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .rollouts import Progress

MOST = 3600  # moments that are kept: an hour of one in which something changes every second
LEAST_SECONDS = 60.0  # shown at least, so that the first seconds are no picture of their own


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

    def note(self, progress: Progress, now: float) -> None:
        """How it stands now."""
        moment = Moment(now, progress.ready_new, sum(1 for item in progress.replicas if not item.new))
        if not self._moments or (moment.ready, moment.old) != (self._moments[-1].ready, self._moments[-1].old):
            self._moments.append(moment)

    def seconds(self, now: float) -> float:
        """How far back it goes."""
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
        begins, found, index = now - step * width, [], -1
        for number in range(width):
            while index + 1 < len(self._moments) and self._moments[index + 1].at <= begins + step * (number + 1):
                index += 1
            found.append(float(count(self._moments[index])) or None if index >= 0 else None)
        return found
