"""The configuration on disk: a folder that is in use, one that is checked before it takes its place.

The folder lies in memory (/run), because private keys of certificates are in it: they are never written to a disk, and
after a reboot everything is made anew from the sealed assignment. All of it blocks.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

RUN = Path("/run/quarterdeck")


def folder_for(state: Path) -> Path:
    """The folder of the agent whose state is there; short, as a socket's path may have 100 characters."""
    return RUN / hashlib.sha256(str(state.absolute()).encode()).hexdigest()[:12]


class Files:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.current = folder / "current"
        self.candidate = folder / "candidate"
        self._mark = folder / "taken-up"

    def read(self) -> dict[str, bytes]:
        """What is in use, by name; empty when nothing is."""
        if not self.current.is_dir():
            return {}
        return {path.name: path.read_bytes() for path in self.current.iterdir()}

    def write_candidate(self, files: Mapping[str, bytes]) -> None:
        shutil.rmtree(self.candidate, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.candidate.mkdir(mode=0o700)
        for name, content in files.items():
            _write(self.candidate / name, content)

    def promote(self) -> None:
        """The candidate is good: it takes the place of what was in use."""
        shutil.rmtree(self.current, ignore_errors=True)
        self.candidate.rename(self.current)
        self._mark.unlink(missing_ok=True)

    def overwrite(self, files: Mapping[str, bytes], changed: set[str]) -> None:
        """Files of the configuration in use that a running process learns otherwise."""
        self._mark.unlink(missing_ok=True)
        for name in changed:
            temporary = self.folder / f".{name}"
            _write(temporary, files[name])
            temporary.replace(self.current / name)

    def taken_up(self) -> None:
        """The process does what the files say: whoever starts next need not tell it again."""
        self._mark.touch()

    def is_taken_up(self) -> bool:
        return self._mark.exists()

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
