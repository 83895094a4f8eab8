"""Paths of the host: folders of our own, whole or absent, and paths of others, checked. Everything here blocks."""

from __future__ import annotations

import os
import re
import shutil
import stat
from pathlib import Path

from common.api.meta import Object

from .attachments import VolumeFailure

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_CHECKS = {
    "Directory": (stat.S_ISDIR, "directory"),
    "File": (stat.S_ISREG, "file"),
    "Socket": (stat.S_ISSOCK, "socket"),
    "CharDevice": (stat.S_ISCHR, "character device"),
    "BlockDevice": (stat.S_ISBLK, "block device"),
}
_MAKING, _GOING = ".new-", ".gone-"


def safe_name(text: str, what: str) -> str:
    """The text, when it can be the name of a folder."""
    if not _SAFE.fullmatch(text):
        raise VolumeFailure(f"{what} {text!r} cannot be the name of a folder")
    return text


def make_folder(path: Path, group: int | None) -> None:
    """A folder that every user may write to. Made under another name first: what has its name is complete, however
    this ended. `group` gets it in addition."""
    if not path.is_dir():
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        fresh = path.parent / f"{_MAKING}{path.name}"
        if fresh.is_dir():
            fresh.rmdir()
        fresh.mkdir()
        fresh.chmod(0o777)
        fresh.rename(path)
    if group is not None:
        give_to_group(path, group)


def give_to_group(path: Path, group: int) -> None:
    """Have a folder, or the one that a link leads to, belong to the group; nothing to do when it does already."""
    folder = path.resolve()
    if folder.stat().st_gid != group:
        own_by_group(folder, group)


def own_by_group(path: Path, group: int) -> None:
    """What kubelet does for fsGroup: all belongs to the group, which may read and write; new files are the group's.

    Pods write there meanwhile: everything is held open before it is looked at, so that what they put in its place, such
    as a link to a file of the host, is not given away.
    """
    for _, _, files, folder in os.fwalk(path):
        _share(folder, group, 0o2770)
        for name in files:
            try:
                file = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)
            except FileNotFoundError:
                continue
            try:
                if not stat.S_ISLNK(os.fstat(file).st_mode):
                    _share(file, group, 0o660)
            finally:
                os.close(file)


def _share(descriptor: int, group: int, mode: int) -> None:
    # By its name in /proc, as a descriptor that is only a place cannot be changed itself.
    place = f"/proc/self/fd/{descriptor}"
    os.chown(place, -1, group)
    os.chmod(place, stat.S_IMODE(os.fstat(descriptor).st_mode) | mode)  # noqa: PTH101 - pathlib would resolve it


def remove_folder(path: Path) -> None:
    """Out of sight at once, then away; what a crash left of that goes with the next removal."""
    doomed = path.parent / f"{_GOING}{path.name}"
    if path.is_dir():
        if doomed.exists():
            shutil.rmtree(doomed)
        path.rename(doomed)
    if doomed.exists():
        shutil.rmtree(doomed)


def check_host_path(spec: Object) -> None:
    """hostPath's `type`: make what may be made, refuse what is something else, with kubelet's words."""
    path, kind = Path(str(spec.get("path", ""))), str(spec.get("type") or "")
    if not path.is_absolute():
        raise VolumeFailure(f"hostPath {str(path)!r} is not an absolute path")
    if kind.endswith("OrCreate"):
        kind = kind.removesuffix("OrCreate")
        if kind == "Directory":
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
        elif not path.exists():
            path.touch(mode=0o644)
    if not kind:
        # What container runtimes do with a path that is not there, so that manifests rely on it.
        if not path.exists():
            path.mkdir(mode=0o755, parents=True)
        return
    if kind not in _CHECKS:
        raise VolumeFailure(f"hostPath type {kind!r} is unknown: known are {', '.join(_CHECKS)}")
    check, words = _CHECKS[kind]
    if not path.exists() or not check(path.stat().st_mode):
        raise VolumeFailure(f"hostPath type check failed: {path} is not a {words}")
