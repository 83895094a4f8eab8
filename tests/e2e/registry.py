"""A registry of one image that demands a login: `registry.py ARCHIVE PORT FILE`, where FILE has `user:password`."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import tarfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def blobs_of(archive: Path) -> tuple[bytes, dict[str, bytes]]:
    """The manifest, and configuration and layer by digest, of what `docker save` made."""
    with tarfile.open(archive) as tar:

        def read(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None
            return file.read()

        listed = json.loads(read("manifest.json"))[0]
        config, layers = read(listed["Config"]), [read(name) for name in listed["Layers"]]
    kind = "application/vnd.oci.image."
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _described(config, f"{kind}config.v1+json"),
        "layers": [_described(layer, f"{kind}layer.v1.tar") for layer in layers],
    }
    return json.dumps(manifest).encode(), {_digest(content): content for content in (config, *layers)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _described(content: bytes, kind: str) -> dict[str, object]:
    return {"mediaType": kind, "digest": _digest(content), "size": len(content)}


def main(archive: Path, port: int, login: Path) -> None:
    manifest, blobs = blobs_of(archive)
    wanted = f"Basic {base64.b64encode(login.read_bytes()).decode()}"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                self._answer(401, b"{}", "application/json")
                return
            name = self.path.rpartition("/")[2]
            if self.path in {"/v2/", "/v2"}:
                self._answer(200, b"{}", "application/json")
            elif "/manifests/" in self.path:
                self._answer(200, manifest, MANIFEST)
            elif name in blobs:
                self._answer(200, blobs[name], "application/octet-stream")
            else:
                self._answer(404, b"{}", "application/json")

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer(self, code: int, body: bytes, kind: str) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            if code == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="registry"')
            elif kind == MANIFEST:
                self.send_header("Docker-Content-Digest", _digest(body))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
