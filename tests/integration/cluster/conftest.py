"""A real control plane on loopback, and agents with real connections, in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.api.conditions import is_true
from common.api.kinds import EVENTS, HOSTS, NODES, PODS, Resource
from common.api.meta import Key, Object, key
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.clock import Clock, SystemClock
from common.errors import ApiError
from common.settings import Home
from console.controlplane import ControlPlane
from tests.fakes.agent import SimulatedAgent
from tests.fakes.relay import Relay

DEADLINE_SECONDS = 60.0


async def eventually(
    condition: Callable[[], Awaitable[object]], what: str, *, seconds: float = DEADLINE_SECONDS
) -> None:
    """Wait until the condition holds; fails saying what did not happen."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 - what is waited for happens in several processes
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"{what} did not happen in {seconds:.0f} seconds")


@dataclass(slots=True)
class Cluster:
    home: Home
    stack: AsyncExitStack
    folder: Path
    plane: ControlPlane
    api: HttpClient

    async def relayed_node(self, host: str) -> tuple[SimulatedAgent, Relay]:
        """A node that the control plane reaches only through a relay."""
        agent = await self.agent(host)
        relay = Relay(agent.service.server.port)
        await relay.start()
        self.stack.push_async_callback(relay.close)
        await self.api.post(HOSTS, f"127.0.0.1:{relay.port}", "adopt", {"code": agent.codes[-1]})
        await eventually(lambda: self.is_ready(host), f"node {host} becoming Ready")
        return agent, relay

    async def agent(self, host: str, *, folder: Path | None = None, clock: Clock | None = None) -> SimulatedAgent:
        agent = SimulatedAgent(host, clock or SystemClock(), folder)
        await agent.start()
        self.stack.push_async_callback(agent.close)
        return agent

    async def node(self, host: str, *, clock: Clock | None = None) -> SimulatedAgent:
        """An agent that was adopted with its code and is Ready."""
        agent = await self.agent(host, clock=clock)
        await self.adopt(agent)
        await eventually(lambda: self.is_ready(host), f"node {host} becoming Ready")
        return agent

    async def adopt(self, agent: SimulatedAgent, code: str | None = None) -> Object:
        return await self.api.post(HOSTS, agent.address, "adopt", {"code": agent.codes[-1] if code is None else code})

    async def is_ready(self, node: str) -> bool:
        found = await self.find(NODES, node)
        return found is not None and is_true(found, "Ready")

    async def find(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        items = (await self.api.list(resource, namespace)).items
        return next((item for item in items if key(item) == Key(namespace or "", name)), None)

    async def pods(self) -> list[Object]:
        return (await self.api.list(PODS, "default")).items

    async def restart(self) -> None:
        """Stop the control plane and start it again on the same state."""
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        await self.api.close()
        await self.plane.close()

    async def start(self) -> None:
        self.plane, self.api = await start_plane(self.home)

    async def events(self, node: str) -> list[str]:
        """What events about the node say."""
        found = (await self.api.list(EVENTS)).items
        return [event["message"] for event in found if event["involvedObject"]["name"] == node]


async def start_plane(home: Home) -> tuple[ControlPlane, HttpClient]:
    plane = ControlPlane(home, listen="127.0.0.1:0", discover=False)
    await plane.start()
    return plane, HttpClient(Endpoint.of_socket(home.api_socket))


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    home = Home(tmp_path / "home")
    plane, api = await start_plane(home)
    async with AsyncExitStack() as stack:
        found = Cluster(home, stack, tmp_path, plane, api)
        yield found
        await found.stop()


__all__ = ["ApiError", "Cluster", "cluster", "eventually"]
