"""What an agent says of its node while it has not looked around yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from common.api.conditions import is_true
from common.api.meta import Object
from common.clock import SystemClock
from common.session import Sync
from nodeagent.agent import Agent, Options, Parts
from nodeagent.assignment import Assignment
from nodeagent.network.base import Policies
from nodeagent.network.hollow import HollowNetwork
from nodeagent.proxy.base import NoProxy
from nodeagent.runtime.hollow import Delays, HollowProber, HollowRuntime
from nodeagent.session.service import Settings
from nodeagent.stats import Limits
from nodeagent.usage import HollowMeter

from .conftest import eventually

NODE = {"metadata": {"name": "n1", "uid": "uid-n1"}, "spec": {"podCIDRs": ["10.42.0.0/24"]}}


class SlowNetwork(HollowNetwork):
    async def configure(self, node: Object, nodes: Iterable[Object], config: Object) -> None:
        await asyncio.Event().wait()


class SlowRuntime(HollowRuntime):
    async def list_containers(self) -> Any:
        await asyncio.Event().wait()


@pytest.mark.parametrize("known", [True, False])
async def test_a_node_that_starts_again_is_ready_while_it_looks_and_a_new_one_is_not(
    tmp_path: Path, known: bool
) -> None:
    if known:
        before = Assignment(tmp_path)
        before.join("c1", "n1", {})
        before.apply(Sync(1, full=True, objects={"nodes": [NODE]}))
        await before.save()
    clock = SystemClock()
    parts = Parts(
        SlowRuntime(clock, Delays()), SlowNetwork(), NoProxy(), None, HollowProber(), HollowMeter(clock),
        lambda _uid: None,
    )  # fmt: skip
    session = Settings("1", tmp_path, port=0, addresses=("127.0.0.1",), tunnel_port=0, advertise=False)
    agent = Agent(Options(session, "n1", Limits(), lambda: ("127.0.0.1",), lambda _code: None), parts, clock)
    await agent.start()
    try:

        async def ready() -> bool:
            return is_true({"status": agent.reports.node_status()}, "Ready")

        if known:
            await eventually(ready, "the node being called Ready")
        await asyncio.sleep(0.3)
        assert await ready() is known
    finally:
        await agent.close()


class Kernel(HollowNetwork):
    """Notes how many Services and policies its first tables have."""

    def __init__(self) -> None:
        super().__init__()
        self.held = (0, 0)
        self.first: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()

    async def configure(self, node: Object, nodes: Iterable[Object], config: Object) -> None:
        if not self.first.done():
            self.first.set_result(self.held)
        await super().configure(node, nodes, config)

    async def sync_services(
        self, services: Iterable[Object], slices: Iterable[Object], unready: frozenset[str], policies: Policies
    ) -> None:
        self.held = (len(list(services)), len(policies.policies))


async def test_the_first_tables_of_an_agent_that_starts_again_are_not_empty(tmp_path: Path) -> None:
    before = Assignment(tmp_path)
    before.join("c1", "n1", {})
    objects = {"nodes": [NODE]}
    for resource in ("services", "networkpolicies"):
        objects[resource] = [{"metadata": {"name": "x", "namespace": "default", "uid": f"uid-{resource}"}, "spec": {}}]
    before.apply(Sync(1, full=True, objects=objects))
    await before.save()
    clock, kernel = SystemClock(), Kernel()
    parts = Parts(
        HollowRuntime(clock, Delays()), kernel, NoProxy(), None, HollowProber(), HollowMeter(clock), lambda _uid: None
    )
    session = Settings("1", tmp_path, port=0, addresses=("127.0.0.1",), tunnel_port=0, advertise=False)
    agent = Agent(Options(session, "n1", Limits(), lambda: ("127.0.0.1",), lambda _code: None), parts, clock)
    await agent.start()
    try:
        async with asyncio.timeout(60):
            assert await kernel.first == (1, 1)
    finally:
        await agent.close()
