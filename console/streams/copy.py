"""Files and folders between this machine and a container, through `tar` in the container, as `kubectl cp` does.

Neither side is ever held in memory: the tar stream goes through a pipe, whose other end a thread packs or unpacks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import posixpath
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from common.aio import Tasks

from .archive import BadArchive, Say, pack, unpack
from .channels import CHUNK, Opener
from .execute import Done, Place, execute

NOT_RUN = frozenset({126, 127})  # what shells and engines answer for a program that is not there
Moved = Callable[[int], None]


class CopyFailed(Exception):
    """Nothing, or not all, was copied; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A path in a container."""

    place: Place
    path: str


async def upload(client: Opener, source: Path, remote: Remote, moved: Moved) -> str:
    """Copy a file or folder into the container, and into `remote` itself when that is a folder there; the path that it
    has then. `moved` is told how many bytes went, again and again. Raises CopyFailed, ApiError."""
    if not await asyncio.to_thread(source.exists):
        raise CopyFailed(f"{source} does not exist on this machine")
    target = remote.path
    if (await execute(client, remote.place, ["test", "-d", target])).code == 0:
        target = posixpath.join(target, (await asyncio.to_thread(source.resolve)).name)
    folder, name = posixpath.split(target.rstrip("/"))
    if not name:
        raise CopyFailed(f"{remote.path!r} is no path that something can be copied to")
    tasks = Tasks("upload")
    with _pipe() as (reading, writing):
        packing = tasks.start("pack", _pack(source, name, writing))
        try:
            command = ["tar", "-xmf", "-", "-C", folder or ("/" if target.startswith("/") else ".")]
            done = await execute(client, remote.place, command, source=_pieces(reading, moved))
        finally:
            reading.close()  # whoever still writes ends
            failed = await _outcome(packing)
    _check(remote, failed, done)
    return target


async def download(client: Opener, remote: Remote, target: Path, say: Say, moved: Moved) -> Path:
    """Copy a file or folder out of the container, and into `target` itself when that is a folder here; the path that it
    has then. Raises CopyFailed, ApiError."""
    folder, name = posixpath.split(remote.path.rstrip("/"))
    into = await asyncio.to_thread(target.is_dir)
    if into and name:
        target /= name
    if not await asyncio.to_thread(target.parent.is_dir):
        raise CopyFailed(f"{target.parent} is no folder of this machine")
    tasks = Tasks("download")
    with _pipe() as (reading, writing):

        async def write(data: bytes) -> None:
            await asyncio.to_thread(_write_all, writing, data)
            moved(len(data))

        unpacking = tasks.start("unpack", asyncio.to_thread(_unpack, reading, name or ".", target, say))
        done = Done(0, "")
        try:
            # A broken pipe: unpacking refused what came, and says why itself.
            with contextlib.suppress(BrokenPipeError):
                command = [
                    "tar",
                    "-cf",
                    "-",
                    "-C",
                    folder or ("/" if remote.path.startswith("/") else "."),
                    name or ".",
                ]
                done = await execute(client, remote.place, command, sink=write)
        finally:
            writing.close()
            failed = await _outcome(unpacking)
    _check(remote, failed, done)
    return target


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Unbuffered file objects: unlike bare descriptors they may be closed while a thread still uses them."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0) as source, os.fdopen(writing, "wb", 0) as sink:
        yield source, sink


async def _pack(source: Path, name: str, writing: IO[bytes]) -> None:
    await asyncio.to_thread(_pack_and_close, source, name, writing)


def _pack_and_close(source: Path, name: str, writing: IO[bytes]) -> None:
    with writing, os.fdopen(os.dup(writing.fileno()), "wb") as whole:
        pack(source, name, whole)


async def _pieces(reading: IO[bytes], moved: Moved) -> AsyncIterator[bytes]:
    while data := await asyncio.to_thread(reading.read, CHUNK):
        yield data
        moved(len(data))


def _unpack(reading: IO[bytes], root: str, target: Path, say: Say) -> None:
    with reading, os.fdopen(os.dup(reading.fileno()), "rb") as whole:
        unpack(whole, root, target, say)


def _write_all(writing: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[writing.write(view) :]


async def _outcome(work: asyncio.Task[None]) -> str:
    """What went wrong on this machine; empty when nothing did."""
    try:
        await work
    except BrokenPipeError:
        return ""  # the container's side ended first and says why
    except (OSError, BadArchive) as error:
        return str(error)
    return ""


def _check(remote: Remote, failed: str, done: Done) -> None:
    pod = remote.place.pod
    if done.code in NOT_RUN:
        raise CopyFailed(
            f"the image of {pod.name} has no `tar`, which copying needs: add it to the image, or copy from a container "
            "of the pod that has it (-c)"
        )
    if done.code:
        told = [line for line in done.err.splitlines() if "removing leading" not in line.lower()]
        raise CopyFailed(f"tar in {pod.name}: {(told or [f'it ended with {done.code}'])[0]}")
    if failed:
        raise CopyFailed(failed)
