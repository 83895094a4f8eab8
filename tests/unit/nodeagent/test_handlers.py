"""What the control plane asks of containers, over real connections: what ends when somebody leaves."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.api.meta import Object
from nodeagent.assignment import Assignment
from nodeagent.handlers import Handlers
from nodeagent.runtime import netns
from nodeagent.state import events
from nodeagent.state.machine import PodMachine
from nodeagent.state.moment import Moment
from nodeagent.state.spec import container_hash

from .fakes import pod

NOW = Moment(datetime(2026, 1, 1, tzinfo=UTC), 0.0)


class Pods:
    """One pod, whose container runs."""

    def __init__(self, obj: Object, addresses: tuple[str, ...] = ()) -> None:
        self.machine = PodMachine(obj, ("127.0.0.1",), NOW)
        spec = obj["spec"]["containers"][0]
        sandbox = events.Seen("s1", "", 0, running=True, addresses=addresses)
        running = events.Seen("c1", "web", 0, running=True, spec_hash=container_hash(spec))
        self.machine.handle(events.Observed((sandbox, running)), NOW)

    def runner(self, namespace: str, name: str) -> SimpleNamespace | None:
        return SimpleNamespace(machine=self.machine) if (namespace, name) == ("default", "web-1") else None


class Silent:
    """An engine whose containers log one line and then nothing."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()

    async def logs(self, _container_id: str, **_options: object) -> AsyncIterator[bytes]:
        try:
            yield b"hello\n"
            await asyncio.Event().wait()
        finally:
            self.let_go.set()


async def summary() -> Object:
    return {}


async def serve(pods: Pods, runtime: Silent) -> TestServer:
    app = web.Application()
    for method, path, handler in Handlers(pods, runtime, Assignment(None), summary).routes():  # type: ignore[arg-type]
        app.router.add_route(method, path, handler)
    server = TestServer(app)
    await server.start_server()
    return server


async def test_a_followed_log_that_is_silent_is_let_go_when_its_reader_leaves() -> None:
    runtime = Silent()
    server = await serve(Pods(pod()), runtime)
    async with aiohttp.ClientSession() as client:
        answer = await client.get(server.make_url("/logs/default/web-1/web?follow=true"))
        assert await answer.content.readline() == b"hello\n"
        assert not runtime.let_go.is_set()
        answer.close()
    await asyncio.wait_for(runtime.let_go.wait(), 60)
    await server.close()


async def echo_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read())
    await writer.drain()
    writer.close()


async def test_a_port_that_nothing_listens_on_is_refused_with_every_address_that_was_tried() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and never listening
        port = taken.getsockname()[1]
        with pytest.raises(
            ConnectionRefusedError, match=f"nothing takes a connection to port {port}: 127.0.0.1: .*::1: "
        ):
            await netns.connect("", netns.LOOPBACK, port, 5.0)


async def test_a_port_of_a_pod_in_the_hosts_network_is_at_the_hosts_address_and_hears_where_its_input_ends() -> None:
    program = await asyncio.start_server(echo_at_the_end, "127.0.0.1", 0)
    port = program.sockets[0].getsockname()[1]
    server = await serve(Pods(pod(hostNetwork=True)), Silent())
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(server.make_url(f"/forward/default/web-1/{port}")) as forwarded,
    ):
        await forwarded.send_bytes(b"one")
        await forwarded.send_bytes(b"two")
        await forwarded.send_bytes(b"")
        assert await forwarded.receive_bytes(timeout=10) == b"onetwo"
    await server.close()
    program.close()
