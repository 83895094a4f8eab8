"""What setup started and made on this machine, on disk before it is done.

Each act is written down first, atomically, so that whatever kills setup (Ctrl-C, kill -9, power) the next `up` or
`down` knows what may exist. Removing is idempotent; an entry goes when its thing is gone.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from common.files import write_atomic
from common.settings import Home

from .places import Places


class Busy(Exception):
    """Another setup works on the same home."""


class Unreadable(Exception):
    """The journal is there and is no journal."""


@dataclass(frozen=True, slots=True)
class Entries:
    """`packages`: installed by us, they stay. `engine`: "" (not ours), "systemd" or "process". `before`: what of the
    machine the engine and the agent change, as it was (sysctls, iptables policies, paths)."""

    packages: tuple[str, ...] = ()
    engine: str = ""
    agent: bool = False
    control_plane: bool = False
    image: str = ""
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Nothing to undo; packages stay anyway."""
        return replace(self, packages=(), before={}) == Entries()


def journal_path(home: Home) -> Path:
    return home.path / "setup.json"


def load(home: Home) -> Entries:
    """The journal; empty when there is none. Raises Unreadable."""
    path = journal_path(home)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Entries()
    except ValueError as error:
        raise Unreadable(
            f"{path} is damaged ({error}); it is written whole or not at all, so another hand did it. Put back a copy, "
            "or remove it: what it named then stays on this machine until you remove it"
        ) from None
    if not isinstance(data, dict):
        raise Unreadable(f"{path} is damaged: it holds no object")
    known = {item.name for item in fields(Entries)}
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in data.items() if key in known
    }
    return Entries(**values)


def save(home: Home, entries: Entries) -> None:
    """Replace the journal; on return it is on disk. Root keeps the file the home's owner's."""
    text = json.dumps(asdict(entries), indent=2) + "\n"
    write_atomic(journal_path(home), text.encode(), 0o644)  # no secrets; readable whoever wrote it last
    give_to_owner(home, journal_path(home))


def record(home: Home, **changes: Any) -> Entries:
    """Write down a change; returns the new entries."""
    entries = replace(load(home), **changes)
    save(home, entries)
    return entries


def give_to_owner(home: Home, path: Path) -> None:
    """What root makes in a user's home belongs to the user (setup runs its privileged part through sudo)."""
    owner = home.path.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(path, owner.st_uid, owner.st_gid)


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Only one setup at a time; the lock goes with the process, so that no crash leaves it. Raises Busy."""
    home.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Before anything runs as root: in a folder that root made the user could not keep pid files.
    Places(home).run.mkdir(exist_ok=True)
    with (home.path / "setup.lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise Busy(f"another `make run`, `down` or `purge` is at work on {home.path} (process {holder})") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
