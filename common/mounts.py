"""What is mounted on this host, from the kernel's table: that never waits for a server, as looking at a path would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TABLE = Path("/proc/self/mountinfo")
# proc(5): space, tab, newline and backslash are written in octal; whatever else a name has stands for itself.
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    point: Path
    filesystem: str


def mounts(table: str | None = None) -> list[Mount]:
    """All mounts in their order, one over another included. Blocks for a read of /proc unless the table is given."""
    text = TABLE.read_text(encoding="utf-8", errors="surrogateescape") if table is None else table
    return [_mount(line) for line in text.splitlines()]


def is_mounted(path: Path) -> bool:
    return any(mount.point == path for mount in mounts())


def below(*folders: Path, inclusive: bool = False, table: str | None = None) -> list[Path]:
    """Mount points in the folders, the innermost first: what has to be unmounted before a folder may be deleted, as
    what is on a server would be deleted with it. `inclusive` adds mounts at the folders themselves, which may be
    the user's own disks. A point that is mounted on twice comes twice."""
    points = [mount.point for mount in mounts(table)]
    outer = set(() if inclusive else folders)
    found = [point for point in points if point not in outer and any(map(point.is_relative_to, folders))]
    return sorted(found, key=lambda point: len(point.parts), reverse=True)


def _mount(line: str) -> Mount:
    before, _, after = line.partition(" - ")
    return Mount(Path(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), before.split(" ")[4])), after.split(" ")[0])
