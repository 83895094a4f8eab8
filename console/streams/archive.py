"""Trees of files as tar streams, for `copy`: packed from disk, and unpacked without ever leaving the folder they go to.

What comes out of a container is not trusted: names that lead elsewhere end the copy, links and devices are skipped and
named. A file is written beside its place and renamed, so that a cut copy leaves no half file under the right name.
Everything here blocks.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

PART = ".quarterdeck-part"
Say = Callable[[str], None]


class BadArchive(Exception):
    """The stream is no tar archive, ends too early, or has a name that leads out of its folder."""


def pack(source: Path, name: str, stream: IO[bytes]) -> None:
    """Write `source`, a file or folder, under `name`. OSError names what cannot be read."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT, dereference=False) as archive:
        archive.add(source, name)


def unpack(stream: IO[bytes], root: str, target: Path, say: Say) -> int:
    """Write members below `root` to `target` (the member `root` itself becomes `target`); the number of files. Raises
    BadArchive, OSError."""
    count = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                place = _place(member.name, root, target)
                if member.isdir():
                    place.mkdir(parents=True, exist_ok=True)
                elif member.isreg():
                    _write(archive, member, place, target)
                    count += 1
                else:
                    say(f"skipped {member.name}: it is a {_sort(member)}")
    except tarfile.TarError as error:
        raise BadArchive(f"what the container sent is no whole tar archive: {error}") from error
    return count


def _place(name: str, root: str, target: Path) -> Path:
    parts = PurePosixPath(name.removeprefix("./")).parts
    if ".." in parts or name.startswith("/"):
        raise BadArchive(f"the container sent the name {name!r}, which leads out of {target}: nothing more is written")
    top = PurePosixPath(root).parts
    if parts[: len(top)] != top:
        raise BadArchive(f"the container sent {name!r} and was asked for {root!r}")
    return target.joinpath(*parts[len(top) :])


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path, target: Path) -> None:
    content = archive.extractfile(member)
    if content is None:
        raise BadArchive(f"{member.name} has no content")
    if place != target:
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.parent.resolve().is_relative_to(target.resolve()):
            raise BadArchive(f"{place} leads out of {target} over a link: nothing more is written")
    part = place.with_name(place.name + PART)
    try:
        with part.open("wb") as file:
            shutil.copyfileobj(content, file)
        part.chmod(member.mode & 0o777)
        os.utime(part, (member.mtime, member.mtime))
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def _sort(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"link to {member.linkname}"
    return "device" if member.isdev() else "file of no common sort"
