"""Protobuf bodies as the real kubectl sends them, against the JSON that it prints for the same command."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from console.registry.admission import decode
from console.registry.catalog import default_registry
from console.registry.decoding import conform
from console.registry.row import Row

pytestmark = pytest.mark.kubectl
KUBECTL = shutil.which("kubectl") or "kubectl"

COMMANDS = {
    "namespaces": ["namespace", "blue"],
    "configmaps": ["configmap", "settings", "--from-literal=a=1", "--from-literal=b=two"],
    "secrets": ["secret", "generic", "token", "--from-literal=key=täglich"],
    "serviceaccounts": ["serviceaccount", "robot"],
    "deployments": ["deployment", "web", "--image=busybox:1", "--replicas=3", "--port=80", "--", "httpd", "-f"],
    "jobs": ["job", "import", "--image=busybox:1", "--", "sh", "-c", "date"],
    "cronjobs": [
        "cronjob",
        "tick",
        "--image=busybox:1",
        "--schedule=*/5 * * * *",
        "--restart=Never",
        "--",
        "date",
    ],
    "services": ["service", "nodeport", "web", "--tcp=80:8080", "--node-port=30080"],
    "ingresses": [
        "ingress",
        "site",
        "--class=quarterdeck",
        "--rule=a.example/app*=web:80,tls=cert",
        "--rule=*.b.example/=api:http",
        "--default-backend=web:80",
        "--annotation=quarterdeck.io/ssl-redirect=false",
    ],
}


class Listener(HTTPServer):
    """An API server that keeps what it is sent and refuses it."""

    body = b""
    media_type = ""


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        self.server.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.media_type = self.headers["Content-Type"]
        answer = b'{"kind":"Status","apiVersion":"v1","status":"Failure","code":403,"reason":"Forbidden"}'
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def kubectl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([KUBECTL, *arguments], capture_output=True, text=True, check=False, timeout=60)


def row_of(plural: str) -> Row:
    return next(row for row in default_registry().rows() if row.resource.plural == plural)


@pytest.mark.parametrize("plural", COMMANDS)
def test_reads_what_kubectl_sends(plural: str, listener: Listener) -> None:
    row, command = row_of(plural), COMMANDS[plural]
    flags = ["--dry-run=client", "-o", "json"]
    split = command.index("--") if "--" in command else len(command)
    printed = kubectl("create", *command[:split], *flags, *command[split:])
    assert printed.returncode == 0, printed.stderr
    address = f"--server=http://127.0.0.1:{listener.server_port}"
    kubectl("create", *command[:split], address, "--validate=false", "-n", "default", *command[split:])
    assert listener.media_type == "application/vnd.kubernetes.protobuf"
    received, _ = decode(row, listener.body, listener.media_type, "Strict")
    expected, _ = conform(row, json.loads(printed.stdout), "Strict")
    for obj in (received, expected):
        obj.pop("status", None)
        obj["metadata"].pop("namespace", None)
    assert received == expected
