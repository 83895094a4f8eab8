"""drain, cordon and uncordon against a real API server and scheduler; no agent runs, so the test ends the pods."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.api.kinds import NODES, PODDISRUPTIONBUDGETS, PODS
from common.api.meta import Object, is_deleting, name
from common.clock import SystemClock
from common.settings import ClusterConfig
from console.apiserver.local import LocalClient
from console.apiserver.server import ApiServer
from console.cli.exits import Exit
from console.controlplane import Backends
from console.registry.catalog import default_registry
from console.scheduler import Scheduler
from console.store import open_store
from tests.fakes.objects import node, pod
from tests.integration.cli.conftest import QUARTERDECK, Outcome, join, run
from tests.integration.cluster.conftest import eventually

OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "web", "controller": True}


@dataclass
class Deck:
    client: LocalClient
    quarterdeck: Callable[..., Awaitable[Outcome]]

    async def pod(self, named: str, *, owner: Object | None = OWNER, cpu: str = "500m") -> None:
        """A pod that runs on n1."""
        made = pod(named, cpu=cpu, labels={"app": "web"}, owner=owner)
        await self.client.create(PODS, made, "default")
        await self.client.post(PODS, named, "binding", {"target": {"name": "n1"}}, "default")
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        await self.client.patch(PODS, named, {"status": status}, "default", subresource="status")

    async def budget(self, allowed: int) -> None:
        spec = {"selector": {"matchLabels": {"app": "web"}}, "minAvailable": 1}
        made = await self.client.create(PODDISRUPTIONBUDGETS, {"metadata": {"name": "web"}, "spec": spec}, "default")
        status = {"disruptionsAllowed": allowed, "currentHealthy": 1 + allowed, "desiredHealthy": 1,
                  "expectedPods": 2, "observedGeneration": 1}  # fmt: skip
        await self.client.update(PODDISRUPTIONBUDGETS, {**made, "status": status}, subresource="status")

    async def end_what_is_evicted(self, count: int) -> list[str]:
        """As the agent does; the names in the order in which they went."""
        gone: list[str] = []
        async with asyncio.timeout(60):
            while len(gone) < count:
                for found in (await self.client.list(PODS)).items:
                    if is_deleting(found):
                        await self.client.delete(PODS, name(found), "default", grace_period_seconds=0)
                        gone.append(name(found))
                await asyncio.sleep(0.05)
        return gone


@pytest.fixture
async def deck(tmp_path: Path) -> AsyncIterator[Deck]:
    clock, registry, backends = SystemClock(), default_registry(), Backends()
    volatile = frozenset(row.resource.group_resource for row in registry.rows() if not row.durable)
    store = await open_store(tmp_path / "store.db", volatile)
    server = ApiServer(store, registry, clock, ClusterConfig.dual_stack(), explainer=backends)
    await server.start(tmp_path / "api.sock", None)
    client = server.local_client("test", frozenset({"system:masters"}))
    for made in (node("n1", cpu="2"), node("n2", cpu="1")):
        await join(client, made)
    scheduler = Scheduler(client, clock)
    scheduler.start()
    backends.explainer = scheduler

    async def quarterdeck(*words: str) -> Outcome:
        return await run([str(QUARTERDECK), *words], {"QUARTERDECK_HOME": str(tmp_path)})

    async def known() -> bool:
        return len(scheduler.fit(pod("any"), 1)["nodes"]) == 2

    await eventually(known, "the scheduler knows both nodes")
    yield Deck(client, quarterdeck)
    await scheduler.close()
    await server.close()
    await store.close()


async def test_the_preview_says_who_goes_where_and_changes_nothing(deck: Deck) -> None:
    for named in ("web-1", "web-2", "web-3"):
        await deck.pod(named)
    await deck.budget(1)
    outcome = await deck.quarterdeck("drain", "n1", "--dry-run", "-o", "json")
    assert outcome.code == Exit.OK, outcome.err
    rows = json.loads(outcome.out)["pods"]
    assert [(row["metadata"]["name"], row["fate"], row["node"]) for row in rows] == [
        ("web-1", "evict", "n2"), ("web-2", "wait", "n2"), ("web-3", "wait", ""),
    ]  # fmt: skip
    assert rows[2]["homeless"].startswith("0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.")
    shown = (await deck.quarterdeck("drain", "n1", "--dry-run")).out
    assert shown.splitlines()[0] == "node/n1: 3 to evict, 1 without a home, 2 waiting for budgets"
    assert not (await deck.client.get(NODES, "n1"))["spec"].get("unschedulable")


async def test_it_is_done_when_the_pods_are_gone(deck: Deck) -> None:
    await deck.pod("web-1")
    await deck.pod("web-2")
    draining = asyncio.ensure_future(deck.quarterdeck("drain", "n1", "--timeout", "30s"))
    assert sorted(await deck.end_what_is_evicted(2)) == ["web-1", "web-2"]
    outcome = await draining
    assert outcome.code == Exit.OK, outcome.err
    assert outcome.out.splitlines()[0] == "node/n1 cordoned"
    assert outcome.out.splitlines()[-1] == "node/n1 drained"
    assert (await deck.client.get(NODES, "n1"))["spec"]["unschedulable"]


async def test_a_spent_budget_is_waited_for_until_the_time_is_over(deck: Deck) -> None:
    await deck.pod("web-1")
    await deck.budget(0)
    outcome = await deck.quarterdeck("drain", "n1", "--timeout", "1s")
    assert outcome.code == Exit.TIMEOUT
    assert "The disruption budget web needs 1 healthy pods and has 1 currently" in outcome.err
    assert not is_deleting(await deck.client.get(PODS, "web-1", "default"))


async def test_what_nobody_manages_refuses_the_whole_drain(deck: Deck) -> None:
    await deck.pod("alone", owner=None)
    await deck.pod("web-1")
    outcome = await deck.quarterdeck("drain", "n1")
    assert outcome.code == Exit.FAILED
    assert "default/alone: no controller manages it" in outcome.err
    assert not is_deleting(await deck.client.get(PODS, "web-1", "default"))


async def test_cordon_and_uncordon(deck: Deck) -> None:
    assert (await deck.quarterdeck("cordon", "n1", "n2")).out == "node/n1 cordoned\nnode/n2 cordoned\n"
    assert (await deck.quarterdeck("cordon", "n1")).out == "node/n1 already cordoned\n"
    assert (await deck.quarterdeck("uncordon", "n1")).out == "node/n1 uncordoned\n"
    assert not (await deck.client.get(NODES, "n1"))["spec"].get("unschedulable")
    assert (await deck.quarterdeck("cordon", "n9")).code == Exit.FAILED
