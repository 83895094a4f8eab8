"""Files that are whole or absent: a crash or a full disk in the middle of writing leaves the old content."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomic(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace the file by `data` in one step, durably; makes the folder (mode 0700) when it is missing.

    Blocks for as long as the disk needs: call it in a thread. OSError naming the file when the disk is full or
    read-only, with the old file untouched.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with naming(path):
        _replace(path, data, mode)
    _sync_folder(path.parent)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have an OSError inside name the file: the one of a write to a full disk says nothing of where."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _replace(path: Path, data: bytes, mode: int) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    # The rename itself lives in the folder: without this a power cut may bring the old name back.
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
