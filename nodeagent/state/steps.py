"""Small clocks of the machine: an operation that is retried, and the back-off of a crashing container.

Delays are kubelet's: 10 s doubling to 5 min, forgotten after 10 min of peace.
"""

from __future__ import annotations

from dataclasses import dataclass

from .moment import Moment

BACKOFF_BASE = 10.0
BACKOFF_MAX = 300.0
BACKOFF_FORGET = 600.0  # twice the maximum, so that a container crashing every 5 min stays in back-off


@dataclass(slots=True)
class Step:
    """One operation at a time: idle, in flight, or done; after a failure not before `retry_at`."""

    busy: bool = False
    done: bool = False
    retry_at: float = 0.0
    failures: int = 0

    def begin(self) -> None:
        self.busy = True

    def succeed(self) -> None:
        self.busy, self.done, self.failures, self.retry_at = False, True, 0, 0.0

    def fail(self, now: Moment, base: float, maximum: float) -> float:
        """Note a failure; returns the delay until the next try."""
        delay: float = min(base * 2.0 ** min(self.failures, 16), maximum)
        self.busy, self.done = False, False
        self.failures += 1
        self.retry_at = now.mono + delay
        return delay

    def hurry(self) -> None:
        """The cause of the failure may be gone: try at once."""
        self.retry_at = 0.0


@dataclass(slots=True)
class CrashBackoff:
    """The first restart is immediate; each further one waits twice as long, counted from the container's end."""

    delay: float = 0.0
    updated: float = 0.0

    def restart_at(self, ended: float) -> float:
        return ended + self.delay if self.delay and ended - self.updated <= BACKOFF_FORGET else ended

    def restarted(self, now: Moment) -> None:
        stale = now.mono - self.updated > BACKOFF_FORGET
        self.delay = BACKOFF_BASE if not self.delay or stale else min(self.delay * 2, BACKOFF_MAX)
        self.updated = now.mono
