"""Figures of the API server: `python -m tests.bench api`.

The server runs in a process of its own with its store on disk, over TLS, as kubectl reaches it; 20 connections ask at a
time. CPU is the server's own for each request, which depends less on what else the machine does than the rate.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import ssl
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from common.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, CONFIGMAPS, PODS, RBAC, SERVICEACCOUNTS
from common.api.meta import Object
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.clock import SystemClock
from common.pki import ADMINISTRATOR, MASTERS, Authority, Identity, Subject
from common.settings import ClusterConfig
from common.tls import client_context, server_context
from console.apiserver.server import ApiServer
from console.registry.catalog import default_registry
from console.store import open_store
from tests.bench.report import Figure

CONNECTIONS = 20
REQUESTS = 3000
COUNT = 5000  # pods
STATUS = {
    "phase": "Running",
    "podIP": "10.42.0.9",
    "podIPs": [{"ip": "10.42.0.9"}],
    "conditions": [{"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
                   for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")],
    "containerStatuses": [{"name": "main", "image": "hello:1", "imageID": "", "ready": True, "restartCount": 0,
                           "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}],
}  # fmt: skip


def pod(index: int) -> Object:
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    container = {
        "name": "main", "image": "hello:1", "ports": [{"containerPort": 8080, "name": "http"}], "readinessProbe": probe,
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }  # fmt: skip
    labels = {"app": f"app-{index % 20}", "pod-template-hash": "5d8b9c7f6d"}
    return {"metadata": {"name": f"pod-{index:05}", "namespace": "default", "labels": labels},
            "spec": {"containers": [container]}}  # fmt: skip


async def _serve(pipe: Connection, folder: Path, identity: Identity, authority: bytes) -> None:
    gc.set_threshold(50_000, 20, 50)
    store = await open_store(folder / "store.db", frozenset({"hosts.quarterdeck.io"}))
    server = ApiServer(store, default_registry(), SystemClock(), ClusterConfig())
    await server.start(None, ("127.0.0.1", 0, server_context(identity, authority)))
    pipe.send(server.addresses[0][1])
    await asyncio.to_thread(pipe.recv)
    await server.close()
    await store.close()


def serve(pipe: Connection, folder: Path, identity: Identity, authority: bytes) -> None:
    asyncio.run(_serve(pipe, folder, identity, authority))


@dataclass(frozen=True)
class Bench:
    client: HttpClient
    server: psutil.Process
    anonymous: ssl.SSLContext  # that trusts the server and shows no certificate

    async def measure(
        self, name: str, request: Callable[[int], Awaitable[object]], count: int = REQUESTS
    ) -> list[Figure]:
        """Ask `count` times over CONNECTIONS connections: rate, delay and the server's time for one."""
        delays: list[float] = []
        numbers = iter(range(count))

        async def work() -> None:
            for index in numbers:
                begin = time.perf_counter()
                await request(index)
                delays.append(time.perf_counter() - begin)

        before, begin = self._seconds(), time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
        wall, cpu = time.perf_counter() - begin, self._seconds() - before
        return [
            Figure(name, count / wall, "/s"),
            Figure(f"{name}, 99 of 100 within", statistics.quantiles(delays, n=100)[98] * 1e3, "ms"),
            Figure(f"{name}, CPU of the server", cpu / count * 1e6, "us"),
        ]

    def _seconds(self) -> float:
        times = self.server.cpu_times()
        return float(times.user + times.system)

    async def once(self, name: str, request: Awaitable[object]) -> list[Figure]:
        before, begin = self._seconds(), time.perf_counter()
        await request
        wall, cpu = time.perf_counter() - begin, self._seconds() - before
        return [Figure(name, wall * 1e3, "ms"), Figure(f"{name}, CPU of the server", cpu * 1e3, "ms")]


async def _everything(client: HttpClient) -> bytes:
    chunks = [chunk async for chunk in client.stream(PODS.path())]
    return b"".join(chunks)


async def run(bench: Bench, pods: int) -> list[Figure]:
    client = bench.client
    await client.create(CONFIGMAPS, {"metadata": {"name": "one", "namespace": "default"}, "data": {"a": "b" * 500}})
    patch = {"status": STATUS}
    return [
        *await bench.measure("GET", lambda _: client.get(CONFIGMAPS, "one", "default")),
        *await _as_account(bench),
        *await bench.measure("create pods, durable", lambda index: client.create(PODS, pod(index)), pods),
        *await bench.measure(
            "patch pod status, durable",
            lambda index: client.patch(PODS, f"pod-{index % pods:05}", patch, "default", subresource="status"),
        ),
        *await bench.once(f"list {pods} pods (bytes)", _everything(client)),
        *await bench.once(f"Table of {pods} pods", client.table(PODS)),
        *await bench.once(f"delete {pods} pods together", client.request_json("DELETE", PODS.path("default"))),
        Figure("memory of the server", bench.server.memory_info().rss / 2**20, "MiB"),
    ]


def figures() -> list[Figure]:
    return asyncio.run(_measure(COUNT))


async def _as_account(bench: Bench) -> list[Figure]:
    """The same GET by a ServiceAccount: what a token and the rules of RBAC cost."""
    client = bench.client
    await client.create(SERVICEACCOUNTS, {"metadata": {"name": "reader", "namespace": "default"}})
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": "default"}
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "reader"}
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]}
    await client.create(CLUSTERROLES, {"metadata": {"name": "reader"}, "rules": [rule]})
    binding = {"metadata": {"name": "reader"}, "roleRef": reference, "subjects": [subject]}
    await client.create(CLUSTERROLEBINDINGS, binding)
    answer = await client.post(SERVICEACCOUNTS, "reader", "token", {}, "default")
    endpoint = Endpoint(client.endpoint.url, tls=bench.anonymous, token=answer["status"]["token"])
    async with HttpClient(endpoint) as account:
        name = "GET with a token of a ServiceAccount"
        return await bench.measure(name, lambda _: account.get(CONFIGMAPS, "one", "default"))


async def _measure(pods: int) -> list[Figure]:
    now = SystemClock().now()
    authority = Authority.create("bench", now)
    identity = authority.issue(Subject("server", names=("127.0.0.1",), server=True), now)
    admin = authority.issue(Subject(ADMINISTRATOR, (MASTERS,)), now)
    here, there = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        arguments = (there, Path(folder), identity, authority.certificate_pem)
        process = multiprocessing.get_context("spawn").Process(target=serve, args=arguments)
        process.start()
        try:
            port = await asyncio.to_thread(here.recv)
            context = client_context(admin, authority.certificate_pem)
            async with HttpClient(Endpoint(f"https://127.0.0.1:{port}", tls=context)) as client:
                assert process.pid is not None
                anonymous = client_context(None, authority.certificate_pem)
                return await run(Bench(client, psutil.Process(process.pid), anonymous), pods)
        finally:
            with contextlib.suppress(OSError):
                here.send("stop")
            process.join(20)
