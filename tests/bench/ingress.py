"""An Ingress beside a plain HAProxy: what the rules, headers and counters that we add cost for each request.

Both lead to the same server of this process and are asked in turn by the same client, so that the CPU of the two
HAProxy workers can be compared. The plain one has one frontend and one backend and adds nothing.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from common.api.ingressnode import ProxySettings
from common.clock import SystemClock
from nodeagent.proxy.haproxy import HaproxyProxy
from nodeagent.proxy.process import find_master
from nodeagent.proxy.render import CONFIG
from tests.bench.report import Figure
from tests.integration.proxy.world import Client, Server, endpoints, free_port, ingress, inputs, service

HOST = "a.example"
CLIENTS, REQUESTS, ROUNDS = 10, 3000, 3
INGRESSES = 50  # that the table of ours has besides
PLAIN = """global
  maxconn 4000
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend web
  bind 127.0.0.1:{port}
  default_backend web
backend web
  server web 127.0.0.1:{server}
"""


def figures() -> list[Figure]:
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    server = await Server("web").start()
    with tempfile.TemporaryDirectory(prefix="qd-bench-") as folder:
        try:
            async with _ours(Path(folder), server) as ours, _plain(Path(folder), server) as plain:
                return await _compare(ours, plain)
        finally:
            await server.stop()


async def _compare(ours: tuple[int, psutil.Process], plain: tuple[int, psutil.Process]) -> list[Figure]:
    spent = {"ours": 0.0, "plain": 0.0}
    for _ in range(ROUNDS):
        spent["ours"] += await _ask(*ours)
        spent["plain"] += await _ask(*plain)
    count = ROUNDS * REQUESTS
    return [
        Figure(
            f"requests through an Ingress (of {INGRESSES + 1}), CPU of HAProxy for each", spent["ours"] / count * 1e6,
            "us", "plain HAProxy", spent["plain"] / count * 1e6,
        )
    ]  # fmt: skip


async def _ask(port: int, worker: psutil.Process) -> float:
    """Seconds of CPU that the requests of a round cost."""
    client = Client(ProxySettings(True, port, port))
    numbers = iter(range(REQUESTS))

    async def work() -> None:
        for _ in numbers:
            status, _body = await client.get(HOST)
            if status != 200:
                raise RuntimeError(f"a request was answered {status}")

    before = _cpu(worker)
    try:
        await asyncio.gather(*(work() for _ in range(CLIENTS)))
    finally:
        await client.close()
    return _cpu(worker) - before


def _cpu(worker: psutil.Process) -> float:
    times = worker.cpu_times()
    return float(times.user + times.system)


@asynccontextmanager
async def _ours(folder: Path, server: Server) -> AsyncIterator[tuple[int, psutil.Process]]:
    settings = ProxySettings(True, free_port(), free_port())
    proxy = HaproxyProxy(folder / "p", SystemClock())
    names = ["web", *(f"other-{index}" for index in range(INGRESSES))]
    sites = [ingress(name, (HOST if name == "web" else f"{name}.example", "/", name)) for name in names]
    slices = [found for name in names for found in endpoints(name, server)]
    try:
        await proxy.sync(inputs(settings, *sites, *(service(name) for name in names), slices=slices))
        master = find_master(folder / "p" / "current" / CONFIG)
        if not master:
            raise RuntimeError(f"HAProxy does not run: {proxy.state}")
        [worker] = psutil.Process(master).children()
        yield settings.http_port, worker
    finally:
        await proxy.close(remove=True)


@asynccontextmanager
async def _plain(folder: Path, server: Server) -> AsyncIterator[tuple[int, psutil.Process]]:
    port, file = free_port(), folder / "plain.cfg"
    file.write_text(PLAIN.format(port=port, server=server.port))
    process = subprocess.Popen(["haproxy", "-db", "-f", str(file)], stdout=subprocess.DEVNULL)
    try:
        await _listening(port)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
