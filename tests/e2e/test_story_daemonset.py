"""DaemonSets: a pod on each node, updated node by node, following taints and labels."""

from __future__ import annotations

from typing import Any

from tests.e2e import manifests
from tests.e2e.cluster import Cluster


def daemons(space: str, **spec: Any) -> dict[str, Any]:
    found = manifests.deployment("log", space, 1, **spec)
    found["kind"] = "DaemonSet"
    del found["spec"]["replicas"]
    return found


def places(cluster: Cluster, space: str) -> list[str]:
    return sorted(pod["spec"]["nodeName"] for pod in cluster.ready_pods(space))


def wait_on(cluster: Cluster, space: str, *nodes: str) -> None:
    cluster.wait(
        lambda: places(cluster, space) == sorted(nodes), f"ready pods on {', '.join(nodes)} alone",
        explain=lambda: cluster.kubectl("get", "pods,ds", "-o", "wide", "-n", space, check=False),
    )  # fmt: skip


def test_every_node_has_one_and_updates_go_node_by_node(cluster: Cluster, space: str) -> None:
    names = [host.name for host in cluster.lab.hosts]
    cluster.apply(daemons(space))
    wait_on(cluster, space, *names)

    def columns() -> list[str]:
        return cluster.kubectl("get", "daemonset", "log", "-n", space, "--no-headers").split()[:7]

    cluster.wait(lambda: columns() == ["log", "3", "3", "3", "3", "3", "<none>"], "the numbers to follow",
                 explain=lambda: str(columns()))  # fmt: skip

    cluster.kubectl("set", "env", "daemonset/log", "VERSION=2", "-n", space)
    cluster.kubectl("rollout", "status", "daemonset/log", "-n", space, "--timeout=60s", timeout=70)
    wait_on(cluster, space, *names)
    assert {pod["spec"]["containers"][0]["env"][0]["value"] for pod in cluster.ready_pods(space)} == {"2"}
    cluster.kubectl("rollout", "undo", "daemonset/log", "-n", space)
    cluster.kubectl("rollout", "status", "daemonset/log", "-n", space, "--timeout=60s", timeout=70)
    assert "3" in cluster.kubectl("rollout", "history", "daemonset/log", "-n", space)


def test_pods_follow_taints_and_labels_of_nodes(cluster: Cluster, space: str) -> None:
    first, second, _ = (host.name for host in cluster.lab.hosts)
    label = "story.example/daemons"
    template = daemons(space)
    template["spec"]["template"]["spec"]["nodeSelector"] = {label: "yes"}
    cluster.apply(template)
    try:
        cluster.kubectl("label", "node", first, second, f"{label}=yes")
        wait_on(cluster, space, first, second)
        cluster.kubectl("cordon", second)
        cluster.kubectl("delete", "pods", "--all", "-n", space, "--wait=false")
        wait_on(cluster, space, first, second)
        cluster.kubectl("taint", "node", first, "story=yes:NoExecute")
        wait_on(cluster, space, second)
        cluster.kubectl("taint", "node", first, "story-")
        wait_on(cluster, space, first, second)
        cluster.kubectl("label", "node", second, f"{label}-")
        wait_on(cluster, space, first)
    finally:
        cluster.kubectl("uncordon", second, check=False)
        cluster.kubectl("taint", "node", first, "story-", check=False)
        cluster.kubectl("label", "node", first, second, f"{label}-", check=False)
