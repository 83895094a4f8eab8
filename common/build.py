"""Which program answers: what `/version` says of the code that runs.

A cluster is looked after from machines with different copies of this program; two that say the same here run the same
code. There is no commit to name, since a copy may be a checkout, a wheel or somebody's change of either: a digest of
the code itself stands for it.
"""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

_GO_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
PACKAGES = ("common", "console", "nodeagent")


def architecture() -> str:
    """This machine's, by the name that Kubernetes has from Go."""
    machine = platform.machine()
    return _GO_NAMES.get(machine, machine)


@dataclass(frozen=True, slots=True)
class Build:
    """`digest` has the form of a git commit; `date` is when the newest file of the code was made."""

    digest: str
    date: datetime


@lru_cache(maxsize=1)
def this_build() -> Build:
    """Reads all of the code once: blocks for the disk."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha1(usedforsecurity=False)
    newest = 0.0
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes())
            newest = max(newest, path.stat().st_mtime)
    return Build(digest.hexdigest(), datetime.fromtimestamp(newest, UTC))
