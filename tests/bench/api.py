"""Figures of the API server: `python -m tests.bench api`; `… api --beside FILE` puts ours and any other under the same
load in turns, `… api --kubeconfig FILE` another one alone.

Ours runs in a process of its own with its store on disk, over TLS, as kubectl reaches it. Beside it a bare aiohttp
server answers a GET with bytes that it has, anew after each step of the load, so that both have the same company: what
is left between them is ours to save. Rates for a second of the server's CPU depend less on what else the machine does
than others; goals of such rates are those of the design's machine by what the bare server does on this one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
from aiohttp import web

from common.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, CONFIGMAPS, RBAC, SERVICEACCOUNTS
from common.client.contexts import endpoint_of
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.clock import SystemClock
from common.limits import collect_rarely, keep_small_buffers
from common.pki import ADMINISTRATOR, MASTERS, Authority, Identity, Subject
from common.settings import ClusterConfig
from common.tls import client_context, server_context
from console.apiserver.history.journal import UNDO_RECORDS
from console.apiserver.server import ApiServer
from console.registry.catalog import default_registry
from console.store import open_store
from tests.bench import load
from tests.bench.load import CONNECTIONS, PER_CPU, SPACE, Bench, Goals
from tests.bench.report import Figure

GOALS = Goals(get=23_000, create=3_000, patch=5_000, delivery=31_000, list_ms=25.0, memory=505 / 1.048576)
"""What the design asks for, by a second of the server's CPU; the memory is kube-apiserver's with 5,000 pods."""
BARE_OF_DESIGN = 23_000
"""GETs of a server that does little else, on the machine on which the goals were measured."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of the server, and of an administrator of it."""

    server: Identity
    admin: Identity
    authority: bytes

    @classmethod
    def make(cls) -> Credentials:
        now = SystemClock().now()
        authority = Authority.create("bench", now)
        server = authority.issue(Subject("server", names=("127.0.0.1",), server=True), now)
        return cls(server, authority.issue(Subject(ADMINISTRATOR, (MASTERS,)), now), authority.certificate_pem)

    def server_context(self) -> ssl.SSLContext:
        return server_context(self.server, self.authority)


async def _serve(pipe: Connection, folder: Path, credentials: Credentials) -> None:
    collect_rarely()
    keep_small_buffers()
    registry = default_registry()
    archived = frozenset(row.resource.group_resource for row in registry.rows() if row.archived) | {UNDO_RECORDS}
    store = await open_store(folder / "store.db", frozenset({"hosts.quarterdeck.io"}), archived=archived)
    server = ApiServer(store, registry, SystemClock(), ClusterConfig())
    await server.start(None, ("127.0.0.1", 0, credentials.server_context()))
    pipe.send(server.addresses[0][1])
    await asyncio.to_thread(pipe.recv)
    await server.close()
    await store.close()


def serve(pipe: Connection, folder: Path, credentials: Credentials) -> None:
    asyncio.run(_serve(pipe, folder, credentials))


async def _serve_bare(pipe: Connection, credentials: Credentials) -> None:
    body = b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"one"},"data":{"a":"%s"}}' % (b"b" * 900)

    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    runner = web.ServerRunner(web.Server(answer, handler_cancellation=True, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=credentials.server_context()).start()
    pipe.send(runner.addresses[0][1])
    await asyncio.to_thread(pipe.recv)
    await runner.cleanup()


def serve_bare(pipe: Connection, _folder: Path, credentials: Credentials) -> None:
    asyncio.run(_serve_bare(pipe, credentials))


@asynccontextmanager
async def running(
    target: Callable[[Connection, Path, Credentials], None], credentials: Credentials
) -> AsyncIterator[Bench]:
    """A server in a process of its own and its administrator's client."""
    here, there = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        arguments = (there, Path(folder), credentials)
        process = multiprocessing.get_context("spawn").Process(target=target, args=arguments, daemon=True)
        process.start()
        there.close()  # so that a server that cannot start is an end of the pipe, not a silence
        try:
            port = await asyncio.to_thread(here.recv)
            context = client_context(credentials.admin, credentials.authority)
            async with HttpClient(Endpoint(f"https://127.0.0.1:{port}", tls=context)) as client:
                assert process.pid is not None
                yield Bench(client, (psutil.Process(process.pid),))
        finally:
            with contextlib.suppress(OSError):
                here.send("stop")
            process.join(20)


async def _of_ours(pods: int) -> list[Figure]:
    credentials = Credentials.make()
    found: list[Figure] = []
    async with running(serve_bare, credentials) as bare, running(serve, credentials) as ours:
        async with load.in_a_namespace(ours):
            async for step in load.steps(ours, pods, GOALS):
                found += await _beside(step, bare)
        found += await _beside(await _as_account(ours, client_context(None, credentials.authority)), bare)
    return found


async def _beside(step: Sequence[Figure], bare: Bench) -> Sequence[Figure]:
    """The figures of a step with what the bare server does right after it, where they are rates of CPU."""
    if not any(item.name.endswith(PER_CPU) for item in step):
        return step
    *_, floor = await bare.measure("", lambda _: bare.client.get(CONFIGMAPS, "one", SPACE))
    scale = floor.value / BARE_OF_DESIGN
    return [
        replace(item, peer="bare aiohttp", baseline=floor.value, goal=item.goal * scale)
        if item.name.endswith(PER_CPU)
        else item
        for item in step
    ]


async def _as_account(bench: Bench, anonymous: ssl.SSLContext) -> list[Figure]:
    """The same GET by a ServiceAccount: what a token and the rules of RBAC cost."""
    client = bench.client
    await client.create(SERVICEACCOUNTS, {"metadata": {"name": "reader", "namespace": "default"}})
    await client.create(CONFIGMAPS, {"metadata": {"name": "one", "namespace": "default"}, "data": {"a": "b" * 500}})
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": "default"}
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "reader"}
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]}
    await client.create(CLUSTERROLES, {"metadata": {"name": "reader"}, "rules": [rule]})
    binding = {"metadata": {"name": "reader"}, "roleRef": reference, "subjects": [subject]}
    await client.create(CLUSTERROLEBINDINGS, binding)
    answer = await client.post(SERVICEACCOUNTS, "reader", "token", {}, "default")
    endpoint = Endpoint(client.endpoint.url, tls=anonymous, token=answer["status"]["token"])
    async with HttpClient(endpoint) as account:
        same = Bench(account, bench.server)
        # Its connections are new; those of the bare server, which comes after it, are not.
        await asyncio.gather(*(account.get(CONFIGMAPS, "one", "default") for _ in range(CONNECTIONS)))
        name = "GET with a token of a ServiceAccount"
        return await same.measure(name, lambda _: account.get(CONFIGMAPS, "one", "default"))


async def _of_another(kubeconfig: Path, processes: list[int], pods: int) -> list[Figure]:
    async with _another(kubeconfig, processes) as other:
        return await load.run(other, pods)


async def _of_both(kubeconfig: Path, processes: list[int], pods: int) -> list[Figure]:
    async with running(serve, Credentials.make()) as ours, _another(kubeconfig, processes) as other:
        return await load.beside(ours, other, pods, GOALS)


@asynccontextmanager
async def _another(kubeconfig: Path, processes: list[int]) -> AsyncIterator[Bench]:
    async with HttpClient(endpoint_of(kubeconfig)) as client:
        yield Bench(client, tuple(map(psutil.Process, processes)))


def figures(arguments: list[str] | None = None) -> list[Figure]:
    parser = argparse.ArgumentParser(prog="python -m tests.bench api")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--kubeconfig", type=Path, help="put the API of this file under the load, in place of ours")
    which.add_argument("--beside", type=Path, help="put ours and the API of this file under the load, in turns")
    parser.add_argument(
        "--pid", type=int, action="append", default=[],
        help="a process of that API, if it is one of this machine: its CPU and memory count; once for each of them",
    )  # fmt: skip
    parser.add_argument("--pods", type=int, default=load.PODS_COUNT, help="how many to make")
    options = parser.parse_args(arguments or [])
    if options.beside:
        return asyncio.run(_of_both(options.beside, options.pid, options.pods))
    if options.kubeconfig:
        return asyncio.run(_of_another(options.kubeconfig, options.pid, options.pods))
    return asyncio.run(_of_ours(options.pods))
