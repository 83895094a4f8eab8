"""A proxy of its own on free ports for each test, ended afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from common.api.ingressnode import ProxySettings
from common.clock import SystemClock
from nodeagent.proxy.haproxy import HaproxyProxy

from .world import Client, Server, free_port


@pytest.fixture
def settings() -> ProxySettings:
    return ProxySettings(True, free_port(), free_port())


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: the sockets of HAProxy are in it."""
    with tempfile.TemporaryDirectory(prefix="qd-proxy-") as name:
        yield Path(name)


@pytest.fixture
async def proxy(folder: Path) -> AsyncIterator[HaproxyProxy]:
    proxy = HaproxyProxy(folder / "p", SystemClock())
    yield proxy
    await proxy.close(remove=True)


@pytest.fixture
async def servers() -> AsyncIterator[Callable[[int], list[Server]]]:
    made: list[Server] = []
    async with contextlib.AsyncExitStack() as stack:
        for name in "abcd":
            server = await Server(name).start()
            stack.push_async_callback(server.stop)
            made.append(server)
        yield lambda count: made[:count]


@pytest.fixture
async def client(settings: ProxySettings) -> AsyncIterator[Client]:
    client = Client(settings)
    yield client
    await client.close()
    await asyncio.sleep(0)
