"""All controllers and the scheduler on the real API server and store; only the nodes are played by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from common.api.kinds import DEPLOYMENTS, NAMESPACES, NODES, PODS, REPLICASETS, Resource
from common.api.meta import Object, format_time, is_deleting, name, namespace
from common.api.pods import node_name
from common.client import Client
from common.client.endpoint import Endpoint
from common.clock import SystemClock
from common.settings import ClusterConfig
from console.apiserver.server import ApiServer
from console.controllers import all_controllers
from console.registry.catalog import default_registry
from console.scheduler import Scheduler
from console.store import open_store
from tests.fakes.objects import node

DEADLINE = 60.0  # seconds; generous, a loaded machine must not fail a test


class Cluster:
    """A control plane without sessions, and what its nodes would report."""

    def __init__(self, client: Client, clock: SystemClock, socket: Path, config: ClusterConfig) -> None:
        self.config = config
        self.client = client
        self.endpoint = Endpoint.of_socket(socket)
        self.clock = clock
        self.addresses = 0
        self.outcome: Callable[[Object], str] = lambda _pod: "Running"  # of a container: or an exit code, or Pending

    async def items(self, resource: Resource, home: str | None = "default") -> list[Object]:
        return (await self.client.list(resource, home if resource.namespaced else None)).items

    async def add_nodes(self, *names: str) -> None:
        for node_key in names:
            made = node(node_key)
            await self.client.create(NODES, made)
            await self.client.update(NODES, made, subresource="status")

    async def run_pods(self) -> None:
        """Bound pods become ready, deleted ones go."""
        for pod in await self.items(PODS, None):
            if node_name(pod) and is_deleting(pod):
                if pod["metadata"].get("finalizers") and pod["status"]["phase"] == "Running":
                    ended = {"status": {"phase": "Failed"}}  # as a node reports what it killed
                    await self.client.patch(PODS, name(pod), ended, namespace(pod), subresource="status")
                await self.client.delete(PODS, name(pod), namespace(pod), grace_period_seconds=0)
            elif node_name(pod) and not (pod.get("status") or {}).get("podIP"):
                await self._run(pod, self.outcome(pod))

    async def _run(self, pod: Object, outcome: str) -> None:
        if outcome == "Pending":
            return
        self.addresses += 1
        ip = f"10.42.0.{self.addresses % 250 + 1}"
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": format_time(self.clock.now())}
        others = [entry for entry in pod["status"].get("conditions") or () if entry["type"] != "Ready"]
        status: Object = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [*others, ready]}
        if outcome != "Running":
            ended = {"exitCode": int(outcome), "reason": "Error" if int(outcome) else "Completed"}
            container = {"name": pod["spec"]["containers"][0]["name"], "state": {"terminated": ended}}
            told = {"image": "hello:1", "imageID": "", "ready": False, "restartCount": 0}
            ready["status"] = "False"
            status |= {
                "phase": "Failed" if int(outcome) else "Succeeded", "containerStatuses": [{**container, **told}]
            }  # fmt: skip
        await self.client.patch(PODS, name(pod), {"status": status}, namespace(pod), subresource="status")

    async def until(self, condition: Callable[[list[Object], list[Object]], bool]) -> None:
        """Run pods until the condition holds for the ReplicaSets and Pods of `default`."""
        end = self.clock.monotonic() + DEADLINE
        while self.clock.monotonic() < end:
            await self.run_pods()
            if condition(await self.items(REPLICASETS), await self.items(PODS)):
                return
            await asyncio.sleep(0.02)
        state = [(name(obj), obj.get("status")) for obj in await self.items(DEPLOYMENTS)]
        raise AssertionError(f"not within {DEADLINE} s: {state}")

    async def revision(self) -> str:
        return (await self.client.list(NODES)).resource_version


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    clock = SystemClock()
    registry = default_registry()
    volatile = frozenset(row.resource.group_resource for row in registry.rows() if not row.durable)
    store = await open_store(tmp_path / "store.db", volatile)
    config = ClusterConfig.dual_stack()
    server = ApiServer(store, registry, clock, config)
    await server.start(tmp_path / "api.sock", None)
    client = server.local_client("system:controllers", frozenset({"system:masters"}))
    scheduler = Scheduler(client, clock)
    controllers = all_controllers(client, clock, config, resources=registry.kept(), ca_pem="PEM")
    scheduler.start()
    controllers.start()
    try:
        await client.get(NAMESPACES, "default")
        yield Cluster(client, clock, tmp_path / "api.sock", config)
    finally:
        await scheduler.close()
        await controllers.close()
        await server.close()
        await store.close()
