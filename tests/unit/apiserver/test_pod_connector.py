"""Connections to pods leave nothing open, whenever whoever asked for one goes."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp
import pytest
from yarl import URL

from console.apiserver.backends import NodeStreams
from console.apiserver.proxying.connector import PodConnector
from console.apiserver.proxying.target import Target

STEPS = 8  # of the event loop: a connection is made after fewer


class Agent:
    """The end of a stream to a pod that says nothing."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def send_bytes(self, _data: bytes) -> None: ...

    async def close(self) -> None:
        self.closed.set()

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        await self.closed.wait()
        for message in ():
            yield message


class Streams:
    def __init__(self) -> None:
        self.agents: list[Agent] = []

    async def websocket(self, _node: str, _path: str, _query: object) -> Agent:
        self.agents.append(Agent())
        return self.agents[-1]


@pytest.mark.parametrize("steps", range(STEPS))
async def test_who_goes_at_any_moment_leaves_nothing_open(steps: int) -> None:
    streams = Streams()
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always")
        connector = PodConnector(cast("NodeStreams", streams), Target("http", "10.0.0.1", 80, "n1", ("default", "web")))
        request = aiohttp.ClientRequest("GET", URL("http://web/"), loop=asyncio.get_running_loop())
        asking = asyncio.ensure_future(connector._create_connection(request, [], cast("Any", None)))
        for _ in range(steps):
            await asyncio.sleep(0)
        asking.cancel()
        (protocol,) = await asyncio.gather(asking, return_exceptions=True)
        if isinstance(protocol, aiohttp.client_proto.ResponseHandler):
            protocol.close()
        await asyncio.sleep(0)
        await connector.end()
        del asking, protocol, connector
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
    assert [str(item.message) for item in left if item.category is ResourceWarning] == []
    assert all(agent.closed.is_set() for agent in streams.agents)
