"""One probe of one container: when it is due, and what a result means by its thresholds."""

from __future__ import annotations

from dataclasses import dataclass

from common.api.meta import Object

from .moment import Moment

STARTUP, LIVENESS, READINESS = "startup", "liveness", "readiness"
KINDS = (STARTUP, LIVENESS, READINESS)
EAGER = 0.1  # seconds after the first readiness probe; doubles until the period is reached


@dataclass(slots=True)
class ProbeTrack:
    """`verdict` is what counts; it changes only after so many equal results as the threshold says."""

    kind: str
    period: float
    success_threshold: int
    failure_threshold: int
    verdict: bool
    next_at: float = 0.0
    busy: bool = False
    held: bool = False  # it has failed for good: nothing to learn until the container is restarted
    last: bool | None = None
    run: int = 0
    began: float = 0.0
    eager: float = EAGER

    @classmethod
    def from_spec(cls, kind: str, spec: Object, started: float) -> ProbeTrack:
        """`started` is the monotonic time of the container's start."""
        delay = float(spec.get("initialDelaySeconds") or 0)
        return cls(
            kind=kind,
            period=float(spec.get("periodSeconds") or 10),
            success_threshold=int(spec.get("successThreshold") or 1),
            failure_threshold=int(spec.get("failureThreshold") or 3),
            verdict=kind == LIVENESS,
            next_at=started + delay,
        )

    def begin(self, now: Moment) -> None:
        self.busy = True
        self.began = now.mono
        self.next_at = now.mono + self.period

    def finish(self, success: bool | None) -> bool:
        """Take a result; returns whether a threshold of failures was just reached."""
        self.busy = False
        if success is None or self.held:
            return False
        if self.kind == READINESS and not success and not self.verdict and self.eager < self.period:
            # As Kubernetes allows: a container that is not ready yet is looked at more often, to be ready sooner.
            self.next_at = self.began + self.eager
            self.eager *= 2
        self.run = self.run + 1 if success == self.last else 1
        self.last = success
        if self.run < (self.success_threshold if success else self.failure_threshold):
            return False
        failed = not success and (self.verdict or self.kind == STARTUP)
        self.verdict = success
        if not success and self.kind in {STARTUP, LIVENESS}:
            self.held = True
        return failed
