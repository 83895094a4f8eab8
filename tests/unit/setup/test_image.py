"""The example's image: the same files each time, made of a program that needs nothing else."""

from __future__ import annotations

import io
import struct
import tarfile
from pathlib import Path

from console.setup.image import archive, is_static


def elf(path: Path, *header_types: int) -> Path:
    """A 64-bit ELF file with program headers of these types."""
    head = bytearray(64)
    head[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<Q", head, 32, 64)
    struct.pack_into("<HH", head, 54, 56, len(header_types))
    path.write_bytes(bytes(head) + b"".join(struct.pack("<I", kind) + bytes(52) for kind in header_types))
    return path


def test_the_archive_has_what_the_command_needs_and_is_reproducible(tmp_path: Path) -> None:
    busybox = tmp_path / "busybox"
    busybox.write_bytes(b"program")
    with tarfile.open(fileobj=io.BytesIO(archive(busybox))) as tar:
        assert {"bin/busybox", "start", "www"} <= set(tar.getnames())
        assert tar.getmember("bin/busybox").mode & 0o111
        assert tar.extractfile("bin/busybox").read() == b"program"
    assert archive(busybox) == archive(busybox)


def test_a_program_with_an_interpreter_is_not_static(tmp_path: Path) -> None:
    assert is_static(elf(tmp_path / "static", 1, 1, 4))
    assert not is_static(elf(tmp_path / "dynamic", 6, 3, 1))


def test_other_files_are_not_static_programs(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert not is_static(script)
