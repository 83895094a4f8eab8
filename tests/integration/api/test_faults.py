"""What happens to the API when something around it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from common.api.kinds import CONFIGMAPS
from common.api.meta import Key, Object
from common.client.contexts import endpoint_of
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.client.informer import Informer
from common.client.kubeconfig import ConfigurationError
from common.clock import SystemClock
from common.errors import NotFound, ServiceUnavailable
from common.settings import ClusterConfig
from console.apiserver.server import ApiServer, ListenError
from console.registry.catalog import default_registry
from console.store import Store, StoreError, open_store

from .conftest import Running


def configmap(name: str, size: int = 10) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}, "data": {"a": "x" * size}}


async def _start(folder: Path) -> tuple[ApiServer, Store]:
    store = await open_store(folder / "store.db")
    server = ApiServer(store, default_registry(), SystemClock(), ClusterConfig())
    await server.start(folder / "api.sock")
    return server, store


async def test_an_informer_goes_on_over_a_restart_of_the_server(tmp_path: Path) -> None:
    server, store = await _start(tmp_path)
    async with HttpClient(Endpoint.of_socket(tmp_path / "api.sock")) as client:
        await client.create(CONFIGMAPS, configmap("before"))
        informer = Informer(client, CONFIGMAPS, SystemClock())
        seen = asyncio.Event()
        informer.listen(lambda _old, new: seen.set() if new and new["metadata"]["name"] == "after" else None)
        informer.start()
        await informer.synced.wait()
        await server.close()
        await store.close()
        with pytest.raises(ServiceUnavailable, match=r"the API at .*api\.sock cannot be reached"):
            await client.get(CONFIGMAPS, "before", "default")
        server, store = await _start(tmp_path)
        await client.create(CONFIGMAPS, configmap("after"))
        async with asyncio.timeout(60):
            await seen.wait()
        assert informer.get(Key("default", "before"))
        await informer.close()
    await server.close()
    await store.close()


async def test_a_client_that_does_not_read_holds_up_nobody(api: Running, client: HttpClient) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket)), read_bufsize=1024) as session:
        stuck = await session.get("http://api/api/v1/configmaps?watch=1")
        for index in range(40):
            await client.create(CONFIGMAPS, configmap(f"big-{index}", 200_000))
        async with asyncio.timeout(60):
            assert (await client.get(CONFIGMAPS, "big-39", "default"))["data"]
        stuck.close()


async def test_a_client_that_does_not_read_is_cut_off(
    api: Running, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.apiserver.watchstream.WRITE_SECONDS", 0.2)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket)), read_bufsize=1024) as session:
        stuck = await session.get("http://api/api/v1/configmaps?watch=1")
        for index in range(20):
            await client.create(CONFIGMAPS, configmap(f"unread-{index}", 200_000))
        async with asyncio.timeout(60):
            while await _watches(client):
                pass  # each look takes a request's time
            with pytest.raises(aiohttp.ClientPayloadError):
                await stuck.read()


async def _watches(client: HttpClient) -> int:
    """How many watches the server has."""
    told = b"".join([chunk async for chunk in client.stream("/metrics", {})]).decode()
    (line,) = [line for line in told.splitlines() if line.startswith("apiserver_longrunning_requests{")]
    return int(float(line.split()[-1]))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
async def on_small_disk(small_disk: Path) -> AsyncIterator[tuple[ApiServer, HttpClient]]:
    server, store = await _start(small_disk)
    async with HttpClient(Endpoint.of_socket(small_disk / "api.sock")) as client:
        yield server, client
    await server.close()
    await store.close()


@pytest.mark.root
async def test_a_full_disk_refuses_writes_and_serves_reads(
    on_small_disk: tuple[ApiServer, HttpClient], small_disk: Path
) -> None:
    _, client = on_small_disk
    await client.create(CONFIGMAPS, configmap("before"))
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 65536)
    with pytest.raises(ServiceUnavailable, match=r"the store .*store\.db cannot be written .*free space"):
        await client.create(CONFIGMAPS, configmap("refused", 100_000))
    with pytest.raises(NotFound):
        await client.get(CONFIGMAPS, "refused", "default")
    assert [obj["metadata"]["name"] for obj in (await client.list(CONFIGMAPS)).items] == ["before"]
    filler.unlink()
    await client.create(CONFIGMAPS, configmap("after", 100_000))
    assert len((await client.list(CONFIGMAPS)).items) == 2


@pytest.mark.root
async def test_a_store_cannot_be_made_on_a_full_disk(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * (2 * 1024 * 1024))
    with pytest.raises(StoreError, match=r"the store .*store\.db cannot be (made|opened)"):
        await open_store(small_disk / "store.db")
    (small_disk / "filler").unlink()
    await (await open_store(small_disk / "store.db")).close()


async def test_a_dead_socket_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "api.sock"))
    server, store = await _start(tmp_path)
    assert (tmp_path / "api.sock").stat().st_mode & 0o777 == 0o600
    other = ApiServer(store, default_registry(), SystemClock(), ClusterConfig())
    with pytest.raises(ListenError, match=r"api\.sock: another process answers on it"):
        await other.start(tmp_path / "api.sock")
    async with HttpClient(Endpoint.of_socket(tmp_path / "api.sock")) as client:
        assert (await client.list(CONFIGMAPS)).items == []
    await server.close()
    assert not (tmp_path / "api.sock").exists()
    await store.close()


async def test_a_port_in_use_is_named(api: Running, tmp_path: Path) -> None:
    host, port = api.server.addresses[0]
    other = ApiServer(api.store, default_registry(), SystemClock(), ClusterConfig())
    context = endpoint_of(api.kubeconfig).tls
    assert context is not None
    with pytest.raises(ListenError, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use"):
        await other.start(None, (host, port, context))


@pytest.mark.root
async def test_another_user_of_this_machine_is_refused(api: Running, tmp_path: Path) -> None:
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o755)
    api.socket.chmod(0o666)
    asking = (
        f"import os, socket; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect({str(api.socket)!r});"
        "s.sendall(b'GET /api/v1/secrets HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n');"
        "data = b''.join(iter(lambda: s.recv(65536), b'')); print(data.decode())"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", asking, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert b"403 Forbidden" in out
    assert f"uid {os.getuid()}) and root, not uid 65534".encode() in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not: [closed", "cannot be read"),
        ("- a list", "is not a mapping"),
        ("current-context: x", "has no context 'x'"),
        ("""{current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}],
             clusters: [{name: c, cluster: {server: "http://x"}}], users: [{name: u, user: {}}]}""",
         "no https:// address"),
        ("""{current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}],
             clusters: [{name: c, cluster: {server: "https://x"}}], users: [{name: u, user: {}}]}""",
         "neither client-certificate-data nor client-certificate"),
        ("""{current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}],
             clusters: [{name: c, cluster: {server: "https://x", certificate-authority-data: "%%%"}}],
             users: [{name: u, user: {}}]}""", "certificate-authority cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_kubeconfig_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message) as caught:
        endpoint_of(path)
    assert str(path) in str(caught.value)
