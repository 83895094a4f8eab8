"""Probes and hooks against real sockets on the loopback address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from aiohttp import web

from common.clock import FakeClock, SystemClock
from nodeagent.probes import NodeProber, port_number
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
async def port() -> AsyncIterator[int]:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/slow":
            await asyncio.sleep(5)
        if request.path == "/echo":
            return web.Response(text=f"{request.headers['User-Agent']} {request.headers.get('X-Test')}")
        return web.Response(status=int(request.path[1:] or 200), headers={"Location": "http://127.0.0.1:1/"})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


@pytest.mark.parametrize(
    ("path", "success", "message"),
    [
        ("/200", True, ""),
        ("/302", True, ""),
        ("/404", False, "HTTP probe failed with statuscode: 404"),
        ("/500", False, "HTTP probe failed with statuscode: 500"),
    ],
)
async def test_http(port: int, path: str, success: bool, message: str) -> None:
    subject = prober()
    try:
        result = await subject.probe({"httpGet": {"path": path, "port": port}}, CONTAINER, "id", "127.0.0.1")
    finally:
        await subject.close()
    assert result == (success, message)


async def test_http_headers(port: int) -> None:
    subject = prober()
    action = {"path": "echo", "port": port, "httpHeaders": [{"name": "X-Test", "value": "yes"}]}
    try:
        assert await subject.probe({"httpGet": action}, CONTAINER, "id", "127.0.0.1") == (True, "kube-probe/1.36 yes")
    finally:
        await subject.close()


async def test_http_that_is_too_slow(port: int) -> None:
    subject = prober()
    spec = {"httpGet": {"path": "/slow", "port": port}, "timeoutSeconds": 0.1}
    try:
        success, message = await subject.probe(spec, CONTAINER, "id", "127.0.0.1")
    finally:
        await subject.close()
    assert success is False
    assert message.endswith("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")


async def test_nobody_listens(unused_tcp_port: int) -> None:
    subject = prober()
    where = f"127.0.0.1:{unused_tcp_port}"
    try:
        http = await subject.probe({"httpGet": {"port": unused_tcp_port}}, CONTAINER, "id", "127.0.0.1")
        tcp = await subject.probe({"tcpSocket": {"port": unused_tcp_port}}, CONTAINER, "id", "127.0.0.1")
    finally:
        await subject.close()
    assert http == (False, f'Get "http://{where}/": dial tcp {where}: connect: connection refused')
    assert tcp == (False, f"dial tcp {where}: connect: connection refused")


async def test_tcp(port: int) -> None:
    assert await prober().probe({"tcpSocket": {"port": port}}, CONTAINER, "id", "127.0.0.1") == (True, "")


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
    assert await prober(engine).probe({"exec": {"command": ["test", "x"]}}, CONTAINER, "id", "") == expected
    assert engine.commands == [["test", "x"]]


async def test_a_probe_that_cannot_be_made_is_no_failure() -> None:
    assert (await prober().probe({}, CONTAINER, "id", "")) == (None, "missing probe handler")
    success, message = await prober().probe({"tcpSocket": {"port": "nope"}}, CONTAINER, "id", "")
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


async def test_a_sleeping_hook_sleeps() -> None:
    clock = FakeClock()
    hook = asyncio.get_running_loop().create_task(prober(clock=clock).hook({"sleep": {"seconds": 3}}, {}, "", "", None))
    await asyncio.sleep(0)
    await clock.advance(2.9)
    assert not hook.done()
    await clock.advance(0.1)
    assert await hook == ""
