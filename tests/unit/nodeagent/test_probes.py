"""Probes and hooks against real sockets on the loopback address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast
from urllib.parse import quote

import pytest
from aiohttp import web
from multidict import CIMultiDict

from common.clock import FakeClock, SystemClock
from nodeagent.httpget import port_number
from nodeagent.probes import NodeProber
from nodeagent.runtime.base import Runtime, RuntimeFailure

CONTAINER = {"name": "web", "ports": [{"name": "http", "containerPort": 8080}]}


class Engine:
    """Answers commands as it was told."""

    def __init__(self, answer: tuple[int, str] | Exception = (0, "")) -> None:
        self.answer = answer
        self.commands: list[list[str]] = []

    async def exec_probe(self, container_id: str, command: list[str], seconds: float) -> tuple[int, str]:
        self.commands.append(command)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def prober(engine: Engine | None = None, clock: Any = None) -> NodeProber:
    return NodeProber(cast("Runtime", engine or Engine()), clock or SystemClock())


@pytest.fixture
def asked() -> list[CIMultiDict[str]]:
    """The headers of what /echo was asked."""
    return []


@pytest.fixture
async def port(asked: list[CIMultiDict[str]]) -> AsyncIterator[int]:
    async def pieces(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=302, headers={"Location": "http://0.0.0.0/"})
        await response.prepare(request)
        for piece in ("pieces", " of", " it"):
            await response.write(piece.encode())
            await asyncio.sleep(0.01)
        match request.query["end"]:
            case "never":
                await asyncio.sleep(5)
            case "cut":
                assert request.transport is not None
                request.transport.abort()
        return response

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/slow":
            await asyncio.sleep(5)
        if request.path == "/echo":
            asked.append(request.headers.copy())
            return web.Response(text="said")
        if request.path == "/pieces":
            return await pieces(request)
        if request.path == "/circle":
            return web.Response(status=302, headers={"Location": "/circle"})
        if request.path == "/leads":
            return web.Response(
                status=int(request.query["as"]), headers={"Location": request.query["to"]}, text="there"
            )
        return web.Response(status=int(request.path[1:] or 200))

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


async def get(action: Any, address: str = "127.0.0.1", **more: Any) -> tuple[bool | None, str, bool]:
    subject = prober()
    try:
        return await subject.probe({"httpGet": action, **more}, CONTAINER, "id", address)
    finally:
        await subject.close()


ENDED = "Probe terminated redirects, Response body: there"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/200", (True, "", False)),
        ("/404", (False, "HTTP probe failed with statuscode: 404", False)),
        ("/500", (False, "HTTP probe failed with statuscode: 500", False)),
        ("/leads?as=302&to=/500", (False, "HTTP probe failed with statuscode: 500", False)),
        ("/leads?as=307&to=200", (True, "", False)),
        ("/leads?as=301&to=http://0.0.0.0/", (True, ENDED, True)),
        ("/leads?as=308&to=http://localhost/", (True, ENDED, True)),
        ("/leads?as=302&to=", (True, ENDED, True)),
        ("/leads?as=300&to=/500", (True, ENDED, True)),
        ("/304", (True, "Probe terminated redirects, Response body: ", True)),
    ],
)
async def test_http(port: int, path: str, expected: tuple[bool, str, bool]) -> None:
    assert await get({"path": path, "port": port}) == expected


async def test_redirects_are_followed_to_the_same_host_at_any_port(port: int, asked: list[CIMultiDict[str]]) -> None:
    there = quote(f"http://127.0.0.1:{port}/echo", safe="")
    headers = [{"name": "Host", "value": "shop.example"}]
    for to in (there, "%2Fecho"):
        action = {"path": f"leads?as=302&to={to}", "port": port, "httpHeaders": headers}
        assert await get(action) == (True, "said", False)
    assert [found["Host"] for found in asked] == [f"127.0.0.1:{port}", "shop.example"]


async def test_redirects_end_somewhere(port: int) -> None:
    success, message, _ = await get({"path": "/circle", "port": port})
    assert (success, message) == (False, 'Get "/circle": stopped after 10 redirects')
    success, message, _ = await get({"path": f"/leads?as=302&to={quote('http://[/', safe='')}", "port": port})
    assert success is False
    assert 'failed to parse Location header "http://[/"' in message


async def test_http_headers(port: int, asked: list[CIMultiDict[str]]) -> None:
    given = [("X-Test", "a"), ("x-test", "b"), ("user-agent", "me"), ("Accept", "")]
    await get({"path": "echo", "port": port, "httpHeaders": [{"name": name, "value": text} for name, text in given]})
    await get({"path": "echo", "port": port})
    assert asked[0].getall("X-Test") == ["a", "b"]
    assert asked[0].getall("User-Agent") == ["me"]
    assert "Accept" not in asked[0]
    assert (asked[1]["User-Agent"], asked[1]["Accept"]) == ("kube-probe/1.36", "*/*")
    assert "Accept-Encoding" not in asked[1]


async def test_http_that_is_too_slow(port: int) -> None:
    success, message, _ = await get({"path": "/slow", "port": port}, timeoutSeconds=0.1)
    assert success is False
    assert message.endswith("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")


async def test_nobody_listens(unused_tcp_port: int) -> None:
    where = f"127.0.0.1:{unused_tcp_port}"
    http = await get({"port": unused_tcp_port})
    tcp = await prober().probe({"tcpSocket": {"port": unused_tcp_port}}, CONTAINER, "id", "127.0.0.1")
    assert http == (False, f'Get "http://{where}/": dial tcp {where}: connect: connection refused', False)
    assert tcp == (False, f"dial tcp {where}: connect: connection refused", False)


async def test_tcp(port: int) -> None:
    assert await prober().probe({"tcpSocket": {"port": port}}, CONTAINER, "id", "127.0.0.1") == (True, "", False)


_LATE = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"


@pytest.mark.parametrize(
    ("end", "probed", "hooked"),
    [
        ("soon", (True, "Probe terminated redirects, Response body: pieces of it", True), ""),
        ("cut", (None, "unexpected EOF", False), ""),
        ("never", (None, _LATE, False), "not finished within 1s"),
    ],
)
async def test_a_probe_wants_the_body_too_and_a_hook_waits_for_it(
    port: int, end: str, probed: tuple[bool | None, str, bool], hooked: str
) -> None:
    action, subject = {"path": f"/pieces?end={end}", "port": port}, prober()
    probe_seconds, hook_seconds = (2, 1) if end == "never" else (30, 30)
    assert await get(action, timeoutSeconds=probe_seconds) == probed
    assert await subject.hook({"httpGet": action}, CONTAINER, "id", "127.0.0.1", hook_seconds) == hooked
    await subject.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((0, "fine"), (True, "fine")),
        ((2, "broken"), (False, "broken")),
        (TimeoutError(), (False, 'command timed out: "test x" timed out after 1s')),
        (RuntimeFailure("EngineUnavailable", "gone"), (None, "gone")),
    ],
)
async def test_exec(answer: Any, expected: tuple[bool | None, str]) -> None:
    engine = Engine(answer)
    assert await prober(engine).probe({"exec": {"command": ["test", "x"]}}, CONTAINER, "id", "") == (*expected, False)
    assert engine.commands == [["test", "x"]]


async def test_a_probe_that_cannot_be_made_is_no_failure() -> None:
    assert (await prober().probe({}, CONTAINER, "id", "")) == (None, "missing probe handler", False)
    success, message, _ = await prober().probe({"tcpSocket": {"port": "nope"}}, CONTAINER, "id", "")
    assert success is None
    assert "couldn't find port 'nope'" in message


def test_ports_by_number_and_name() -> None:
    assert port_number(80, CONTAINER) == 80
    assert port_number("81", CONTAINER) == 81
    assert port_number("http", CONTAINER) == 8080


async def test_hooks() -> None:
    assert await prober(Engine((0, ""))).hook({"exec": {"command": ["x"]}}, CONTAINER, "id", "", 5) == ""
    failed = await prober(Engine((3, "why"))).hook({"exec": {"command": ["x"]}}, CONTAINER, "id", "", 5)
    assert failed == "command exited with 3: why"
    refused = RuntimeFailure("EngineRefused", "no such container")
    assert (
        await prober(Engine(refused)).hook({"exec": {"command": ["x"]}}, CONTAINER, "id", "", 5) == "no such container"
    )


async def test_a_hook_over_http_is_heard_whatever_is_answered(port: int, unused_tcp_port: int) -> None:
    subject = prober()
    try:
        for path in ("/200", "/500", "/leads?as=302&to=http://0.0.0.0/"):
            assert await subject.hook({"httpGet": {"path": path, "port": port}}, CONTAINER, "id", "127.0.0.1", 5) == ""
        error = await subject.hook({"httpGet": {"port": unused_tcp_port}}, CONTAINER, "id", "127.0.0.1", 5)
    finally:
        await subject.close()
    assert error.endswith("connect: connection refused")
    unknown = await prober().hook({"httpGet": {"port": "nope"}}, CONTAINER, "id", "127.0.0.1", 5)
    assert "couldn't find port 'nope'" in unknown
    assert await prober().hook({"tcpSocket": {"port": port}}, CONTAINER, "id", "127.0.0.1", 5) == (
        "invalid handler: tcpSocket"  # kept for old manifests alone
    )


async def test_a_sleeping_hook_sleeps() -> None:
    clock = FakeClock()
    hook = asyncio.get_running_loop().create_task(prober(clock=clock).hook({"sleep": {"seconds": 3}}, {}, "", "", None))
    await asyncio.sleep(0)
    await clock.advance(2.9)
    assert not hook.done()
    await clock.advance(0.1)
    assert await hook == ""
