"""Waiting with a deadline where there is no event loop: commands and setup."""

from __future__ import annotations

import time
from collections.abc import Callable

from .clock import Clock

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5  # seconds; quick for what is nearly done, gentle on a busy server


def wait_until(done: Callable[[], bool], seconds: float, clock: Clock) -> bool:
    """Ask `done` until it is true or `seconds` have passed; its last word counts."""
    deadline = clock.monotonic() + seconds
    pause = FIRST_PAUSE
    while not done():
        left = deadline - clock.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return True
