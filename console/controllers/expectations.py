"""What a controller did that its mirror does not show yet.

Between a create and the watch event for it the mirror lacks the object; a sync in that window would create it again.
So a controller notes what it expects and leaves the key alone until the mirror has shown all of it, or until the note
is too old to be believed. Names, not counts, are noted: an event that comes twice or from elsewhere fulfils nothing.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from common.clock import Clock
from common.errors import ApiError, InternalError, Timeout

K = TypeVar("K", bound=Hashable)

BELIEVED_SECONDS = 60.0  # a pod that came and went unseen stalls its owner this long; a watch lags far less
DOUBTFUL_SECONDS = 10.0  # for a request whose answer was lost: it may never have arrived


class Expectations(Generic[K]):
    """Per key of the queue the marks (a name to appear, a uid to go) that are still to be seen."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[K, dict[str, float]] = {}

    def expect(self, key: K, mark: str, seconds: float = BELIEVED_SECONDS) -> None:
        self._open.setdefault(key, {})[mark] = self._clock.monotonic() + seconds

    def seen(self, key: K, mark: str) -> None:
        marks = self._open.get(key)
        if marks is not None:
            marks.pop(mark, None)
            if not marks:
                del self._open[key]

    def failed(self, key: K, mark: str, error: Exception) -> None:
        """A refusal is certain; a lost answer may hide a success, so the mark stays for a while."""
        if isinstance(error, ApiError) and not isinstance(error, Timeout | InternalError):
            self.seen(key, mark)
        else:
            self.expect(key, mark, DOUBTFUL_SECONDS)

    def remaining(self, key: K) -> float:
        """Seconds until the last open mark of the key is given up; 0 when the mirror is up to date."""
        marks = self._open.get(key)
        if not marks:
            return 0.0
        left = max(marks.values()) - self._clock.monotonic()
        if left <= 0:
            self.forget(key)
        return max(left, 0.0)

    def forget(self, key: K) -> None:
        self._open.pop(key, None)
