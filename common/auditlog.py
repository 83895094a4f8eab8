"""The files of the audit log: one that the API server writes to, and older ones, all of bounded size.

Lines are appended whole, so that a full disk or a power failure spoils none but its own. The command line reads them
without the API server, which may be what somebody wants to know about. Everything here blocks for the disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

NAME = "audit.log"
MAX_BYTES = 32 * 1024 * 1024
KEPT = 7  # older files, so a quarter of a GiB in all
_OLDER = "audit-*.log"


class AuditFile:
    """Use it in one thread at a time."""

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


def follow(folder: Path, pause: Callable[[], None]) -> Generator[bytes]:
    """Whole lines as they are added from now on, over changes of the file; never ends."""
    current = folder / NAME
    fresh = False  # whether the file began while we looked, so that all of it is new
    while True:
        try:
            file = current.open("rb")
        except FileNotFoundError:
            fresh = True
            pause()
            continue
        with file:
            file.seek(0, os.SEEK_SET if fresh else os.SEEK_END)
            yield from _lines_while(file, current, pause)
        fresh = True


def _lines_while(file: BinaryIO, path: Path, pause: Callable[[], None]) -> Iterator[bytes]:
    """Whole lines of a file until it has another name and was read to its end."""
    rest = b""
    while True:
        moved = _is_moved(file, path)  # asked before the last read
        *lines, rest = (rest + file.read()).split(b"\n")
        yield from lines
        if moved:
            return
        pause()


def _is_moved(file: BinaryIO, path: Path) -> bool:
    try:
        return path.stat().st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return True


def every_line(folder: Path) -> Iterator[bytes]:
    """All lines, oldest first."""
    for path in files(folder):
        with suppress(FileNotFoundError), path.open("rb") as file:  # the oldest may go while we read
            yield from file


def newest_lines(folder: Path, limit: int) -> Iterator[bytes]:
    """Whole lines of about the last `limit` bytes of the log, oldest first."""
    left = limit
    chosen: list[tuple[Path, int]] = []
    for path in reversed(files(folder)):
        if left <= 0:
            break
        size = path.stat().st_size
        chosen.append((path, max(0, size - left)))
        left -= size
    for path, start in reversed(chosen):
        with path.open("rb") as file:
            file.seek(start)
            if start:
                file.readline()
            yield from file
