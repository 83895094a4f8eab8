"""What is mounted on this host, from the kernel's table: that never waits for a server, as looking at a path would."""

from __future__ import annotations

from pathlib import Path


def mounts() -> dict[str, str]:
    """Mount points and their file system types. Blocks for a read of /proc."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        found[_unescaped(before.split()[4])] = after.split()[0]
    return found


def is_mounted(path: Path) -> bool:
    return str(path) in mounts()


def below(folder: Path) -> list[Path]:
    """Mount points in the folder, the innermost first: what has to be unmounted before the folder may be deleted, as
    what is on a server would be deleted with it."""
    return [Path(path) for path in sorted(mounts(), reverse=True) if path.startswith(f"{folder}/")]


def _unescaped(text: str) -> str:
    return text.encode().decode("unicode_escape") if "\\" in text else text
