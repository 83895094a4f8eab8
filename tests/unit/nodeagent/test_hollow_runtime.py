"""Containers of simulated nodes: which of them end."""

from __future__ import annotations

import pytest

from common.api.meta import Object
from common.clock import FakeClock
from nodeagent.runtime.base import ContainerSpec, ContainerState
from nodeagent.runtime.hollow import Delays, HollowRuntime
from tests.fakes.objects import pod


@pytest.mark.parametrize(
    ("container", "state"),
    [
        ({"command": ["sleep", "2.5"]}, ContainerState.EXITED),
        ({"command": ["sleep"], "args": ["2"]}, ContainerState.EXITED),
        ({"command": ["sleep", "infinity"]}, ContainerState.RUNNING),
        ({"command": ["sh", "-c", "sleep 2"]}, ContainerState.RUNNING),
        ({}, ContainerState.RUNNING),
    ],
)
async def test_a_container_that_sleeps_ends(container: Object, state: ContainerState) -> None:
    clock = FakeClock()
    runtime = HollowRuntime(clock, Delays(0, 0, 0))
    started = await runtime.start_container(ContainerSpec(pod("web"), {"name": "main", **container}, "s", 0, {}))
    await clock.advance(0)
    await clock.advance(3)
    found = await runtime.inspect(started.id)
    assert found is not None
    assert (found.state, found.exit_code) == (state, 0)
    await runtime.close()
