"""Copies: what comes out of a container may hold any name and any sort of file, and must stay in its folder."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from console.streams.archive import BadArchive, pack, unpack


def archive(*members: tuple[str, bytes | str]) -> io.BytesIO:
    """Files by name and content; a text is where a link of that name leads."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    buffer.seek(0)
    return buffer


def test_a_tree_comes_back_as_it_went_with_its_modes(tmp_path: Path) -> None:
    source = tmp_path / "site"
    (source / "pages").mkdir(parents=True)
    (source / "pages" / "ä b.html").write_bytes(b"\x00" * 100_000)
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o750)
    stream = io.BytesIO()
    pack(source, "other", stream)
    stream.seek(0)
    assert unpack(stream, "other", tmp_path / "back", pytest.fail) == 2
    assert (tmp_path / "back" / "pages" / "ä b.html").read_bytes() == b"\x00" * 100_000
    assert (tmp_path / "back" / "run.sh").stat().st_mode & 0o777 == 0o750


def test_a_file_replaces_one_of_its_name_and_the_link_that_stood_there(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "log").symlink_to(tmp_path / "precious")
    unpack(archive(("log", b"theirs")), "log", tmp_path / "log", pytest.fail)
    assert (tmp_path / "log").read_text() == "theirs"
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize("name", ["data/../../evil", "../evil", "/etc/evil", "data/x/../../../evil", "elsewhere/evil"])
def test_a_name_that_leads_out_of_the_folder_ends_the_copy(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadArchive):
        unpack(archive((name, b"x")), "data", tmp_path / "inside", pytest.fail)
    assert list(tmp_path.rglob("evil")) == []


def test_links_are_skipped_and_named_and_nothing_is_written_through_one(tmp_path: Path) -> None:
    told: list[str] = []
    target = tmp_path / "target"
    unpack(archive(("data/link", "/etc"), ("data/kept", b"1")), "data", target, told.append)
    assert told == ["skipped data/link: it is a link to /etc"]
    assert [path.name for path in target.iterdir()] == ["kept"]
    (target / "out").symlink_to(tmp_path)
    with pytest.raises(BadArchive, match="over a link"):
        unpack(archive(("data/out/evil", b"x")), "data", target, told.append)
    assert not (tmp_path / "evil").exists()


def test_a_cut_stream_leaves_no_half_file(tmp_path: Path) -> None:
    whole = archive(("data", b"z" * 50_000)).getvalue()
    with pytest.raises(BadArchive, match="no whole tar archive"):
        unpack(io.BytesIO(whole[:20_000]), "data", tmp_path / "data", pytest.fail)
    assert list(tmp_path.iterdir()) == []
