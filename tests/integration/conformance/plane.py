"""A whole control plane as a process of its own, and requests to it with the connections of the official client."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import kubernetes
import urllib3
from urllib3.response import BaseHTTPResponse

KUBECTL = shutil.which("kubectl") or "kubectl"
DEADLINE = 60.0  # seconds; generous, a loaded machine must not fail a test
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@dataclass(frozen=True)
class Answer:
    code: int
    body: Any
    headers: dict[str, str]


class Plane:
    """`quarterdeck serve` with nothing but the API of it: no node is there. Methods are requests; what is no success
    fails the test unless `code` expects it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        program = str(Path(sys.executable).with_name("quarterdeck"))
        self._watches: list[Watch] = []
        self._log = (home.parent / "serve.log").open("wb")
        self._process = subprocess.Popen(
            [program, "serve", "--listen", "127.0.0.1:0"],
            env={**os.environ, "QUARTERDECK_HOME": str(home)}, stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=self._log,
        )  # fmt: skip
        self.kubeconfig = home / "kubeconfig"
        try:
            until(self.kubeconfig.exists, "the kubeconfig")
            self._client = kubernetes.config.new_client_from_config(str(self.kubeconfig))
            self.server: str = self._client.configuration.host
            self._pool = self._client.rest_client.pool_manager
            until(lambda: self.ask("GET", "/readyz").code == 200, "readiness")
            until(lambda: self.exists("/api/v1/namespaces/default/serviceaccounts/default"), "the controllers")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for watch in self._watches:
            watch.close()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(DEADLINE)
        self._log.close()
        client = getattr(self, "_client", None)
        if client is not None:
            client.rest_client.pool_manager.clear()
            client.close()

    def run(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        """What kubectl prints; the test fails when it ends with another code."""
        result = subprocess.run(
            [KUBECTL, *arguments], env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.home)},
            input=stdin, capture_output=True, text=True, check=False, timeout=DEADLINE,
        )  # fmt: skip
        assert result.returncode == code, f"kubectl {' '.join(arguments)}: {result.stderr}{result.stdout}"
        return result.stdout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A kubectl that goes on."""
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.home)}
        return subprocess.Popen([KUBECTL, *arguments], env=environment, stdout=subprocess.PIPE, text=True)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; header names have _ for -. A body that is no text or bytes is sent as JSON."""
        return self._send(self._pool, method, path, body, headers)

    def _send(self, pool: urllib3.PoolManager, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if body is None or isinstance(body, bytes) else _encoded(body)
        given.setdefault("Content-Type", "application/json")
        answer = pool.request(method, self.server + path, body=data, headers=given, redirect=False)
        kind = answer.headers.get("Content-Type", "")
        content = json.loads(answer.data) if "json" in kind and answer.data else answer.data.decode()
        return Answer(answer.status, content, dict(answer.headers))

    def ask_as(self, certificate: str, key: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request of whoever holds a client certificate."""
        context = ssl.create_default_context(cadata=self.authority.decode())
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(certificate + key)
            file.flush()
            context.load_cert_chain(file.name)
        with urllib3.PoolManager(ssl_context=context) as pool:
            return self._send(pool, method, path, body, headers)

    def ask_with(self, token: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request of whoever shows a token; without one, of nobody."""
        context = ssl.create_default_context(cadata=self.authority.decode())
        shown = {"Authorization": f"Bearer {token}"} if token else {}
        with urllib3.PoolManager(ssl_context=context) as pool:
            return self._send(pool, method, path, body, {**headers, **shown})

    @property
    def authority(self) -> bytes:
        """The certificate of the cluster's authority, in PEM."""
        return Path(self._client.configuration.ssl_ca_cert).read_bytes()

    def get(self, path: str, code: int = 200, **query: object) -> Any:
        return self._checked("GET", _with_query(path, query), None, code, {})

    def create(self, path: str, body: Any, code: int = 201, **query: object) -> Any:
        return self._checked("POST", _with_query(path, query), body, code, {})

    def update(self, path: str, body: Any, code: int = 200, **query: object) -> Any:
        return self._checked("PUT", _with_query(path, query), body, code, {})

    def patch(self, path: str, body: Any, kind: str = MERGE, code: int = 200, **query: object) -> Any:
        return self._checked("PATCH", _with_query(path, query), body, code, {"Content_Type": kind})

    def delete(self, path: str, code: int = 200, options: Any = None, **query: object) -> Any:
        return self._checked("DELETE", _with_query(path, query), options, code, {})

    def _checked(self, method: str, path: str, body: Any, code: int, headers: dict[str, str]) -> Any:
        answer = self.ask(method, path, body, **headers)
        assert answer.code == code, f"{method} {path}: {answer.code} {answer.body}"
        return answer.body

    def exists(self, path: str) -> bool:
        return self.ask("GET", path).code == 200

    def watch(self, path: str, accept: str = "application/json", **query: object) -> Watch:
        """A watch that ends by itself, so that a test that waits in vain fails."""
        options = {"watch": "true", "timeoutSeconds": int(DEADLINE), **query}
        answer = self._pool.request(
            "GET", self.server + _with_query(path, options), headers={"Accept": accept}, preload_content=False
        )
        self._watches.append(Watch(answer))
        return self._watches[-1]


class Watch:
    """The events of a watch, one after the other."""

    def __init__(self, answer: BaseHTTPResponse) -> None:
        self.code = answer.status
        self.headers = dict(answer.headers)
        self._answer = answer
        self._lines = self._read()

    def _read(self) -> Iterator[Any]:
        rest = b""
        for chunk in self._answer.stream(amt=None):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (json.loads(line) for line in lines)

    def next(self) -> tuple[str, Any]:
        """The next event: its type and object. AssertionError when the watch ends first."""
        event = next(self._lines, None)
        assert event is not None, "the watch ended"
        return event["type"], event["object"]

    def take(self, count: int) -> list[tuple[str, Any]]:
        return [self.next() for _ in range(count)]

    def rest(self) -> list[tuple[str, Any]]:
        """All events until the server ends the watch."""
        return [(event["type"], event["object"]) for event in self._lines]

    def close(self) -> None:
        self._answer.close()


def _encoded(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _with_query(path: str, query: dict[str, object]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def until(holds: Callable[[], object], what: str) -> None:
    """Wait for a condition; AssertionError when it does not come."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {DEADLINE} s: {what}")
