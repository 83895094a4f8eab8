"""Volumes that are the files of an image."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common.api.meta import Object
from nodeagent.imagevolumes import ImageVolumes, mounted_images
from nodeagent.layers import BadImage, unpack
from nodeagent.runtime.base import Mount, RuntimeFailure
from nodeagent.state.events import ImageFailed, ImageReady
from nodeagent.storage.attachments import VolumeFailure
from nodeagent.volumes import Volumes

from .fakes import Mounter, pod

Member = tuple[str, str, str]  # name; f a file, d a folder, l a link, h a hard link; content or target


def layer(*members: Member) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = {"f": tarfile.REGTYPE, "d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE, "h": tarfile.LNKTYPE}[kind]
            info.mode, info.size = (0o4755 if kind == "f" else 0o755), len(content) if kind == "f" else 0
            info.linkname = "" if kind == "f" else content
            tar.addfile(info, io.BytesIO(content.encode()))
    return packed.getvalue()


def image(*layers: bytes) -> bytes:
    packed = io.BytesIO()
    names = [f"{index}/layer.tar" for index in range(len(layers))]
    parts = {"manifest.json": json.dumps([{"Layers": names}]).encode(), **dict(zip(names, layers, strict=True))}
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    return tmp_path / "outer" / "root"


def fill(target: Path, *layers: bytes) -> Path:
    target.parent.mkdir(exist_ok=True)
    archive = target.parent / "archive"
    archive.write_bytes(image(*layers))
    unpack(archive, target)
    return target


def test_layers_lie_one_over_the_other(unpacked: Path) -> None:
    lower = layer(("d", "d", ""), ("d/gone", "f", "1"), ("d/kept", "f", "1"), ("o", "d", ""), ("o/old", "f", "1"))
    upper = layer(
        ("o/new", "f", "2"), ("o/.wh..wh..opq", "f", ""), ("d/.wh.gone", "f", ""), ("d/kept", "f", "2"),
        ("d/more", "h", "d/kept"),
    )  # fmt: skip
    root = fill(unpacked, lower, upper)
    found = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}
    assert found == {"d/kept": "2", "d/more": "2", "o/new": "2"}
    assert (root / "d/kept").stat().st_mode & 0o7777 == 0o755


def test_no_name_leads_out_of_the_folder(unpacked: Path) -> None:
    secret = unpacked.parent / "secret"
    unpacked.parent.mkdir()
    secret.write_text("mine")
    root = fill(
        unpacked,
        layer(("up", "l", ".."), ("top", "l", "/"), ("loop", "l", "loop")),
        layer(("up/secret", "f", "theirs"), ("../secret", "f", "theirs"), ("top/bin/x", "f", "x")),
        layer(("up/.wh.secret", "f", ""), ("../../.wh.secret", "f", "")),
    )
    assert secret.read_text() == "mine"
    assert (root / "bin/x").read_text() == "x"
    assert not (root / "secret").exists()


@pytest.mark.parametrize("name", [".wh...", ".wh..", ".wh.", "./.wh..."])
def test_what_takes_away_a_folder_itself_or_what_it_is_in_is_refused(unpacked: Path, name: str) -> None:
    neighbour = unpacked.parent / "neighbour"
    neighbour.mkdir(parents=True)
    (neighbour / "kept").write_text("mine")
    with pytest.raises(BadImage):
        fill(unpacked, layer(("a", "f", "1")), layer((name, "f", "")))
    assert (neighbour / "kept").read_text() == "mine"
    assert not unpacked.exists()


def test_a_second_name_of_a_link_is_a_link(unpacked: Path) -> None:
    root = fill(unpacked, layer(("d", "d", ""), ("d/l", "l", "/not/there"), ("m", "h", "d/l")))
    assert (root / "m").readlink() == Path("/not/there")
    with pytest.raises(BadImage):
        fill(unpacked.with_name("second"), layer(("d", "d", ""), ("m", "h", "d/..")))


def dated(moment: float) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        info = tarfile.TarInfo("a")
        info.mtime = moment
        tar.addfile(info, io.BytesIO(b""))
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        image()[:100],
        image(b"no layer"),
        image(layer(("a", "l", "a"), ("a/b", "f", ""))),
        image(dated(1e30)),
        gzip.compress(image())[:-20],
    ],
)
def test_of_a_broken_image_nothing_is_left(unpacked: Path, content: bytes) -> None:
    unpacked.parent.mkdir()
    (unpacked.parent / "archive").write_bytes(content)
    with pytest.raises(BadImage):
        unpack(unpacked.parent / "archive", unpacked)
    assert [path.name for path in unpacked.parent.iterdir()] == ["archive"]


class Engine:
    """The part of a runtime that is asked for an image's files."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.exports = 0

    async def export_image(self, name: str) -> AsyncIterator[bytes]:
        self.exports += 1
        if not self.content:
            raise RuntimeFailure("EngineRefused", f"no {name}")
        yield self.content


class Images:
    def __init__(self, failure: ImageFailed | None = None) -> None:
        self.failure = failure
        self.asked: list[tuple[str, str]] = []

    async def ensure(self, _pod: Object, container: Object, name: str, pulling: object) -> ImageReady | ImageFailed:
        self.asked.append((name, container["imagePullPolicy"]))
        assert callable(pulling)
        pulling()
        return self.failure or ImageReady("web", name, "sha256:1")


CONTAINER: Object = {"name": "web", "volumeMounts": [{"name": "files", "mountPath": "/files"}]}
VOLUME: Object = {"name": "files", "image": {"reference": "data:1", "pullPolicy": "IfNotPresent"}}
POD = pod(CONTAINER, volumes=[VOLUME, {"name": "other", "image": {"reference": "other:1"}}])


async def test_a_container_waits_for_the_images_that_it_mounts(tmp_path: Path) -> None:
    volumes, engine, images = Volumes(tmp_path, Mounter()), Engine(image(layer(("a/b", "f", "1")))), Images()
    parts = ImageVolumes(engine, images, volumes)  # type: ignore[arg-type]
    pulled: list[str] = []
    assert mounted_images(POD, CONTAINER) == [VOLUME]
    for _ in range(2):
        assert await parts.have(POD, CONTAINER, "web:1", pulled.append) is None
    assert (pulled, images.asked, engine.exports) == (["data:1"], [("data:1", "IfNotPresent")], 1)
    folder = volumes.image_folder(POD, VOLUME)
    assert list(volumes.mounts(POD, CONTAINER, {})) == [Mount(str(folder), "/files", read_only=True)]
    entry = {**CONTAINER["volumeMounts"][0], "subPath": "a"}
    assert list(volumes.mounts(POD, {"name": "web", "volumeMounts": [entry]}, {})) == [
        Mount(str(folder / "a"), "/files", read_only=True)
    ]
    with pytest.raises(VolumeFailure, match="subPath 'c' does not exist"):
        list(volumes.mounts(POD, {"name": "web", "volumeMounts": [{**entry, "subPath": "c"}]}, {}))


@pytest.mark.parametrize(
    ("failure", "content", "reason", "message"),
    [
        (ImageFailed("web", "data:1", "ErrImagePull", "not found"), b"", "ErrImagePull", "not found"),
        (None, b"", "ErrImagePull", "failed to unpack image data:1: no data:1"),
        (None, b"rubbish", "ErrImagePull", "failed to unpack image data:1: the image's archive cannot be read"),
    ],
)
async def test_an_image_that_cannot_be_had_fails_as_the_containers_own(
    tmp_path: Path, failure: ImageFailed | None, content: bytes, reason: str, message: str
) -> None:
    parts = ImageVolumes(Engine(content), Images(failure), Volumes(tmp_path, Mounter()))  # type: ignore[arg-type]
    found = await parts.have(POD, CONTAINER, "web:1", lambda _: None)
    assert found is not None
    assert (found.container, found.image, found.reason, found.volume) == ("web", "web:1", reason, "data:1")
    assert message in found.message
