"""The whole chain with simulated nodes in processes of their own: deploy, scale, roll out, lose a host."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from common.api import meta, pods
from common.api.kinds import DEPLOYMENTS, HOSTS, NODES
from common.api.meta import Object
from tests.fakes.objects import deployment

from .conftest import Cluster, eventually

Start = Callable[[int, str], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def hollow(cluster: Cluster) -> AsyncIterator[Start]:
    """Starts N simulated agents with a name prefix in a process and adopts them; none outlives the test."""
    started: list[asyncio.subprocess.Process] = []

    async def start(count: int, prefix: str) -> asyncio.subprocess.Process:
        program = str(Path(sys.executable).with_name("quarterdeck-agent"))
        process = await asyncio.create_subprocess_exec(
            program, "hollow", str(count), "--prefix", prefix, "--delay", "0.1",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        for _ in range(count):
            said = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
            await cluster.api.post(HOSTS, said["address"], "adopt", {"code": said["code"]})
            await eventually(lambda name=said["name"]: cluster.is_ready(name), f"{said['name']} becoming Ready")
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def running(cluster: Cluster, image: str) -> list[Object]:
    """Ready pods of that image that are not being deleted."""
    return [
        pod
        for pod in await cluster.pods()
        if pods.is_ready(pod) and not meta.is_deleting(pod) and pod["spec"]["containers"][0]["image"] == image
    ]


async def change(cluster: Cluster, spec: dict[str, Any]) -> None:
    await cluster.api.patch(DEPLOYMENTS, "web", {"spec": spec}, "default")


async def test_a_deployment_lives_through_scaling_a_rollout_and_the_loss_of_a_host(
    cluster: Cluster, hollow: Start
) -> None:
    await hollow(2, "steady")
    doomed = await hollow(1, "doomed")
    await cluster.api.create(DEPLOYMENTS, deployment("web", 3), "default")

    def has(count: int, image: str) -> Callable[[], Awaitable[bool]]:
        async def check() -> bool:
            return len(await running(cluster, image)) == count == len(await cluster.pods())

        return check

    await eventually(has(3, "hello:1"), "three replicas")
    await change(cluster, {"replicas": 6})
    await eventually(has(6, "hello:1"), "six replicas")
    assert {pods.node_name(pod) for pod in await cluster.pods()} == {"steady-1", "steady-2", "doomed-1"}
    await change(cluster, {"template": {"spec": {"containers": [{"name": "main", "image": "hello:2"}]}}})
    await eventually(has(6, "hello:2"), "the rollout")

    doomed.kill()

    async def replaced() -> bool:
        found = await running(cluster, "hello:2")
        return len([pod for pod in found if pods.node_name(pod) != "doomed-1"]) == 6

    # The machine still refuses connections, so to the control plane only the agent is gone: 20 seconds.
    await eventually(replaced, "the lost replicas being replaced", seconds=60)


async def test_what_is_advertised_of_a_node_becomes_allocatable_and_stays(cluster: Cluster, hollow: Start) -> None:
    await hollow(1, "gpus")
    (node,) = (await cluster.api.list(NODES)).items

    async def advertise(amount: str | None) -> None:
        capacity = {"status": {"capacity": {"example.com/gpu": amount}}}
        await cluster.api.patch(NODES, meta.name(node), capacity, subresource="status")

    async def allocatable(amount: str | None) -> bool:
        status = (await cluster.api.get(NODES, meta.name(node)))["status"]
        found = [status[field].get("example.com/gpu") for field in ("capacity", "allocatable")]
        return found == [amount, amount] and status["allocatable"]["cpu"] != "0"

    for amount in ("2", "3", None):
        await advertise(amount)
        await eventually(partial(allocatable, amount), f"{amount} to be allocatable")
