"""Where pods go and who makes way: the scheduler on the real API, with nodes that the test plays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from common.api.conditions import get_condition
from common.api.kinds import NODES, PODS, PRIORITYCLASSES, REPLICASETS
from common.api.meta import Object, is_deleting, name
from common.api.pods import node_name

from .conftest import DEADLINE, Cluster

DONGLE = "scheduling.k8s.io/foo"


def _pod(title: str, amount: str = "", **spec: Any) -> Object:
    resources = {"requests": {DONGLE: amount}, "limits": {DONGLE: amount}} if amount else {}
    container = {"name": "pause", "image": "pause:1", "resources": resources}
    return {"metadata": {"name": title, "namespace": "default"}, "spec": {"containers": [container], **spec}}


async def _give(cluster: Cluster, *nodes: str, amount: str = "10") -> None:
    """Nodes with some of a resource that only they have."""
    await cluster.add_nodes(*nodes)
    for node in nodes:
        patch = {"status": {"capacity": {DONGLE: amount}, "allocatable": {DONGLE: amount}}}
        await cluster.client.patch(NODES, node, patch, subresource="status")


async def _until(cluster: Cluster, holds: Callable[[dict[str, Object]], bool], what: str) -> dict[str, Object]:
    async def look() -> dict[str, Object]:
        await cluster.run_pods()
        return {name(pod): pod for pod in await cluster.items(PODS)}

    return await _wait(cluster, look, holds, what)


async def _wait(
    cluster: Cluster, look: Callable[[], Awaitable[dict[str, Object]]], holds: Callable[[dict[str, Object]], bool],
    what: str,
) -> dict[str, Object]:  # fmt: skip
    end = cluster.clock.monotonic() + DEADLINE
    while cluster.clock.monotonic() < end:
        found = await look()
        if holds(found):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {DEADLINE} s: {what}")


def _waits(pod: Object | None, words: str) -> bool:
    return pod is not None and words in (get_condition(pod, "PodScheduled") or {}).get("message", "")


async def _classes(cluster: Cluster, **values: int) -> None:
    for title, value in values.items():
        await cluster.client.create(PRIORITYCLASSES, {"metadata": {"name": title}, "value": value})


async def test_nothing_is_placed_beyond_what_nodes_have(cluster: Cluster) -> None:
    await _give(cluster, "n1", "n2")
    for index in range(2):
        await cluster.client.create(PODS, _pod(f"filler-{index}", "7"))
    await _until(cluster, lambda pods: all(node_name(pod) for pod in pods.values()), "the fillers")
    await cluster.client.create(PODS, _pod("additional-pod", "5"))
    pods = await _until(
        cluster,
        lambda pods: _waits(pods.get("additional-pod"), f"0/2 nodes are available: 2 Insufficient {DONGLE}."),
        "the refusal",
    )
    assert not node_name(pods["additional-pod"])
    assert {node_name(pods[f"filler-{index}"]) for index in range(2)} == {"n1", "n2"}


async def test_a_node_selector_is_respected(cluster: Cluster) -> None:
    await cluster.add_nodes("n1", "n2")
    await cluster.client.patch(NODES, "n2", {"metadata": {"labels": {"kubernetes.io/e2e-x": "42"}}})
    await cluster.client.create(PODS, _pod("with-labels", nodeSelector={"kubernetes.io/e2e-x": "42"}))
    await cluster.client.create(PODS, _pod("restricted-pod", nodeSelector={"label": "nonempty"}))
    pods = await _until(
        cluster,
        lambda pods: (
            node_name(pods.get("with-labels") or {}) == "n2"
            and _waits(pods.get("restricted-pod"), "2 node(s) didn't match Pod's node affinity/selector")
        ),
        "both decisions",
    )
    assert not node_name(pods["restricted-pod"])


async def test_a_host_port_on_all_addresses_takes_it_on_each(cluster: Cluster) -> None:
    await cluster.add_nodes("n1")

    def holder(title: str, address: str, protocol: str = "TCP") -> Object:
        port = {
            "containerPort": 80,
            "hostPort": 54322,
            "protocol": protocol,
            **({"hostIP": address} if address else {}),
        }
        pod = _pod(title)
        pod["spec"]["containers"][0]["ports"] = [port]
        return pod

    await cluster.client.create(PODS, holder("pod4", ""))
    await _until(cluster, lambda pods: bool(node_name(pods["pod4"])), "the first")
    await cluster.client.create(PODS, holder("pod5", "192.0.2.1"))
    await cluster.client.create(PODS, holder("pod6", "192.0.2.1", "UDP"))
    pods = await _until(
        cluster,
        lambda pods: (
            bool(node_name(pods.get("pod6") or {}))
            and _waits(pods.get("pod5"), "1 node(s) didn't have free ports for the requested pod ports")
        ),
        "both decisions",
    )
    assert not node_name(pods["pod5"])


async def test_the_important_displace_others(cluster: Cluster) -> None:
    await _give(cluster, "n1", "n2")
    await _classes(cluster, low=1, medium=100, high=1000)
    for index, priority in enumerate(("low", "medium")):
        await cluster.client.create(PODS, _pod(f"pod{index}-{priority}", "10", priorityClassName=priority))
    before = await _until(cluster, lambda pods: all(node_name(pod) for pod in pods.values()), "the first two")
    await cluster.client.create(PODS, _pod("preemptor-pod", "10", priorityClassName="high"))
    after = await _until(cluster, lambda pods: bool(node_name(pods["preemptor-pod"])), "the preemptor")
    assert "pod0-low" not in after
    assert node_name(after["preemptor-pod"]) == node_name(before["pod0-low"])
    assert not is_deleting(after["pod1-medium"])


async def test_a_critical_pod_displaces_others(cluster: Cluster) -> None:
    await _give(cluster, "n1")
    await _classes(cluster, low=1)
    await cluster.client.create(PODS, _pod("pod0-low", "10", priorityClassName="low"))
    await _until(cluster, lambda pods: bool(node_name(pods["pod0-low"])), "the first")
    critical = _pod("critical-pod", "10", priorityClassName="system-cluster-critical")
    critical["metadata"]["namespace"] = "kube-system"
    await cluster.client.create(PODS, critical)

    async def system() -> dict[str, Object]:
        await cluster.run_pods()
        return {name(pod): pod for pod in await cluster.items(PODS, "kube-system")}

    await _wait(cluster, system, lambda pods: bool(node_name(pods["critical-pod"])), "the critical pod")
    assert await cluster.items(PODS) == []


async def test_who_is_displaced_carries_the_reason(cluster: Cluster) -> None:
    await _give(cluster, "n1")
    await _classes(cluster, low=1, high=1000)
    victim = _pod("victim-pod", "10", priorityClassName="low")
    victim["metadata"]["finalizers"] = ["example.com/test-finalizer"]
    await cluster.client.create(PODS, victim)
    await _until(cluster, lambda pods: bool(node_name(pods["victim-pod"])), "the first")
    await cluster.client.create(PODS, _pod("preemptor-pod", "10", priorityClassName="high"))
    pods = await _until(cluster, lambda pods: is_deleting(pods["victim-pod"]), "the end of the victim")
    condition = get_condition(pods["victim-pod"], "DisruptionTarget")
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("True", "PreemptionByScheduler")
    assert condition["message"] == "default-scheduler: preempting to accommodate a higher priority pod"
    await cluster.client.patch(PODS, "victim-pod", {"metadata": {"finalizers": None}}, "default")
    await _until(cluster, lambda pods: bool(node_name(pods["preemptor-pod"])), "the preemptor")


async def test_replicasets_of_rising_priority_take_what_they_need(cluster: Cluster) -> None:
    await _give(cluster, "n1", amount="1000")
    await _classes(cluster, p1=1, p2=2, p3=3, p4=4)
    for index, (replicas, amount) in enumerate(((5, "200"), (4, "300"), (4, "450")), 1):
        await cluster.client.create(REPLICASETS, _replicaset(index, replicas, amount))
        wanted = 1000 // int(amount)
        await _running(cluster, index, wanted)
    await cluster.client.create(REPLICASETS, _replicaset(4, 1, "450"))
    await _running(cluster, 4, 1)
    left = [len(pods) for pods in (await _placed(cluster)).values()]
    assert sum(left) == 2


def _replicaset(index: int, replicas: int, amount: str) -> Object:
    labels = {"name": f"pod{index}"}
    template = _pod("", amount, priorityClassName=f"p{index}")
    template["metadata"] = {"labels": labels}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": f"rs-pod{index}", "namespace": "default"}, "spec": spec}


async def _placed(cluster: Cluster) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for pod in await cluster.items(PODS):
        if node_name(pod) and not is_deleting(pod):
            found.setdefault(pod["metadata"]["labels"]["name"], []).append(pod)
    return found


async def _running(cluster: Cluster, index: int, wanted: int) -> None:
    async def look() -> dict[str, Object]:
        await cluster.run_pods()
        return {"placed": await _placed(cluster)}

    def holds(found: dict[str, Object]) -> bool:
        return len(found["placed"].get(f"pod{index}", [])) == wanted

    await _wait(cluster, look, holds, f"{wanted} of rs-pod{index}")
