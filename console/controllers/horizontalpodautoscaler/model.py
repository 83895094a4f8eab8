"""What the decisions are about: pods and their figures, one metric's proposal, and what an autoscaler remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.api import meta, pods
from common.api.meta import Object

TOLERANCE = 0.1
CPU_INITIALIZATION = timedelta(minutes=5)
"""After its start a pod's CPU figures count only once they are from after it became ready."""
INITIAL_READINESS = timedelta(seconds=30)
"""A pod that became unready within this time of its start was never ready."""


class MetricError(Exception):
    """A metric gives no replica count; `reason` is that of the ScalingActive condition, `what` could not be had."""

    def __init__(self, reason: str, what: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.what = what


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far from 1 a ratio of use may be with nothing done."""

    down: float = TOLERANCE
    up: float = TOLERANCE

    def hold(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


@dataclass(frozen=True, slots=True)
class Sample:
    """The figure of one pod in thousandths; an average of the `window` that ended at `timestamp`."""

    value: int
    timestamp: datetime
    window: timedelta = timedelta(seconds=60)


Samples = Mapping[str, Sample]
"""By name of the pod."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one metric asks for. `status` is its entry in status.currentMetrics, `name` how messages call it."""

    replicas: int
    name: str
    status: Object


@dataclass(frozen=True, slots=True)
class Scaled:
    """A change of the size: by how many replicas, and when."""

    at: datetime
    replicas: int


@dataclass(frozen=True, slots=True)
class History:
    """What an autoscaler remembers between two looks. It is kept in memory alone, as Kubernetes does: after a restart
    the present size is the first recommendation."""

    recommendations: tuple[Scaled, ...] = ()
    ups: tuple[Scaled, ...] = ()
    downs: tuple[Scaled, ...] = ()


def is_ignored(pod: Object) -> bool:
    """Whether a pod counts for nothing: it ends or has failed."""
    return meta.is_deleting(pod) or pods.phase(pod) == "Failed"
