"""fit, topo and why against a real API server and scheduler."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from common.api.kinds import PODS
from common.api.meta import Object
from common.clock import SystemClock
from common.settings import ClusterConfig
from console.apiserver.server import ApiServer
from console.cli.exits import Exit
from console.controlplane import Backends
from console.registry.catalog import default_registry
from console.scheduler import Scheduler
from console.store import open_store
from tests.fakes.objects import node, pod
from tests.integration.cli.conftest import QUARTERDECK, Outcome, join, run
from tests.integration.cluster.conftest import eventually

Call = Callable[..., Awaitable[Outcome]]


@pytest.fixture
async def call(tmp_path: Path) -> AsyncIterator[Call]:
    clock, registry, backends = SystemClock(), default_registry(), Backends()
    volatile = frozenset(row.resource.group_resource for row in registry.rows() if not row.durable)
    store = await open_store(tmp_path / "store.db", volatile)
    server = ApiServer(store, registry, clock, ClusterConfig.dual_stack(), explainer=backends)
    await server.start(tmp_path / "api.sock", None)
    client = server.local_client("test", frozenset({"system:masters"}))
    for made in (node("n1", cpu="2", labels={"topology.kubernetes.io/zone": "attic"}), node("n2", cpu="1")):
        await join(client, made)
    await client.create(PODS, pod("there", cpu="500m", memory="1Gi", node="n1"), "default")
    scheduler = Scheduler(client, clock)
    scheduler.start()
    backends.explainer = scheduler
    there = await client.get(PODS, "there", "default")

    async def known() -> bool:
        return len(scheduler.fit(there, 1)["nodes"]) == 2

    await eventually(known, "the scheduler knows both nodes")

    async def quarterdeck(*words: str) -> Outcome:
        return await run([str(QUARTERDECK), *words], {"QUARTERDECK_HOME": str(tmp_path)})

    yield quarterdeck
    await scheduler.close()
    await server.close()
    await store.close()


async def test_fit_says_where_replicas_would_land_and_makes_nothing(call: Call) -> None:
    outcome = await call("fit", "nginx", "cpu=500m", "mem=1Gi", "x6", "-o", "json")
    status: Object = json.loads(outcome.out)["status"]
    assert status["fitting"] == 5
    assert sorted(item["node"] for item in status["placements"]) == ["n1", "n1", "n1", "n2", "n2"]
    assert status["message"].startswith("0/2 nodes are available: 2 Insufficient cpu.")
    assert [(item["name"], item["replicas"], item["reasons"]) for item in status["nodes"]] == [
        ("n1", 3, ["Insufficient cpu"]), ("n2", 2, ["Insufficient cpu"]),
    ]  # fmt: skip
    assert status["packing"]["before"] == {"nodesInUse": 1, "cpu": 16.7, "memory": 6.2}
    assert status["packing"]["after"] == {"nodesInUse": 2, "cpu": 100.0, "memory": 37.5}
    assert [
        item["metadata"]["name"] for item in json.loads((await call("get", "pods", "-o", "json")).out)["items"]
    ] == ["there"]


async def test_fit_for_people(call: Call) -> None:
    outcome = await call("fit", "nginx", "cpu=1", "x2")
    assert outcome.out.splitlines()[0] == "2 of 2 replicas fit   (nginx  cpu 1)"
    assert "all nodes: cpu 17% -> 83%" in outcome.out


async def test_fit_refuses_what_no_pod_could_be(call: Call) -> None:
    assert (await call("fit", "nginx", "cpu=lots")).code == Exit.USAGE
    outcome = await call("fit", "nginx", "priority=none")
    assert 'pods "fit" is forbidden: no PriorityClass with name none was found' in outcome.err
    outcome = await call("fit", "nginx", "x5000")
    assert "spec.replicas: Invalid value: 5000: must be between 1 and 1000, inclusive" in outcome.err


async def test_topo_has_a_row_for_each_node(call: Call) -> None:
    found = json.loads((await call("topo", "-o", "json")).out)
    assert [(box["name"], box["zone"], box["percent"]["cpu"]) for box in found["nodes"]] == [
        ("n1", "attic", 25), ("n2", "", 0),
    ]  # fmt: skip
    assert found["nodes"][0]["pods"][0]["name"] == "there"
    assert "500m of 2 (25%)" in (await call("topo")).out
