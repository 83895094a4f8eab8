"""How far a copy is and how quick, in words: for the console and the command line, which show it while they wait."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from common.clock import Clock
from console.views.amounts import size

RECENT_SECONDS = 5.0  # what its speed is measured over
TAR_BLOCK = 512  # bytes: each file has a header of one, and is padded to whole ones


class Progress:
    """`total` is how many bytes there will be, 0 when nobody knows."""

    def __init__(self, clock: Clock, total: int = 0) -> None:
        self.moved = 0
        self.total = total
        self._clock = clock
        self._recent: deque[tuple[float, int]] = deque([(clock.monotonic(), 0)])

    def count(self, more: int) -> None:
        """So many bytes more went."""
        self.moved += more

    def text(self) -> str:
        """`12Mi of 200Mi, 6%, 8Mi/s`."""
        now = self._clock.monotonic()
        self._recent.append((now, self.moved))
        while len(self._recent) > 2 and now - self._recent[0][0] > RECENT_SECONDS:
            self._recent.popleft()
        since, before = self._recent[0]
        speed = f", {size(round((self.moved - before) / (now - since)))}/s" if now > since else ""
        if not self.total:
            return f"{size(self.moved)}{speed}"
        share = min(self.moved * 100 // self.total, 100)
        return f"{size(self.moved)} of {size(self.total)}, {share}%{speed}"


def size_of(path: Path) -> int:
    """About how many bytes a file or folder is as tar: what cannot be read counts nothing. Blocks."""
    if not path.is_dir():
        return _as_tar(path)
    return sum(_as_tar(Path(folder, name)) for folder, _, names in os.walk(path) for name in names)


def _as_tar(path: Path) -> int:
    try:
        length = path.stat(follow_symlinks=False).st_size
    except OSError:
        return 0
    return TAR_BLOCK + -(-length // TAR_BLOCK) * TAR_BLOCK
