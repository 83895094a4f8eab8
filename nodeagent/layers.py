"""The files of an image in a folder, out of a `docker save` archive: its layers one over the other.

Images are made by strangers and this runs as root, so every name is resolved as it would be with the folder as the root
of a machine: neither `..` nor links lead out of it. Devices and the bits that lend somebody's rights stay behind.
Everything here blocks.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_NO_NAMES = frozenset({"", ".", ".."})  # of what is in a folder
_MODES = 0o1777
_MAX_LINKS = 40  # as the kernel's


class BadImage(ValueError):
    """The archive is none, or has what no image has."""


def unpack(archive: Path, target: Path) -> None:
    """Fill a new folder. What was made of it is taken away again when the archive is broken: BadImage, OSError."""
    making = target.with_name(f".{target.name}.new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    try:
        with tarfile.open(archive) as saved:
            for name in _layers(saved):
                member = saved.extractfile(name)
                if member is None:
                    raise BadImage(f"layer {name} is no file")
                with tarfile.open(fileobj=member) as layer:
                    _apply(layer, making)
        making.rename(target)
    except (tarfile.TarError, zlib.error, EOFError, LookupError, ValueError, TypeError, OverflowError) as error:
        raise BadImage(f"the image's archive cannot be read: {error}") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _layers(saved: tarfile.TarFile) -> list[str]:
    member = saved.extractfile("manifest.json")
    manifest = json.load(member) if member is not None else []
    if len(manifest) != 1:
        raise BadImage(f"the archive has {len(manifest)} images")
    return [str(name) for name in manifest[0]["Layers"] or ()]


def _apply(layer: tarfile.TarFile, root: Path) -> None:
    members = layer.getmembers()
    # What a layer takes away is what those below it had, wherever in the layer that is said.
    for member in members:
        _take_away(root, PurePosixPath(member.name))
    for member in members:
        if not PurePosixPath(member.name).name.startswith(_WHITEOUT):
            _put(layer, member, root)


def _take_away(root: Path, name: PurePosixPath) -> None:
    if not name.name.startswith(_WHITEOUT):
        return
    folder = resolve(root, name.parent)
    if name.name == _OPAQUE:
        for item in folder.iterdir() if folder.is_dir() else ():
            _remove(item)
    else:
        taken = name.name.removeprefix(_WHITEOUT)
        if taken in _NO_NAMES:
            raise BadImage(f"{name} takes away nothing that has a name")
        _remove(folder / taken)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _put(layer: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    name = PurePosixPath(member.name)
    if name.name in _NO_NAMES:
        return
    folder = resolve(root, name.parent)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name.name
    if not (member.isdir() and path.is_dir() and not path.is_symlink()):
        _remove(path)
    if member.isdir():
        path.mkdir(exist_ok=True)
    elif member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        _link(root, PurePosixPath(member.linkname), path)
        return
    elif member.isreg():
        source = layer.extractfile(member)
        with path.open("xb") as file:
            if source is not None:
                shutil.copyfileobj(source, file)
    else:
        return
    os.chown(path, member.uid, member.gid, follow_symlinks=False)
    if not member.issym():
        path.chmod(member.mode & _MODES)
        os.utime(path, (member.mtime, member.mtime))


def _link(root: Path, other: PurePosixPath, path: Path) -> None:
    """A second name for what is there, which may be a link: that is not followed."""
    if other.name in _NO_NAMES:
        raise BadImage(f"{other} is no file that could have another name")
    os.link(resolve(root, other.parent) / other.name, path, follow_symlinks=False)


def resolve(root: Path, name: PurePosixPath) -> Path:
    """Where the name leads when `root` is the root of all: links are followed inside it, `..` stops at it."""
    parts = [part for part in reversed(name.parts) if part not in {"/", "."}]
    path, links = root, 0
    while parts:
        part = parts.pop()
        if part == "..":
            path = path.parent if path != root else root
            continue
        following = path / part
        if not following.is_symlink():
            path = following
            continue
        links += 1
        if links > _MAX_LINKS:
            raise BadImage(f"too many links in {name}")
        to = PurePosixPath(following.readlink())
        path = root if to.is_absolute() else path
        parts += [part for part in reversed(to.parts) if part not in {"/", "."}]
    return path
