"""All controllers and the scheduler together: from manifests to endpoints, through failures, to nothing left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from common.api.kinds import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    SERVICEACCOUNTS,
    SERVICES,
)
from common.api.meta import Key, Object, is_deleting, name
from common.api.pods import is_active, node_name
from common.clock import FakeClock
from common.settings import ClusterConfig
from console.controllers import all_controllers
from console.registry.catalog import default_registry
from console.scheduler import Scheduler
from tests.fakes.api import FakeApi, copy
from tests.fakes.cluster import quiet, run_pods
from tests.fakes.objects import deployment, node

KEPT = default_registry().kept()

SERVICE: Object = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}], "ipFamilies": ["IPv4"]},
}


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        self.client = self.api.client()
        self.scheduler = Scheduler(self.client, self.clock)
        self.controllers = all_controllers(self.client, self.clock, ClusterConfig(), resources=KEPT, ca_pem="PEM")

    async def run(self, seconds: float = 1.0, steps: int = 6) -> None:
        for _ in range(steps):
            await quiet(self.api)
            run_pods(self.api)
            await self.clock.advance(seconds / steps)
        await quiet(self.api)

    def set_ready(self, node_key: str, status: str) -> None:
        obj = copy(self.api.find(NODES, Key("", node_key)))
        obj["status"]["conditions"][0]["status"] = status
        self.api.update(NODES, obj, "status")

    def ready_endpoints(self) -> list[str]:
        return sorted(
            endpoint["targetRef"]["name"]
            for obj in self.api.items(ENDPOINTSLICES)
            for endpoint in obj["endpoints"]
            if endpoint["conditions"]["ready"] and "targetRef" in endpoint
        )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.scheduler.start()
    world.controllers.start()
    world.api.seed(NAMESPACES, {"metadata": {"name": "default"}, "spec": {"finalizers": ["kubernetes"]}})
    world.api.seed(NODES, node("n1"), node("n2"), node("n3"))
    await world.run(seconds=25)
    yield world
    await world.scheduler.close()
    await world.controllers.close()
    world.api.assert_untouched()


async def test_a_deployment_spreads_over_nodes_and_answers(world: World) -> None:
    await world.client.create(DEPLOYMENTS, deployment("web", 3))
    await world.client.create(SERVICES, SERVICE)
    await world.run()
    pods = world.api.items(PODS)
    assert sorted(node_name(pod) for pod in pods) == ["n1", "n2", "n3"]
    assert world.ready_endpoints() == sorted(name(pod) for pod in pods)


async def test_a_lost_node_is_replaced_and_taken_back(world: World) -> None:
    await world.client.create(DEPLOYMENTS, deployment("web", 3))
    await world.client.create(SERVICES, SERVICE)
    await world.run()
    world.set_ready("n2", "Unknown")
    await world.run(seconds=2)
    alive = [pod for pod in world.api.items(PODS) if is_active(pod)]
    assert sorted({node_name(pod) for pod in alive}) == ["n1", "n3"]
    assert world.ready_endpoints() == sorted(name(pod) for pod in alive)
    assert len(alive) == 3
    assert [name(pod) for pod in world.api.items(PODS) if is_deleting(pod) and node_name(pod) == "n2"]
    world.set_ready("n2", "True")
    await world.run(seconds=2)
    assert world.api.find(NODES, Key("", "n2"))["spec"].get("taints") is None
    assert not any(is_deleting(pod) for pod in world.api.items(PODS))


async def test_nothing_moves_when_no_node_is_ready(world: World) -> None:
    await world.client.create(DEPLOYMENTS, deployment("web", 3))
    await world.run()
    before = [(name(pod), node_name(pod)) for pod in world.api.items(PODS)]
    for node_key in ("n1", "n2", "n3"):
        obj = copy(world.api.find(NODES, Key("", node_key)))
        obj["status"]["conditions"][0]["status"] = "Unknown"
        world.api.update(NODES, obj, "status")
    await world.run(seconds=60)
    assert [(name(pod), node_name(pod)) for pod in world.api.items(PODS) if is_active(pod)] == before


async def test_a_removed_nodes_pods_come_up_elsewhere(world: World) -> None:
    await world.client.create(DEPLOYMENTS, deployment("web", 3))
    await world.run()
    world.api.vanish(NODES, Key("", "n1"))
    await world.run(seconds=10)
    assert sorted(node_name(pod) for pod in world.api.items(PODS)) in (["n2", "n2", "n3"], ["n2", "n3", "n3"])


async def test_every_node_gets_its_own_range(world: World) -> None:
    ranges = [obj["spec"]["podCIDRs"] for obj in world.api.items(NODES)]
    assert sorted(ranges) == [["10.42.0.0/24"], ["10.42.1.0/24"], ["10.42.2.0/24"]]


async def test_deleting_a_deployment_leaves_nothing(world: World) -> None:
    await world.client.create(DEPLOYMENTS, deployment("web", 3))
    await world.run()
    await world.client.delete(DEPLOYMENTS, "web", "default", propagation_policy="Background")
    await world.run(seconds=2)
    assert world.api.items(REPLICASETS) == []
    assert world.api.items(PODS) == []


@pytest.mark.parametrize("policy", ["Foreground", "Orphan"])
async def test_propagation_is_as_asked(world: World, policy: str) -> None:
    await world.client.create(DEPLOYMENTS, deployment("web", 2))
    await world.run()
    await world.client.delete(DEPLOYMENTS, "web", "default", propagation_policy=policy)
    await world.run(seconds=3)
    left = (len(world.api.items(DEPLOYMENTS)), len(world.api.items(REPLICASETS)), len(world.api.items(PODS)))
    assert left == ((0, 1, 2) if policy == "Orphan" else (0, 0, 0))


async def test_a_namespace_starts_with_its_defaults_and_ends_with_its_content(world: World) -> None:
    await world.client.create(NAMESPACES, {"metadata": {"name": "shop"}})
    await world.client.create(DEPLOYMENTS, deployment("web", 2, namespace="shop"))
    await world.run()
    assert [name(obj) for obj in world.api.items(SERVICEACCOUNTS, "shop")] == ["default"]
    assert [name(obj) for obj in world.api.items(CONFIGMAPS, "shop")] == ["kube-root-ca.crt"]
    assert len(world.api.items(PODS, "shop")) == 2
    await world.client.delete(NAMESPACES, "shop")
    await world.run(seconds=6)
    kinds: list[Any] = [DEPLOYMENTS, REPLICASETS, PODS, SERVICEACCOUNTS, CONFIGMAPS]
    left = {kind.kind: len(world.api.items(kind, "shop")) for kind in kinds}
    assert left == dict.fromkeys(left, 0)
    assert world.api.find(NAMESPACES, Key("", "shop")) is None


async def test_a_restarted_control_plane_does_not_evict_for_its_own_absence(world: World) -> None:
    await world.client.create(DEPLOYMENTS, deployment("web", 3))
    await world.run()
    await world.controllers.close()
    world.set_ready("n2", "Unknown")
    world.controllers = all_controllers(world.client, world.clock, ClusterConfig(), resources=KEPT)
    world.controllers.start()
    await world.run(seconds=15)
    assert all(is_active(pod) for pod in world.api.items(PODS))
    await world.run(seconds=10)
    assert any(is_deleting(pod) for pod in world.api.items(PODS))
