"""Deadlines that are put off all the time, and seldom come.

A watch waits for changes and for its client, each with a limit, thousands of times a second over all. A timer of the
loop for each of these would cost as much as what is sent.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Alarm:
    """Calls back when it was not put off in time. Putting it off costs two assignments: the loop's timer is moved when
    it goes off too early, not before."""

    __slots__ = ("_at", "_call", "_loop", "_timer")

    def __init__(self, call: Callable[[], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._call = call
        self._at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Call back in so many seconds, unless it is set anew or stopped before."""
        self._at = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._at:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._at, self._ring)

    def rest(self) -> None:
        """Call back no more until it is set again."""
        self._at = math.inf

    def stop(self) -> None:
        """For good."""
        self.rest()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if self._at > self._loop.time():
            if self._at < math.inf:
                self._timer = self._loop.call_at(self._at, self._ring)
            return
        self.rest()
        self._call()
