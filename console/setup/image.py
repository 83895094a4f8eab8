"""The example's image, made on the spot from the distribution's static busybox: no registry is needed.

It answers HTTP on port 8080, over IPv4 and IPv6, with the name of its pod, and ends politely on SIGTERM.
"""

from __future__ import annotations

import io
import struct
import tarfile
from pathlib import Path

IMAGE = "quarterdeck/hello:1"
PORT = 8080

# As process 1 of its container the shell gets no default action for SIGTERM, so it must say what to do.
START = f"""#!/bin/busybox sh
echo "$HOSTNAME" > /www/index.html
/bin/busybox httpd -f -p {PORT} -h /www &
trap 'kill $!; exit 0' TERM INT
wait $!
"""
CHANGES = ('CMD ["/bin/busybox", "sh", "/start"]', f"EXPOSE {PORT}", "LABEL io.quarterdeck.example=hello")


def archive(busybox: Path) -> bytes:
    """The image's files as a tar; the same busybox gives the same bytes, so the image keeps its identity."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("bin", "www", "tmp", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        _add(tar, "bin/busybox", busybox.read_bytes(), 0o755)
        _add(tar, "start", START.encode(), 0o755)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))


PT_INTERP = 3


def is_static(path: Path) -> bool:
    """Whether a 64-bit little-endian ELF program needs no dynamic loader: it has no PT_INTERP header."""
    with path.open("rb") as file:
        head = file.read(64)
        if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
            return False
        (offset,), (size, count) = struct.unpack_from("<Q", head, 32), struct.unpack_from("<HH", head, 54)
        file.seek(offset)
        table = file.read(size * count)
    return all(struct.unpack_from("<I", table, index * size)[0] != PT_INTERP for index in range(count))
