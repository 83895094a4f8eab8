"""A real API server on a Unix socket, in a thread of its own, asked byte by byte; and what must always hold of it."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from common.clock import SystemClock
from common.settings import ClusterConfig
from console.apiserver.server import ApiServer
from console.controlplane import ENCRYPTED
from console.registry.catalog import default_registry
from console.store import Encryption, Store, open_store

SECONDS = 20  # within which every request is answered, however busy the machine
_LOCALHOST = {"Host": "localhost"}
# What needs parts of the control plane that are not there says so; and Kubernetes has no better code for an intent
# whose fields nobody could own.
_EXPECTED = ("not connected to", "this store encrypts nothing", "failed to create typed patch object")


Contents: TypeAlias = dict[tuple[str, str], Any]
"""Objects by namespace and name."""


@dataclass(frozen=True)
class Answer:
    code: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Served:
    """Use as a context manager. `stop` and `start` are a restart on the same store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loop = asyncio.new_event_loop()
        self._connection: _Connection | None = None

    def __enter__(self) -> Served:
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self) -> None:
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(SECONDS)

    def stop(self) -> None:
        self._hang_up()
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(SECONDS)

    async def _opened(self) -> Store:
        volatile = frozenset(row.resource.group_resource for row in default_registry().rows() if not row.durable)
        encryption = Encryption(ENCRYPTED, self.folder / "encryption.json")
        return await open_store(self.folder / "store.db", volatile, encryption)

    def stored(self, resources: Mapping[str, str]) -> dict[str, Contents]:
        """What is on the disk of a server that is stopped, by path; `resources` has the resource of each."""

        async def read() -> dict[str, Contents]:
            store = await self._opened()
            try:
                return {
                    path: {entry.key: entry.obj for entry in store.newest_entries(resource)}
                    for path, resource in resources.items()
                }
            finally:
                await store.close()

        return asyncio.run_coroutine_threadsafe(read(), self._loop).result(SECONDS)

    async def _start(self) -> None:
        self._store = await self._opened()
        self._server = ApiServer(self._store, default_registry(), SystemClock(), ClusterConfig.dual_stack())
        await self._server.start(self.folder / "api.sock")

    async def _stop(self) -> None:
        await self._server.close()
        await self._store.close()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request over the connection of the test. Fails when it is not answered in time."""
        if self._connection is None:
            self._connection = _Connection(self.folder / "api.sock")
        self._connection.request(method, target, body, {**_LOCALHOST, **(headers or {})})
        response = self._connection.getresponse()
        answer = Answer(response.status, dict(response.getheaders()), response.read())
        if response.will_close:
            self._hang_up()
        return answer

    def begin(self, target: str) -> int:
        """Begin a watch over a connection of its own and leave it; the code of its answer."""
        connection = _Connection(self.folder / "api.sock")
        try:
            connection.request("GET", target, headers=_LOCALHOST)
            return connection.getresponse().status
        finally:
            connection.close()

    def replayed(self, path: str, revision: str) -> Contents:
        """What a watch from a revision on makes of an empty collection."""
        connection = _Connection(self.folder / "api.sock")
        found: Contents = {}
        try:
            connection.request("GET", f"{path}?watch=1&timeoutSeconds=1&resourceVersion={revision}", headers=_LOCALHOST)
            for line in connection.getresponse():
                event = json.loads(line)
                assert event["type"] in {"ADDED", "MODIFIED", "DELETED"}, event
                if event["type"] == "DELETED":
                    found.pop(_key(event["object"]), None)
                else:
                    found[_key(event["object"])] = event["object"]
        finally:
            connection.close()
        return found


def _key(obj: Any) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def assert_answered(method: str, target: str, answer: Answer) -> None:
    """Whatever came, the answer is one that a client understands."""
    said = f"{method} {target} -> {answer.code} {answer.body[:400]!r}"
    if answer.code >= 400:
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            status = answer.json()
            if answer.code == 404 and status.keys() == {"paths"}:
                return  # a path beside all others is told which there are
            assert status["kind"] == "Status", said
            assert status["code"] == answer.code, said
            assert status["message"], said
            if answer.code >= 500:
                assert any(why in status["message"] for why in _EXPECTED), said
        else:
            assert answer.code < 500, said


def collections() -> dict[str, str]:
    """Everything that is kept on disk, each kind once: its resource by its path."""
    rows = [row for row in default_registry().rows() if row.durable and not row.computed and row.view is None]
    listed = [row.resource for row in rows if {"list", "watch", "get"} <= set(row.verbs)]
    return {resource.path(): resource.group_resource for resource in listed}


def assert_consistent(served: Served, since: str) -> None:
    """Lists, single objects, the events since a revision before the first write, and what is on the disk agree."""
    paths = collections()
    before = {path: _listed(served, path) for path in paths}
    for path, listed in before.items():
        for (namespace, name), obj in listed.items():
            head, _, plural = path.rpartition("/")
            one = f"{head}/namespaces/{namespace}/{plural}/{name}" if namespace else f"{path}/{name}"
            assert served.ask("GET", one).json() == obj, one
    with ThreadPoolExecutor(len(paths)) as pool:
        for path, replayed in zip(paths, pool.map(lambda path: served.replayed(path, since), paths), strict=True):
            made_since = {key: obj for key, obj in before[path].items() if int(_revision(obj)) > int(since)}
            assert replayed == made_since, path
    served.stop()
    assert served.stored(paths) == before
    served.start()


def _revision(obj: Any) -> str:
    return str(obj["metadata"]["resourceVersion"])


def _listed(served: Served, path: str) -> Contents:
    found = served.ask("GET", path).json()
    return {_key(item): item for item in found["items"]}
