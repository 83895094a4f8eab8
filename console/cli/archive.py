"""A `docker save` archive without the layers that its receiver has. Pure but for reading the archive's file.

The engine takes a layer again when it stands on the same layers below it, so an archive needs only the others.
"""

from __future__ import annotations

import io
import json
import posixpath
import tarfile
from collections.abc import Iterator
from typing import IO, Any

CHUNK = 1024 * 1024


class BadArchive(Exception):
    """The engine gave something that is no image archive."""


def read_manifest(archive: tarfile.TarFile) -> list[dict[str, Any]]:
    """`manifest.json`: for each image its config, its tags and its layers' files. Raises BadArchive."""
    try:
        file = archive.extractfile("manifest.json")
        found = json.load(file) if file else None
    except (KeyError, ValueError, tarfile.TarError) as error:
        raise BadArchive(f"the engine's archive of the image has no readable manifest: {error}") from error
    if not isinstance(found, list) or not found:
        raise BadArchive("the engine's archive of the image has an empty manifest")
    return found


def layer_files(archive: tarfile.TarFile) -> list[tuple[str, str]]:
    """Each layer of the (single) image as (diff id, path of its file in the archive), the lowest first."""
    image = read_manifest(archive)[0]
    try:
        config = archive.extractfile(image["Config"])
        diff_ids = json.load(config)["rootfs"]["diff_ids"] if config else []
        return list(zip(diff_ids, image["Layers"], strict=True))
    except (KeyError, TypeError, ValueError) as error:
        raise BadArchive(f"the engine's archive of the image is not as expected: {error}") from error


def skipped_files(archive: tarfile.TarFile, missing: frozenset[str]) -> frozenset[str]:
    """Files that hold layers which are not missing; a file that a needed layer shares or links to stays."""
    layers = layer_files(archive)
    needed = {path for diff_id, path in layers if diff_id in missing}
    for path in list(needed):
        member = archive.getmember(path)
        if member.issym() or member.islnk():
            base = "" if member.islnk() else posixpath.dirname(path)
            needed.add(posixpath.normpath(posixpath.join(base, member.linkname)))
    return frozenset(path for _, path in layers) - needed


def without(file: IO[bytes], skipped: frozenset[str]) -> Iterator[bytes]:
    """The archive's bytes without these files."""
    file.seek(0)
    with tarfile.open(fileobj=file) as archive:
        for member in archive:
            if member.name in skipped:
                continue
            yield member.tobuf()
            data = archive.extractfile(member) if member.isreg() else None
            while data and (chunk := data.read(CHUNK)):
                yield chunk
            yield bytes(-member.size % tarfile.BLOCKSIZE if member.isreg() else 0)
    yield bytes(2 * tarfile.BLOCKSIZE)


def open_archive(file: IO[bytes]) -> tarfile.TarFile:
    """Raises BadArchive."""
    file.seek(0, io.SEEK_SET)
    try:
        return tarfile.open(fileobj=file)
    except tarfile.TarError as error:
        raise BadArchive(f"the engine's archive of the image cannot be read: {error}") from error
