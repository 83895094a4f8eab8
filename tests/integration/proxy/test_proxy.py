"""Requests through a real HAProxy: where they go, and that none is lost when anything changes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from cryptography import x509

from common.api.ingressnode import FAILING, IDLE, RUNNING, ProxySettings
from common.clock import SystemClock
from nodeagent.proxy.certificates import self_signed
from nodeagent.proxy.haproxy import HaproxyProxy
from nodeagent.proxy.plan import Inputs
from nodeagent.proxy.process import find_master
from nodeagent.proxy.render import CONFIG
from nodeagent.proxy.runtime import ask

from .world import Client, Server, endpoints, ingress, inputs, secret, service

Servers = Callable[[int], list[Server]]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - many things are waited for, few have an event
            await asyncio.sleep(0.01)


async def worker(proxy: HaproxyProxy) -> str:
    """The process that serves: another one means that there was a reload."""
    info = await ask(proxy._process.admin, "show info")
    return next(line for line in info.splitlines() if line.startswith("Pid: "))


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def recovered(client: Client) -> None:
    """Until a request is answered; those before it may fail."""
    async with asyncio.timeout(60):
        while True:
            try:
                if (await client.get("a.example"))[0] == 200:
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)


class Load:
    """Keep-alive clients that ask as fast as they can; what failed is kept."""

    def __init__(self, client: Client, host: str, clients: int = 4) -> None:
        self.failed: list[object] = []
        self.done = 0
        self._stop = False
        self._tasks = [asyncio.get_running_loop().create_task(self._run(client, host)) for _ in range(clients)]

    async def _run(self, client: Client, host: str) -> None:
        while not self._stop:
            try:
                status, body = await client.get(host)
            except aiohttp.ClientError as error:
                status, body = 0, repr(error)
            self.done += 1
            if status != 200:
                self.failed.append((status, body))

    async def settle(self, requests: int = 200) -> None:
        """Until so many more were answered."""
        wanted = self.done + requests
        await until(lambda: self.done >= wanted)

    async def __aenter__(self) -> Load:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop = True
        await asyncio.gather(*self._tasks)


async def test_hosts_paths_and_what_nobody_knows(
    proxy: HaproxyProxy, settings: ProxySettings, client: Client, servers: Servers
) -> None:
    a, b, c = servers(3)
    site = ingress(
        "site", ("a.example", "/", "a"), ("a.example", "/api", "b"), ("a.example", "/api/v2/", "c"),
        ("a.example", "/exact=", "c"), ("*.b.example", "/", "b"),
    )  # fmt: skip
    slices = [*endpoints("a", a), *endpoints("b", b), *endpoints("c", c)]
    await proxy.sync(inputs(settings, site, service("a"), service("b"), service("c"), slices=slices))
    assert proxy.state.reason == RUNNING
    expected = {
        ("a.example", "/"): "a", ("A.Example:80", "/x"): "a", ("a.example", "/api"): "b", ("a.example", "/api/"): "b",
        ("a.example", "/apix"): "a", ("a.example", "/api/v2"): "c", ("a.example", "/api/v2/y"): "c",
        ("a.example", "/exact"): "c", ("a.example", "/exact/"): "a", ("x.b.example", "/"): "b",
    }  # fmt: skip
    found = {(host, path): (await client.get(host, path))[1]["name"] for host, path in expected}
    assert found == expected
    for host in ("b.example", "x.y.b.example", "other"):
        assert (await client.get(host))[0] == 404
    _, body = await client.get("a.example", "/", **{"X-Forwarded-For": "6.6.6.6"})
    assert body["headers"] == {
        "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "a.example", "X-Forwarded-Port": str(settings.http_port),
    }  # fmt: skip


async def test_servers_and_weights_change_without_a_new_process_and_without_a_lost_request(
    proxy: HaproxyProxy, settings: ProxySettings, client: Client, servers: Servers
) -> None:
    a, b, c = servers(3)
    site, web = ingress("site", ("a.example", "/", "web")), service("web")
    await proxy.sync(inputs(settings, site, web, slices=endpoints("web", a, b)))
    before = await worker(proxy)
    assert await client.names("a.example", 20) == {"a": 10, "b": 10}
    async with Load(client, "a.example") as load:
        for turn in range(10):
            await proxy.sync(inputs(settings, site, web, slices=endpoints("web", a, (b, c)[turn % 2])))
            await load.settle(50)
    assert load.failed == []
    assert await worker(proxy) == before
    await proxy.sync(inputs(settings, site, web, slices=endpoints("web", a, b, weights={b.port: 0})))
    assert await client.names("a.example", 20) == {"a": 20}
    await proxy.sync(inputs(settings, site, web, slices=endpoints("web", a, b, weights={b.port: 50})))
    found = await client.names("a.example", 60)
    assert 36 <= found["a"] <= 44, "two of three, wherever the turn begins"
    assert await worker(proxy) == before


async def test_a_reload_loses_no_request(
    proxy: HaproxyProxy, settings: ProxySettings, client: Client, servers: Servers
) -> None:
    a, b = servers(2)
    site, web, slices = ingress("site", ("a.example", "/", "web")), service("web"), endpoints("web", a, b)
    await proxy.sync(inputs(settings, site, web, slices=slices))
    seen = {await worker(proxy)}
    async with Load(client, "a.example", 8) as load:
        for turn in range(5):
            extra = ingress(f"extra-{turn}", (f"x{turn}.example", "/", "web"))
            await proxy.sync(inputs(settings, site, extra, web, slices=slices))
            assert (await client.get(f"x{turn}.example"))[0] == 200
            seen.add(await worker(proxy))
            await load.settle()
    assert load.failed == []
    assert len(seen) == 6


async def test_a_new_worker_listens_though_the_old_one_gets_no_processor(
    proxy: HaproxyProxy, settings: ProxySettings, servers: Servers
) -> None:
    """It has the sockets within a second from the old one, or binds beside it: nobody closes a port in between."""
    a, b = servers(2)
    slices = [*endpoints("a", a), *endpoints("b", b)]
    site, more = ingress("site", ("a.example", "/", "a")), ingress("more", ("b.example", "/", "b"))
    await proxy.sync(inputs(settings, site, service("a"), service("b"), slices=slices))
    old = int((await worker(proxy)).removeprefix("Pid: "))
    os.kill(old, signal.SIGSTOP)
    try:
        await proxy.sync(inputs(settings, site, more, service("a"), service("b"), slices=slices))
        assert proxy.state.reason == RUNNING
        assert int((await worker(proxy)).removeprefix("Pid: ")) != old
    finally:
        os.kill(old, signal.SIGCONT)


async def test_a_killed_process_is_back_within_a_moment(
    proxy: HaproxyProxy, settings: ProxySettings, client: Client, servers: Servers
) -> None:
    (a,) = servers(1)
    wanted = inputs(settings, ingress("site", ("a.example", "/", "web")), service("web"), slices=endpoints("web", a))
    await proxy.sync(wanted)
    for victim in ("master", "worker"):
        master = proxy._process._pid
        killed = master if victim == "master" else int((await worker(proxy)).removeprefix("Pid: "))
        os.kill(killed, signal.SIGKILL)
        # Without its master the worker goes on serving, and the end is noticed only then.
        await until(lambda: proxy._process._pid not in (0, master))  # noqa: B023 - awaited here
        await until(lambda: proxy.state.reason == RUNNING)
        await recovered(client)


async def test_an_agent_that_starts_again_finds_the_process_and_leaves_it_alone(
    proxy: HaproxyProxy, folder: Path, settings: ProxySettings, client: Client, servers: Servers
) -> None:
    a, b = servers(2)
    site, web = ingress("site", ("a.example", "/", "web")), service("web")
    await proxy.sync(inputs(settings, site, web, slices=endpoints("web", a)))
    before = await worker(proxy)
    await proxy.close(remove=False)
    assert (await client.get("a.example"))[0] == 200
    second = HaproxyProxy(folder / "p", SystemClock())
    try:
        await second.sync(inputs(settings, site, web, slices=endpoints("web", a)))
        assert await worker(second) == before
        await second.sync(inputs(settings, site, web, slices=endpoints("web", b)))
        assert await client.names("a.example", 4) == {"b": 4}
        assert await worker(second) == before
    finally:
        await second.close(remove=True)
    await until(lambda: find_master(folder / "p" / "current" / CONFIG) == 0)


async def test_canaries_take_their_share_and_whom_they_are_told(
    proxy: HaproxyProxy, settings: ProxySettings, client: Client, servers: Servers
) -> None:
    a, b = servers(2)
    site = ingress("site", ("a.example", "/", "stable"))
    slices = [*endpoints("stable", a), *endpoints("next", b)]
    services = (service("stable"), service("next"))

    def canary(**annotations: str) -> Inputs:
        found = ingress("next", ("a.example", "/", "next"), canary="true", **annotations)
        return inputs(settings, site, found, *services, slices=slices)

    await proxy.sync(canary(canary_weight="20"))
    before = await worker(proxy)
    share = (await client.names("a.example", 1000))["b"]
    assert 140 < share < 260  # 20 % of 1,000 is within five standard deviations
    await proxy.sync(canary(canary_weight="0"))
    assert await client.names("a.example", 50) == {"a": 50}
    assert await worker(proxy) == before
    await proxy.sync(canary(canary_weight="100", canary_by_header="X-Next", canary_by_cookie="next"))
    assert (await client.get("a.example", **{"X-Next": "never"}))[1]["name"] == "a"
    assert (await client.get("a.example", Cookie="next=never"))[1]["name"] == "a"
    assert (await client.get("a.example"))[1]["name"] == "b"
    await proxy.sync(canary(canary_by_header="X-Next", canary_by_header_value="yes"))
    assert (await client.get("a.example", **{"X-Next": "yes"}))[1]["name"] == "b"
    assert (await client.get("a.example", **{"X-Next": "always"}))[1]["name"] == "a"


async def common_name(settings: ProxySettings, name: str) -> str:
    """Of the certificate that the proxy shows for a host name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", settings.https_port, ssl=context, server_hostname=name)
    shown = x509.load_der_x509_certificate(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
    writer.transport.abort()
    return f"{shown.serial_number:x}"


def serial(pem: bytes) -> str:
    return f"{x509.load_pem_x509_certificate(pem).serial_number:x}"


async def test_tls_by_name_redirects_and_a_new_certificate_at_run_time(
    proxy: HaproxyProxy, settings: ProxySettings, client: Client, servers: Servers
) -> None:
    (a,) = servers(1)
    tls = [{"hosts": ["a.example"], "secretName": "cert"}]
    site, plain = ingress("site", ("a.example", "/", "web"), tls=tls), ingress("plain", ("b.example", "/", "web"))
    slices, web = endpoints("web", a), service("web")
    first, second = self_signed(datetime.now(UTC)), self_signed(datetime.now(UTC))
    await proxy.sync(inputs(settings, site, plain, web, slices=slices, secrets=(secret("cert", first),)))
    before = await worker(proxy)
    assert await common_name(settings, "a.example") == serial(first)
    assert await common_name(settings, "b.example") not in {serial(first), serial(second)}
    assert await client.get("a.example", "/x?y=1") == (308, f"https://a.example:{settings.https_port}/x?y=1")
    assert (await client.get("b.example"))[0] == 200
    await proxy.sync(inputs(settings, site, plain, web, slices=slices, secrets=(secret("cert", second),)))
    assert await common_name(settings, "a.example") == serial(second)
    damaged = {**secret("cert", second), "data": {"tls.crt": "bm9uZQ==", "tls.key": "bm9uZQ=="}}
    await proxy.sync(inputs(settings, site, plain, web, slices=slices, secrets=(damaged,)))
    assert await common_name(settings, "a.example") == serial(second)
    assert proxy.state.reason == RUNNING
    assert await worker(proxy) == before


async def test_a_configuration_that_is_refused_leaves_the_last_good_one(
    proxy: HaproxyProxy, settings: ProxySettings, client: Client, servers: Servers
) -> None:
    (a,) = servers(1)
    web, slices = service("web"), endpoints("web", a)
    await proxy.sync(inputs(settings, ingress("site", ("a.example", "/", "web")), web, slices=slices))
    before = await worker(proxy)
    # The API refuses such a name; an agent that was sent one all the same must not stop serving.
    broken = {**ingress("bro ken", ("b.example", "/", "web")), "apiVersion": "networking.k8s.io/v1"}
    site = ingress("site", ("a.example", "/", "web"))
    await proxy.sync(inputs(settings, site, broken, web, slices=slices))
    assert proxy.state.reason == FAILING
    assert "refuses the configuration" in proxy.state.message
    assert (await client.get("a.example"))[0] == 200
    assert await worker(proxy) == before
    master = proxy._process._pid
    os.kill(master, signal.SIGKILL)
    await until(lambda: proxy._process._pid not in (0, master))
    await recovered(client)
    await proxy.sync(inputs(settings, site, web, slices=slices))
    assert proxy.state.reason == RUNNING


async def test_a_port_that_is_taken_is_named(proxy: HaproxyProxy, settings: ProxySettings, servers: Servers) -> None:
    (a,) = servers(1)
    taken = ProxySettings(True, a.port, settings.https_port)
    await proxy.sync(inputs(taken, ingress("site", ("a.example", "/", "web")), service("web"), slices=[]))
    assert proxy.state.reason == FAILING
    assert str(a.port) in proxy.state.message


async def test_no_ingress_means_no_process(
    proxy: HaproxyProxy, settings: ProxySettings, client: Client, servers: Servers
) -> None:
    (a,) = servers(1)
    await proxy.sync(inputs(settings, slices=[]))
    assert proxy.state.reason == IDLE
    site = ingress("site", ("a.example", "/", "web"))
    await proxy.sync(inputs(settings, site, service("web"), slices=endpoints("web", a)))
    assert (await client.get("a.example"))[0] == 200
    await proxy.sync(inputs(settings, slices=[]))
    await until(lambda: not listens(settings.http_port))


async def test_what_may_have_been_done_is_not_done_twice(
    proxy: HaproxyProxy, settings: ProxySettings, client: Client, servers: Servers
) -> None:
    a, b = servers(2)
    calls = []

    async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append((await reader.readline()).split()[0])
        writer.transport.abort()

    rude = await asyncio.start_server(slam, "127.0.0.1", 0)
    server = Server("rude")
    server.port = rude.sockets[0].getsockname()[1]
    site, web = ingress("site", ("a.example", "/", "web")), service("web")
    await proxy.sync(inputs(settings, site, web, slices=endpoints("web", server, a)))
    answers = {(await client.get("a.example"))[0] for _ in range(4)}
    assert answers == {200}, "a GET is tried at the other server"
    calls.clear()
    failed = 0
    url = f"http://127.0.0.1:{settings.http_port}/"
    for _ in range(6):
        async with aiohttp.ClientSession() as session:
            try:
                async with session.post(url, headers={"Host": "a.example"}, data=b"x") as response:
                    failed += response.status == 502
            except aiohttp.ServerDisconnectedError:
                failed += 1
    assert failed > 0
    assert len(calls) == failed, "each was tried once"
    assert b.requests == {}
    rude.close()


async def test_websockets_pass(proxy: HaproxyProxy, settings: ProxySettings, servers: Servers) -> None:
    (a,) = servers(1)
    site = ingress("site", ("a.example", "/", "web"))
    await proxy.sync(inputs(settings, site, service("web"), slices=endpoints("web", a)))
    url = f"http://127.0.0.1:{settings.http_port}/ws"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, headers={"Host": "a.example"}) as socket:
        await socket.send_str("ahoy")
        assert (await socket.receive_str(timeout=60)) == "a: ahoy"


async def test_counts_survive_a_reload(
    proxy: HaproxyProxy, settings: ProxySettings, client: Client, servers: Servers
) -> None:
    (a,) = servers(1)
    web, slices, site = service("web"), endpoints("web", a), ingress("site", ("a.example", "/", "web"))
    await proxy.sync(inputs(settings, site, web, slices=slices))
    for path in ("/", "/", "/fail"):
        await client.get("a.example", path)
    await proxy.sync(inputs(settings, site, ingress("more", ("b.example", "/", "web")), web, slices=slices))
    fresh = Client(settings)  # what the old process still answers on its open connections is not counted
    await fresh.get("a.example")
    await fresh.close()
    await proxy._sample()
    figures = {entry["ingress"]: entry for entry in await proxy.figures()}
    assert (figures["site"]["requests"], figures["site"]["errors"]) == (4, 1)
    assert figures["site"]["servers"][0]["requests"] == 4
    assert figures["more"]["requests"] == 0
