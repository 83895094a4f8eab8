"""The files of the audit log: one that is written to, and older ones, all of bounded size.

Lines are appended whole, by a thread, so that neither a slow disk nor a full one stops the control plane: what cannot
be written waits, in bounded memory, and whatever had to be dropped is told. A kill -9 loses lines that the thread had
not yet; those of writes come back from the history (`Auditor.recover`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

NAME = "audit.log"
MAX_BYTES = 32 * 1024 * 1024
KEPT = 7  # older files, so a quarter of a GiB in all
_OLDER = "audit-*.log"


class AuditFile:
    """Blocks for the disk: use it in threads, one at a time."""

    def __init__(self, folder: Path, limit: int = MAX_BYTES, kept: int = KEPT) -> None:
        self._folder = folder
        self._limit = limit
        self._kept = kept
        self._handle: int | None = None
        self._size = 0

    def append(self, data: bytes, now: datetime) -> None:
        """Raises OSError, with the file as it was."""
        if self._handle is not None and self._size and self._size + len(data) > self._limit:
            self._rotate(now)
        handle = self._open()
        try:
            _write(handle, data)
        except OSError:
            os.ftruncate(handle, self._size)
            raise
        self._size += len(data)

    def _open(self) -> int:
        if self._handle is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = os.open(self._folder / NAME, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._size = os.fstat(self._handle).st_size
            if self._size and os.pread(self._handle, 1, self._size - 1) != b"\n":
                # A line that was cut by a power failure ends here, so that the next one is whole.
                _write(self._handle, b"\n")
                self._size += 1
        return self._handle

    def _rotate(self, now: datetime) -> None:
        self.close()
        older = self._folder / f"audit-{now:%Y%m%dT%H%M%S.%f}.log"
        (self._folder / NAME).replace(older)
        for path in sorted(self._folder.glob(_OLDER))[: -self._kept]:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def files(folder: Path) -> list[Path]:
    """All files of the log, the oldest first."""
    found = sorted(folder.glob(_OLDER))
    current = folder / NAME
    return [*found, current] if current.exists() else found


def newest_lines(folder: Path, limit: int) -> Iterator[bytes]:
    """Whole lines of the last `limit` bytes of the log, oldest first. Blocks for the disk."""
    parts: list[bytes] = []
    for path in reversed(files(folder)):
        if limit <= 0:
            break
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            data = file.read()
        if size > limit:
            data = data.partition(b"\n")[2]
        limit -= size
        parts.append(data)
    for data in reversed(parts):
        yield from data.splitlines()
