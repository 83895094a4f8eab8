"""One agent per state folder: two would fight over the same containers."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType


class Locked(Exception):
    """Another agent uses the folder."""


class AgentLock:
    """Held while the process lives; the kernel lets go of it however the process ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "agent.lock"
        self._handle = -1

    def __enter__(self) -> AgentLock:
        self._path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = self._path.read_text().strip()
            os.close(self._handle)
            raise Locked(f"another agent (process {owner or 'unknown'}) uses {self._path.parent}") from error
        # For the message above only: a full disk may keep the number out, the lock holds without it.
        with suppress(OSError):
            os.ftruncate(self._handle, 0)
            os.write(self._handle, f"{os.getpid()}\n".encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)
