"""An image archive loses the layers that the receiver has, and nothing else."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from console.cli import archive
from console.cli.archive import BadArchive
from console.cli.image import tag_of


def make_archive(files: dict[str, bytes], links: dict[str, str] | None = None) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return buffer


def saved(layers: dict[str, str], **more: bytes) -> dict[str, bytes]:
    """Files of a `docker save` archive; `layers` is diff id -> path."""
    return {
        **{path: f"data of {diff_id}".encode() * 100 for diff_id, path in layers.items()},
        "c.json": json.dumps({"rootfs": {"diff_ids": list(layers)}}).encode(),
        "manifest.json": json.dumps([{"Config": "c.json", "Layers": list(layers.values())}]).encode(),
        **more,
    }


LAYERS = {"sha256:1": "aa/layer.tar", "sha256:2": "bb/layer.tar", "sha256:3": "cc/layer.tar"}


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getnames()


def test_layers_are_told_in_order() -> None:
    with archive.open_archive(make_archive(saved(LAYERS))) as opened:
        assert archive.layer_files(opened) == list(LAYERS.items())


def test_only_missing_layers_are_sent_and_all_else_is_kept_whole() -> None:
    file = make_archive(saved(LAYERS, repositories=b"{}"))
    with archive.open_archive(file) as opened:
        skipped = archive.skipped_files(opened, frozenset({"sha256:3"}))
    assert skipped == {"aa/layer.tar", "bb/layer.tar"}
    sent = b"".join(archive.without(file, skipped))
    assert names(sent) == ["cc/layer.tar", "c.json", "manifest.json", "repositories"]
    with tarfile.open(fileobj=io.BytesIO(sent)) as tar:
        assert tar.extractfile("cc/layer.tar").read() == b"data of sha256:3" * 100
    assert len(sent) % 512 == 0


def test_a_file_that_a_needed_layer_links_to_is_sent() -> None:
    files = saved({"sha256:1": "aa/layer.tar"})
    files["manifest.json"] = json.dumps([{"Config": "c.json", "Layers": ["aa/layer.tar", "bb/layer.tar"]}]).encode()
    files["c.json"] = json.dumps({"rootfs": {"diff_ids": ["sha256:1", "sha256:2"]}}).encode()
    with archive.open_archive(make_archive(files, {"bb/layer.tar": "../aa/layer.tar"})) as opened:
        assert archive.skipped_files(opened, frozenset({"sha256:2"})) == frozenset()


def test_the_same_layer_twice_is_sent_once_needed() -> None:
    twice = {"sha256:1": "blobs/x", "sha256:2": "blobs/x"}
    with archive.open_archive(make_archive(saved(twice))) as opened:
        assert archive.skipped_files(opened, frozenset({"sha256:2"})) == frozenset()


@pytest.mark.parametrize(
    "files",
    [
        {"other": b""},
        {"manifest.json": b"{"},
        {"manifest.json": b"[]"},
        {"manifest.json": b'[{"Config": "c.json", "Layers": ["a"]}]', "c.json": b"{}"},
        {"manifest.json": b'[{"Config": "c.json", "Layers": []}]', "c.json": b'{"rootfs": {"diff_ids": ["x"]}}'},
    ],
)
def test_what_is_no_image_archive_is_told(files: dict[str, bytes]) -> None:
    with archive.open_archive(make_archive(files)) as opened, pytest.raises(BadArchive, match="archive of the image"):
        archive.layer_files(opened)


def test_a_cut_archive_is_told() -> None:
    with pytest.raises(BadArchive, match="cannot be read"):
        archive.open_archive(io.BytesIO(b"no tar at all" * 100))


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("web", "web:latest"),
        ("a/web:1", "a/web:1"),
        ("host:5000/web", "host:5000/web:latest"),
        ("web@sha256:1", "web@sha256:1"),
    ],
)
def test_tags(image: str, tag: str) -> None:
    assert tag_of(image) == tag
