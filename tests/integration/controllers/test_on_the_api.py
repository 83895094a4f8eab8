"""Defaults, validation and storage of the real API must not keep a controller from coming to rest."""

from __future__ import annotations

import asyncio

from common.api.conditions import get_condition
from common.api.kinds import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    EVENTS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    SERVICES,
)
from common.api.meta import Object, name
from common.api.pods import is_ready, node_name
from common.errors import NotFound
from tests.fakes.objects import deployment

from .conftest import Cluster

SERVICE: Object = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "selector": {"app": "web"},
        "ports": [{"port": 80, "targetPort": 8080}],
        "ipFamilyPolicy": "PreferDualStack",
    },
}


def running(count: int, image: str = "hello:1") -> object:
    def holds(_replicasets: list[Object], pods: list[Object]) -> bool:
        fitting = [pod for pod in pods if is_ready(pod) and pod["spec"]["containers"][0]["image"] == image]
        return len(fitting) == len(pods) == count

    return holds


async def test_a_deployment_is_placed_rolled_and_comes_to_rest(cluster: Cluster) -> None:
    await cluster.add_nodes("n1", "n2", "n3")
    await cluster.client.create(DEPLOYMENTS, deployment("web", 3))
    await cluster.client.create(SERVICES, SERVICE)
    await cluster.until(running(3))
    assert {node_name(pod) for pod in await cluster.items(PODS)} == {"n1", "n2", "n3"}
    template = {"spec": {"containers": [{"name": "main", "image": "hello:2"}]}}
    await cluster.client.patch(DEPLOYMENTS, "web", {"spec": {"template": template}}, "default")
    await cluster.until(running(3, "hello:2"))
    await rest(cluster)
    web = await cluster.client.get(DEPLOYMENTS, "web", "default")
    assert get_condition(web, "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert web["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    slices = await cluster.items(ENDPOINTSLICES)
    ours = [obj for obj in slices if obj["metadata"]["labels"].get("kubernetes.io/service-name") == "web"]
    assert {obj["addressType"]: len(obj.get("endpoints") or ()) for obj in ours} == {"IPv4": 3, "IPv6": 0}
    reasons = {event["reason"] for event in await cluster.items(EVENTS)}
    assert {"Scheduled", "SuccessfulCreate", "ScalingReplicaSet"} <= reasons
    assert all(len(obj["spec"]["podCIDRs"]) == 2 for obj in await cluster.items(NODES))


async def rest(cluster: Cluster) -> None:
    """AssertionError when something is still written again and again."""
    for _ in range(100):
        before = await cluster.revision()
        await asyncio.sleep(0.3)
        if await cluster.revision() == before:
            return
    raise AssertionError("the control plane does not come to rest")


async def test_a_pod_that_fits_nowhere_is_told_so(cluster: Cluster) -> None:
    await cluster.add_nodes("n1")
    big = deployment("big", 1)
    big["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "64"}}
    await cluster.client.create(DEPLOYMENTS, big)

    def told(_replicasets: list[Object], pods: list[Object]) -> bool:
        return any("Insufficient cpu" in (get_condition(pod, "PodScheduled") or {}).get("message", "") for pod in pods)

    await cluster.until(told)


async def test_deletions_take_everything_along(cluster: Cluster) -> None:
    await cluster.add_nodes("n1")
    await cluster.client.create(NAMESPACES, {"metadata": {"name": "shop"}})
    await cluster.client.create(DEPLOYMENTS, deployment("web", 2, namespace="shop"))
    await cluster.client.create(DEPLOYMENTS, deployment("web", 2))
    await cluster.until(running(2))
    assert [name(obj) for obj in await cluster.items(CONFIGMAPS, "shop")] == ["kube-root-ca.crt"]
    await cluster.client.delete(DEPLOYMENTS, "web", "default", propagation_policy="Foreground")
    await cluster.client.delete(NAMESPACES, "shop")
    await cluster.until(lambda replicasets, pods: not replicasets and not pods)
    end = cluster.clock.monotonic() + 20
    while cluster.clock.monotonic() < end:
        await cluster.run_pods()
        try:
            await cluster.client.get(NAMESPACES, "shop")
        except NotFound:
            break
        await asyncio.sleep(0.05)
    assert "shop" not in [name(obj) for obj in await cluster.items(NAMESPACES)]
    assert await cluster.items(REPLICASETS, "shop") == []
