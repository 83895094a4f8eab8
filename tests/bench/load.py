"""The load of the API bench, which any Kubernetes API can be put under: requests of 20 connections, lists, watches.

Everything happens in a namespace of its own, which is deleted in the end. CPU and memory are those of the server's
processes, when they are of this machine; CPU depends less on what else the machine does than the rate.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Self

import aiohttp
import psutil

from common.api.kinds import CONFIGMAPS, NAMESPACES, PODS, SERVICEACCOUNTS
from common.api.meta import Object
from common.client.base import PatchType
from common.client.http import HttpClient
from common.errors import AlreadyExists
from tests.bench.report import Figure

SPACE = "bench"
OTHER = "the other API"
CONNECTIONS = 20
REQUESTS = 3000
PODS_COUNT = 5000
WATCHERS, CHANGES = 200, 100
PATIENCE = 120.0
PER_CPU = ", for a second of the server's CPU"
STATUS = {
    "phase": "Running",
    "podIP": "10.42.0.9",
    "podIPs": [{"ip": "10.42.0.9"}],
    "conditions": [{"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
                   for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")],
}  # fmt: skip
CONTAINER_STATUS = {"name": "main", "image": "hello:1", "imageID": "", "ready": True,
                    "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Goals:
    """What to be ahead of: requests for each second of CPU, milliseconds of CPU of a list, MiB."""

    get: float = 0.0
    create: float = 0.0
    patch: float = 0.0
    delivery: float = 0.0
    list_ms: float = 0.0
    memory: float = 0.0


def pod(index: int) -> Object:
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    container = {
        "name": "main", "image": "hello:1", "ports": [{"containerPort": 8080, "name": "http"}], "readinessProbe": probe,
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }  # fmt: skip
    labels = {"app": f"app-{index % 20}", "pod-template-hash": "5d8b9c7f6d"}
    # No scheduler takes it, so that the server alone is measured wherever this runs.
    return {"metadata": {"name": f"pod-{index:05}", "namespace": SPACE, "labels": labels},
            "spec": {"schedulerName": "nobody", "containers": [container]}}  # fmt: skip


def status(index: int) -> Object:
    """A patch of a pod's status, each another one, so that each of them writes."""
    return {"status": {**STATUS, "containerStatuses": [{**CONTAINER_STATUS, "restartCount": index}]}}


@dataclass(frozen=True)
class Bench:
    client: HttpClient
    server: tuple[psutil.Process, ...] = ()  # whose CPU and memory count

    def seconds(self) -> float:
        """CPU of the server so far."""
        times = [process.cpu_times() for process in self.server]
        return float(sum(item.user + item.system for item in times))

    def memory(self, when: str, goal: float = 0.0) -> list[Figure]:
        """What the server's processes have in memory."""
        held = sum(process.memory_info().rss for process in self.server) / 2**20
        return [Figure(f"memory of the server {when}", held, "MiB", goal=goal)] if held else []

    async def measure(
        self, name: str, request: Callable[[int], Awaitable[object]], count: int = REQUESTS, goal: float = 0.0
    ) -> list[Figure]:
        """Ask `count` times over CONNECTIONS connections: rate, delay, and how many the server does in a second of its
        CPU."""
        delays: list[float] = []
        numbers = iter(range(count))

        async def work() -> None:
            for index in numbers:
                begin = time.perf_counter()
                await request(index)
                delays.append(time.perf_counter() - begin)

        before, begin = self.seconds(), time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
        wall, cpu = time.perf_counter() - begin, self.seconds() - before
        return [
            Figure(name, count / wall, "/s"),
            Figure(f"{name}, 99 of 100 within", statistics.quantiles(delays, n=100)[98] * 1e3, "ms"),
            *self._per_cpu(name, count, cpu, goal),
        ]

    def _per_cpu(self, name: str, count: int, cpu: float, goal: float) -> list[Figure]:
        return [Figure(f"{name}{PER_CPU}", count / cpu, "", goal=goal)] if cpu else []

    async def once(self, name: str, request: Awaitable[object], goal: float = 0.0) -> list[Figure]:
        before, begin = self.seconds(), time.perf_counter()
        await request
        wall, cpu = time.perf_counter() - begin, self.seconds() - before
        of_server = [Figure(f"{name}, CPU of the server", cpu * 1e3, "ms", goal=goal)] if cpu else []
        return [Figure(name, wall * 1e3, "ms"), *of_server]

    async def fan_out(self, watchers: int, changes: int, goal: float = 0.0) -> list[Figure]:
        """One pod changes, everybody watches all of them."""
        listing = await self.client.list(PODS, SPACE, limit=1)
        async with AsyncExitStack() as stack:
            following = [
                await stack.enter_async_context(_Watcher(self.client, listing.resource_version))
                for _ in range(watchers)
            ]
            await self._change(0)
            await _all_have(following, 1)
            before, begin = self.seconds(), time.perf_counter()
            for number in range(changes):
                await self._change(number + 1)
            await _all_have(following, changes + 1)
            wall, cpu = time.perf_counter() - begin, self.seconds() - before
        name, count = f"deliveries to {watchers} watchers", watchers * changes
        return [Figure(name, count / wall, "/s"), *self._per_cpu(name, count, cpu, goal)]

    async def _change(self, number: int) -> None:
        await self.client.patch(PODS, "pod-00000", {"metadata": {"annotations": {"n": str(number)}}}, SPACE)


class _Watcher:
    """Counts the changes that a watch brings."""

    def __init__(self, client: HttpClient, revision: str) -> None:
        self._client = client
        self._revision = revision
        self._lines = 0
        self._more = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.ensure_future(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        async for chunk in self._client.stream(PODS.path(SPACE), {"watch": "1", "resourceVersion": self._revision}):
            self._lines += chunk.count(b"\n")
            self._more.set()

    async def until(self, lines: int) -> None:
        while self._lines < lines:
            self._more.clear()
            await self._more.wait()


async def _all_have(watchers: list[_Watcher], lines: int) -> None:
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(watcher.until(lines) for watcher in watchers))


async def everything(client: HttpClient, encoding: str) -> int:
    """The bytes of a list on the wire, plain (`identity`) or compressed (`gzip`)."""
    headers = {"Accept-Encoding": encoding}
    if client.endpoint.token:
        headers["Authorization"] = f"Bearer {client.endpoint.token}"
    connector = aiohttp.TCPConnector(ssl=client.endpoint.tls or True)
    async with (
        aiohttp.ClientSession(connector=connector, headers=headers, auto_decompress=False) as session,
        session.get(client.endpoint.url + PODS.path(SPACE)) as response,
    ):
        response.raise_for_status()
        return len(await response.read())


async def steps(bench: Bench, pods: int = PODS_COUNT, goals: Goals | None = None) -> AsyncIterator[list[Figure]]:
    """The whole load, in the order in which a cluster fills; the figures of one step after another."""
    client, goals = bench.client, goals or Goals()
    await client.create(CONFIGMAPS, {"metadata": {"name": "one", "namespace": SPACE}, "data": {"a": "b" * 500}})
    yield await bench.measure("GET", lambda _: client.get(CONFIGMAPS, "one", SPACE), goal=goals.get)
    yield await bench.measure(
        "create pods, durable", lambda index: client.create(PODS, pod(index)), pods, goal=goals.create
    )
    yield await bench.measure(
        "patch pod status, durable",
        lambda index: client.patch(
            PODS, f"pod-{index % pods:05}", status(index), SPACE, kind=PatchType.MERGE, subresource="status"
        ),
        goal=goals.patch,
    )
    yield await bench.once(f"list {pods} pods", everything(client, "identity"), goal=goals.list_ms)
    yield await bench.once(f"list {pods} pods, gzip", everything(client, "gzip"))
    yield await bench.once(f"Table of {pods} pods", client.table(PODS, SPACE))
    yield await bench.fan_out(WATCHERS, CHANGES, goal=goals.delivery)
    yield bench.memory(f"with {pods} pods", goals.memory)
    yield await bench.once(f"delete {pods} pods together", client.request_json("DELETE", PODS.path(SPACE)))


@asynccontextmanager
async def in_a_namespace(bench: Bench) -> AsyncIterator[None]:
    """Everything around `steps` that they need."""
    await bench.client.create(NAMESPACES, {"metadata": {"name": SPACE}})
    with suppress(AlreadyExists):  # where no controller makes it
        await bench.client.create(SERVICEACCOUNTS, {"metadata": {"name": "default", "namespace": SPACE}})
    try:
        yield
    finally:
        await bench.client.delete(NAMESPACES, SPACE)


async def run(bench: Bench, pods: int = PODS_COUNT, goals: Goals | None = None) -> list[Figure]:
    """The load on one API."""
    async with in_a_namespace(bench):
        return [figure async for step in steps(bench, pods, goals) for figure in step]


async def beside(bench: Bench, other: Bench, pods: int = PODS_COUNT, goals: Goals | None = None) -> list[Figure]:
    """The load on two APIs, step by step in turns, so that both have the same company on the machine."""
    found: list[Figure] = []
    async with in_a_namespace(bench), in_a_namespace(other):
        theirs = steps(other, pods)
        async for step in steps(bench, pods, goals):
            peer = {figure.name: figure.value for figure in await anext(theirs)}
            found += [replace(figure, peer=OTHER, baseline=peer.get(figure.name, 0.0)) for figure in step]
    return found
