"""One API, and both ways to it: the client of the control plane's own components and the one over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.client.base import Client
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.clock import SystemClock
from common.settings import ClusterConfig
from console.apiserver.server import ApiServer
from console.registry.catalog import default_registry
from console.store import Store, open_store


@dataclass(frozen=True)
class Api:
    server: ApiServer
    store: Store
    socket: Path


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    registry = default_registry()
    volatile = frozenset(row.resource.group_resource for row in registry.rows() if not row.durable)
    store = await open_store(tmp_path / "store.db", volatile)
    server = ApiServer(store, registry, SystemClock(), ClusterConfig())
    await server.start(tmp_path / "api.sock")
    yield Api(server, store, tmp_path / "api.sock")
    await server.close()
    await store.close()


@pytest.fixture(params=["local", "http"])
async def client(api: Api, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with AsyncExitStack() as stack:
        if request.param == "local":
            yield api.server.local_client("test")
        else:
            yield await stack.enter_async_context(HttpClient(Endpoint.of_socket(api.socket)))
