"""When garbage is collected: never while somebody types.

Looking through all that a console keeps of ten thousand pods takes 50 to 100 ms, in which no key is answered. So what
was loaded is taken out of the collector's sight (frozen), what came since is looked through at rest, and everything
after a long rest, for the sake of what was frozen and is no longer needed.
"""

from __future__ import annotations

import gc

from common.clock import Clock

LOOK_SECONDS = 5.0
REST_SECONDS = 2.0  # without a key: a short look, which takes milliseconds
LONG_REST_SECONDS = 30.0
DEEP_SECONDS = 600.0  # between looks at everything


class Tidying:
    """`touched` says that the user is there; `run` goes on for as long as the console does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._touched = self._deep = clock.monotonic()

    def touched(self) -> None:
        self._touched = self._clock.monotonic()

    async def run(self) -> None:
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Collect what the moment allows."""
        now = self._clock.monotonic()
        rest = now - self._touched
        if rest < REST_SECONDS:
            return
        if rest >= LONG_REST_SECONDS and now - self._deep >= DEEP_SECONDS:
            self._deep = now
            gc.unfreeze()
        gc.collect()
        gc.freeze()
