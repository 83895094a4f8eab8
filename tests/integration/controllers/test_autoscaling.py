"""The autoscaler on the real API: the scale of a target, figures as metrics.k8s.io serves them, statuses and events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from common.api.conditions import get_condition
from common.api.kinds import CONFIGMAPS, DEPLOYMENTS, EVENTS, HORIZONTALPODAUTOSCALERS, POD_METRICS, PODS, Resource
from common.api.meta import Object, format_time, name, namespace
from common.client import Client, SharedInformers
from common.clock import SystemClock
from common.events import Recorder
from common.settings import ClusterConfig
from console.apiserver.server import ApiServer
from console.controllers.base import Kit
from console.controllers.horizontalpodautoscaler import HorizontalPodAutoscalerController
from console.registry.catalog import default_registry
from console.store import open_store
from tests.fakes.objects import deployment

T = TypeVar("T")
DEADLINE = 60.0


class Figures:
    """The use of all pods of the API, the same for each; None is no figures."""

    def __init__(self) -> None:
        self.cpu: str | None = None
        self.pods: list[Object] = []

    def one(self, resource: Resource, space: str, named: str, query: Mapping[str, str]) -> Object | None:
        return next((item for item in self.every(resource, space, query) if name(item) == named), None)

    def every(self, resource: Resource, _space: str, _query: Mapping[str, str]) -> list[Object]:
        if resource != POD_METRICS or self.cpu is None:
            return []
        now = format_time(SystemClock().now())
        usage = {"cpu": self.cpu, "memory": "10Mi"}
        return [
            {
                "metadata": {"name": name(pod), "namespace": namespace(pod), "labels": pod["metadata"]["labels"]},
                "timestamp": now,
                "window": "5s",
                "containers": [{"name": "main", "usage": usage}],
            }
            for pod in self.pods
        ]


async def _until(look: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    clock = SystemClock()
    end = clock.monotonic() + DEADLINE
    while clock.monotonic() < end:
        if holds(found := await look()):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {DEADLINE} s: {found}")


@dataclass
class World:
    client: Client
    figures: Figures

    async def autoscaler(self) -> Object:
        return await self.client.get(HORIZONTALPODAUTOSCALERS, "web", "default")

    async def reasons(self) -> set[str]:
        """Of all events."""
        return {event["reason"] for event in (await self.client.list(EVENTS, "default")).items}

    async def until(self, holds: Callable[[Object], bool]) -> Object:
        return await _until(self.autoscaler, holds)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock, registry, figures = SystemClock(), default_registry(), Figures()
    volatile = frozenset(row.resource.group_resource for row in registry.rows() if not row.durable)
    store = await open_store(tmp_path / "store.db", volatile)
    server = ApiServer(store, registry, clock, ClusterConfig(), computed=figures)
    await server.start(tmp_path / "api.sock", None)
    client = server.local_client("system:controllers", frozenset({"system:masters"}))
    kit = Kit(client, SharedInformers(client, clock), clock, Recorder(client, clock, "test"))
    controller = HorizontalPodAutoscalerController(kit, registry.kept())
    kit.events.start()
    kit.informers.start()
    controller.start()
    yield World(client, figures)
    await controller.close()
    await kit.informers.close()
    await kit.events.close()
    await server.close()
    await store.close()


async def _deploy(world: World, replicas: int) -> None:
    """A Deployment with pods that have been ready for long (whose ReplicaSet nobody makes here)."""
    made = deployment("web", replicas)
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "100m"}}
    await world.client.create(DEPLOYMENTS, made, "default")
    labels = made["spec"]["template"]["metadata"]["labels"]
    for index in range(replicas):
        pod = {"metadata": {"name": f"web-{index}", "labels": labels}, "spec": {"containers": [container]}}
        await world.client.create(PODS, pod, "default")
        long_ago = "2020-01-01T00:00:00Z"
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": long_ago}
        status = {"phase": "Running", "startTime": long_ago, "conditions": [ready]}
        await world.client.patch(PODS, f"web-{index}", {"status": status}, "default", subresource="status")
    world.figures.pods = (await world.client.list(PODS, "default")).items


async def _autoscale(world: World, kind: str = "Deployment", version: str = "apps/v1") -> None:
    reference = {"apiVersion": version, "kind": kind, "name": "web"}
    target = {"type": "Utilization", "averageUtilization": 50}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 5, "metrics": [metric]}
    await world.client.create(HORIZONTALPODAUTOSCALERS, {"metadata": {"name": "web"}, "spec": spec}, "default")


def _has(kind: str, reason: str) -> Callable[[Object], bool]:
    return lambda obj: (get_condition(obj, kind) or {}).get("reason") == reason


async def test_load_scales_the_target_and_is_told(world: World) -> None:
    await _deploy(world, 2)
    world.figures.cpu = "100m"
    await _autoscale(world)
    found = await world.until(lambda obj: (obj.get("status") or {}).get("desiredReplicas") == 4)
    assert (await world.client.get(DEPLOYMENTS, "web", "default"))["spec"]["replicas"] == 4
    assert found["status"]["currentMetrics"][0]["resource"]["current"]["averageUtilization"] == 100
    assert found["status"]["lastScaleTime"]
    assert _has("AbleToScale", "SucceededRescale")(found)
    reasons = await _until(world.reasons, lambda found: "SuccessfulRescale" in found)
    assert "FailedRescale" not in reasons


async def test_without_figures_it_says_so_and_leaves_the_size(world: World) -> None:
    await _deploy(world, 2)
    await _autoscale(world)
    await world.until(_has("ScalingActive", "FailedGetResourceMetric"))
    assert (await world.client.get(DEPLOYMENTS, "web", "default"))["spec"]["replicas"] == 2


@pytest.mark.parametrize(("kind", "version"), [("StatefulSet", "apps/v1"), ("Nothing", "apps/v1"), ("ConfigMap", "v1")])
async def test_a_target_that_is_not_there_or_has_no_scale_is_named(world: World, kind: str, version: str) -> None:
    await world.client.create(CONFIGMAPS, {"metadata": {"name": "web"}}, "default")
    await _autoscale(world, kind, version)
    found = await world.until(_has("AbleToScale", "FailedGetScale"))
    condition = get_condition(found, "AbleToScale")
    assert condition is not None
    assert condition["message"].startswith("the HPA controller was unable to get the target's current scale: ")


async def test_two_autoscalers_of_the_same_pods_do_nothing(world: World) -> None:
    await _deploy(world, 2)
    world.figures.cpu = "10m"
    await _autoscale(world)
    await world.until(_has("ScalingActive", "ValidMetricFound"))
    other = await world.autoscaler()
    await world.client.create(
        HORIZONTALPODAUTOSCALERS, {"metadata": {"name": "other"}, "spec": other["spec"]}, "default"
    )
    found = await world.until(_has("ScalingActive", "AmbiguousSelector"))
    condition = get_condition(found, "ScalingActive")
    assert condition is not None
    assert "[default/other default/web]" in condition["message"]
