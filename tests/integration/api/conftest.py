"""A real API server on a Unix socket and on TLS, with its own authority, and ways to talk to it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.api.kinds import PODS
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.clock import SystemClock
from common.files import write_atomic
from common.kubeconfig import kubeconfig
from common.pki import ADMINISTRATOR, FRONT_PROXY, MASTERS, Authority, Subject
from common.settings import ClusterConfig, Home
from common.tls import server_context
from console.apiserver.aggregation.frontproxy import FrontProxy
from console.apiserver.server import ApiServer
from console.controlplane import ENCRYPTED
from console.registry.catalog import default_registry
from console.store import Encryption, Store, open_store

from .kubectl import Kubectl
from .node import Node

MakePod = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class Running:
    server: ApiServer
    store: Store
    socket: Path
    kubeconfig: Path
    url: str
    authority: Authority
    front_authority: Authority  # of the certificate that aggregated API servers are shown

    def kubeconfig_for(self, folder: Path, subject: Subject) -> Path:
        """A kubeconfig of somebody else."""
        path = folder / f"{subject.common_name.replace(':', '-')}.kubeconfig"
        identity = self.authority.issue(subject, SystemClock().now())
        write_atomic(path, kubeconfig("test", self.url, self.authority.certificate_pem, identity))
        return path


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    node = Node()
    await node.start()
    yield node
    await node.close()


@pytest.fixture
async def api(tmp_path: Path, node: Node) -> AsyncIterator[Running]:
    clock = SystemClock()
    authority = Authority.create("test", clock.now())
    names = ("localhost", "127.0.0.1", "::1")
    identity = authority.issue(Subject("quarterdeck", names=names, server=True), clock.now())
    registry = default_registry()
    volatile = frozenset(row.resource.group_resource for row in registry.rows() if not row.durable)
    encryption = Encryption(ENCRYPTED, tmp_path / "encryption.json")
    store = await open_store(tmp_path / "store.db", volatile, encryption)
    front_authority = Authority.create("front-proxy", clock.now())
    proxy_identity = front_authority.issue(Subject(FRONT_PROXY), clock.now())
    front = FrontProxy(authority.certificate_pem, front_authority.certificate_pem, lambda: proxy_identity)
    audit = Home(tmp_path).audit
    server = ApiServer(store, registry, clock, ClusterConfig.dual_stack(), streams=node, front=front, audit=audit)
    context = server_context(identity, authority.certificate_pem)
    await server.start(tmp_path / "api.sock", ("127.0.0.1", 0, context))
    host, port = server.addresses[0]
    url = f"https://{host}:{port}"
    admin = authority.issue(Subject(ADMINISTRATOR, (MASTERS,)), clock.now())
    path = tmp_path / "kubeconfig"
    write_atomic(path, kubeconfig("test", url, authority.certificate_pem, admin))
    yield Running(server, store, tmp_path / "api.sock", path, url, authority, front_authority)
    await server.close()
    await store.close()


@pytest.fixture
async def client(api: Running) -> AsyncIterator[HttpClient]:
    async with HttpClient(Endpoint.of_socket(api.socket)) as client:
        yield client


@pytest.fixture
def kubectl(api: Running, tmp_path: Path) -> Kubectl:
    return Kubectl(api.kubeconfig, tmp_path)


async def python_client(api: Running, what: str, *arguments: str) -> object:
    """What the Kubernetes Python client prints that it saw (see python_client.py)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.api.python_client",
        str(api.kubeconfig),
        what,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(out)


@pytest.fixture
def make_pod(client: HttpClient) -> MakePod:
    async def make(name: str, node: str = "node-1", containers: tuple[str, ...] = ("main",), **status: object) -> None:
        spec = {"containers": [{"name": container, "image": "x"} for container in containers]}
        await client.create(PODS, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})
        if node:
            await client.post(PODS, name, "binding", {"target": {"name": node}}, "default")
        state = status.pop("state", {"running": {"startedAt": "2026-01-01T00:00:00Z"}})
        statuses = [
            {"name": container, "image": "x", "imageID": "", "ready": True, "restartCount": 0, "state": state}
            for container in containers
        ]
        body = {"status": {"phase": "Running", "containerStatuses": statuses, **status}}
        await client.patch(PODS, name, body, "default", subresource="status")

    return make


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A TCP server that sends back what it gets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
