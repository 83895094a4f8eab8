"""Images made on the spot, as archives that `docker load` takes; no registry and no engine is needed to make one."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

from tests.lab.commands import run

WEB_SOURCE = Path(__file__).parent / "web" / "web.c"
BUSYBOX = Path("/bin/busybox")
APPLETS = (
    "sh",
    "cat",
    "echo",
    "env",
    "hostname",
    "id",
    "ls",
    "nslookup",
    "ps",
    "sleep",
    "wget",
    "true",
    "false",
    "touch",
    "dd",
    "md5sum",
    "mkdir",
    "nc",
    "rm",
    "seq",
    "stty",
    "tar",
    "test",
)


def web_image(folder: Path, tags: tuple[str, ...] = ("qd-test/web:1", "qd-test/web:2")) -> Path:
    """The archive of the test server (and a shell beside it) under all `tags`; made once per folder."""
    archive = folder / "web.tar"
    if archive.exists():
        return archive
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / "web"
    run("musl-gcc", "-O2", "-static", "-pthread", "-Wall", "-o", str(binary), str(WEB_SOURCE))
    files = {"web": binary.read_bytes(), "bin/busybox": BUSYBOX.read_bytes(), "etc/passwd": b"root:x:0:0::/:/bin/sh\n"}
    links = {f"bin/{applet}": "busybox" for applet in APPLETS}
    temporary = archive.with_suffix(".part")
    started = {"Cmd": ["/web"], "Env": ["PATH=/bin"], "ExposedPorts": {"8080/tcp": {}}}
    temporary.write_bytes(archive_of(_layer(files, links), tags, started))
    temporary.rename(archive)
    return archive


def _layer(files: dict[str, bytes], links: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("bin", "etc", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for path, content in files.items():
            _add(tar, path, content, 0o644 if path.startswith("etc/") else 0o755)
        for path, target in links.items():
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return buffer.getvalue()


def archive_of(layer: bytes, tags: tuple[str, ...], started: dict[str, object]) -> bytes:
    """What `docker load` takes: an image of one layer; `started` is its configuration."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": started,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    config_bytes = json.dumps(config).encode()
    config_name = f"{hashlib.sha256(config_bytes).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": list(tags), "Layers": ["layer.tar"]}]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        _add(tar, config_name, config_bytes, 0o644)
        _add(tar, "layer.tar", layer, 0o644)
        _add(tar, "manifest.json", json.dumps(manifest).encode(), 0o644)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
