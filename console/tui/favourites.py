"""The namespaces that have a number, 1 to 9, on a key: chosen in `:ns`, kept for each cluster in one file.

Numbers are given, not guessed from what was used last, so that a key means the same tomorrow.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from common.files import write_atomic

from .actions import FAVOURITES

FILE = "favourites.json"
_FIRST = {1: "default"}  # until somebody chooses


class Favourites:
    """`path` is the file, None for a console that keeps nothing."""

    def __init__(self, path: Path | None, cluster: str) -> None:
        self._path = path
        self._cluster = cluster
        self.numbers: dict[int, str] = dict(_FIRST)
        known = _read(path).get(cluster) if path else None
        if isinstance(known, dict):
            self.numbers = {int(key): str(name) for key, name in known.items() if _is_number(key)}

    def number_of(self, namespace: str) -> int | None:
        return next((number for number, name in self.numbers.items() if name == namespace), None)

    def toggle(self, namespaces: Sequence[str]) -> str:
        """Give each the next free number, or take them away when all have one; says what was done. ValueError when
        there are not enough numbers left, with nothing changed."""
        lacking = [name for name in namespaces if self.number_of(name) is None]
        if not lacking:
            self.numbers = {number: name for number, name in self.numbers.items() if name not in namespaces}
            return f"{', '.join(namespaces)}: no key any more"
        free = [number for number in FAVOURITES if number not in self.numbers]
        if len(free) < len(lacking):
            raise ValueError(f"{len(free)} of the numbers 1 to 9 are free: * on a namespace that has one frees it")
        given = dict(zip(free, lacking, strict=False))
        self.numbers = dict(sorted({**self.numbers, **given}.items()))
        return ", ".join(f"{number} shows {name}" for number, name in given.items())

    def keep(self) -> None:
        """Write the file; blocks, and raises OSError naming it."""
        if self._path is not None:
            everything = {**_read(self._path), self._cluster: {str(key): name for key, name in self.numbers.items()}}
            write_atomic(self._path, json.dumps(everything, indent=2, sort_keys=True).encode() + b"\n")


def _is_number(key: str) -> bool:
    return key.isdecimal() and int(key) in FAVOURITES


def _read(path: Path) -> dict[str, object]:
    """What the file says; a file that cannot be read has no favourites: they are a convenience, not state."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
