"""StatefulSets, DaemonSets, ReplicationControllers on the real API, store and scheduler: they come up, roll, rest."""

from __future__ import annotations

from typing import Any

from common.api.kinds import (
    CONTROLLERREVISIONS,
    DAEMONSETS,
    PERSISTENTVOLUMECLAIMS,
    PODS,
    REPLICATIONCONTROLLERS,
    STATEFULSETS,
    Resource,
)
from common.api.meta import Object, name
from common.api.pods import is_ready, node_name
from common.api.rollout import progress
from tests.fakes.objects import daemonset, statefulset

from .conftest import Cluster
from .test_on_the_api import rest

CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


def ready(count: int, image: str = "hello:1") -> Any:
    def holds(_replicasets: list[Object], pods: list[Object]) -> bool:
        fitting = [pod for pod in pods if is_ready(pod) and pod["spec"]["containers"][0]["image"] == image]
        return len(fitting) == len(pods) == count

    return holds


async def set_image(cluster: Cluster, resource: Resource, owner: str, image: str) -> None:
    template = {"spec": {"containers": [{"name": "main", "image": image}]}}
    await cluster.client.patch(resource, owner, {"spec": {"template": template}}, "default")


async def test_a_statefulset_comes_up_rolls_and_rests(cluster: Cluster) -> None:
    await cluster.add_nodes("n1", "n2")
    await cluster.client.create(STATEFULSETS, statefulset("db", 3))
    await cluster.until(ready(3))
    await set_image(cluster, STATEFULSETS, "db", "hello:2")
    await cluster.until(ready(3, "hello:2"))
    await rest(cluster)
    db = await cluster.client.get(STATEFULSETS, "db", "default")
    assert progress({"kind": "StatefulSet", **db}).done
    assert db["status"]["currentRevision"] == db["status"]["updateRevision"]
    assert sorted(item["revision"] for item in await cluster.items(CONTROLLERREVISIONS)) == [1, 2]
    await cluster.client.delete(STATEFULSETS, "db", "default", propagation_policy="Foreground")
    await cluster.until(lambda _replicasets, pods: not pods)
    await rest(cluster)
    assert await cluster.items(CONTROLLERREVISIONS) == []


async def test_claims_are_made_and_go_with_their_set_when_asked_to(cluster: Cluster) -> None:
    policy = {"whenDeleted": "Delete", "whenScaled": "Retain"}
    made = statefulset("db", 2, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy=policy)
    made["spec"]["podManagementPolicy"] = "Parallel"
    await cluster.client.create(STATEFULSETS, made)
    await cluster.until(lambda _replicasets, pods: len(pods) == 2)
    claims = await cluster.items(PERSISTENTVOLUMECLAIMS)
    assert [name(claim) for claim in claims] == ["data-db-0", "data-db-1"]
    assert {claim["metadata"]["ownerReferences"][0]["kind"] for claim in claims} == {"StatefulSet"}
    await cluster.client.delete(STATEFULSETS, "db", "default")
    await cluster.until(lambda _replicasets, pods: not pods)
    await rest(cluster)
    assert await cluster.items(PERSISTENTVOLUMECLAIMS) == []


async def test_a_daemonset_is_on_every_node_also_on_a_cordoned_one(cluster: Cluster) -> None:
    await cluster.add_nodes("n1", "n2")
    await cluster.client.create(DAEMONSETS, daemonset("log"))
    await cluster.until(ready(2))
    await cluster.add_nodes("n3")
    await cluster.until(ready(3))
    assert {node_name(pod) for pod in await cluster.items(PODS)} == {"n1", "n2", "n3"}
    await set_image(cluster, DAEMONSETS, "log", "hello:2")
    await cluster.until(ready(3, "hello:2"))
    await rest(cluster)
    log = await cluster.client.get(DAEMONSETS, "log", "default")
    assert progress({"kind": "DaemonSet", **log}).done
    assert log["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "2"


async def test_a_replicationcontroller_makes_its_pods(cluster: Cluster) -> None:
    await cluster.add_nodes("n1")
    made = daemonset("old", replicas=2, selector={"app": "old"})
    del made["spec"]["revisionHistoryLimit"]
    await cluster.client.create(REPLICATIONCONTROLLERS, {**made, "apiVersion": "v1", "kind": "ReplicationController"})
    await cluster.until(ready(2))
    await cluster.client.patch(REPLICATIONCONTROLLERS, "old", {"spec": {"replicas": 1}}, "default", subresource="scale")
    await cluster.until(ready(1))
    await rest(cluster)
