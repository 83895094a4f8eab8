"""The two times of a turn: what people read, and what deadlines are measured with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from common.api.meta import format_time, parse_time


@dataclass(frozen=True, slots=True)
class Moment:
    """`wall` goes into statuses; `mono` (seconds) never jumps and decides."""

    wall: datetime
    mono: float

    @property
    def text(self) -> str:
        return format_time(self.wall)

    def mono_of(self, text: str) -> float:
        """The monotonic time of a recorded moment; a moment in the future (a stepped clock) counts as now."""
        if not text:
            return self.mono
        try:
            age = (self.wall - parse_time(text)).total_seconds()
        except ValueError:
            return self.mono
        return self.mono - max(age, 0.0)
