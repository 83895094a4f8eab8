"""Packing: affinity, spreading, priority with preemption, why and what-if, on real hosts."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e import tutorials
from tests.e2e.cluster import Cluster


def test_packing(cluster: Cluster, space: str, tmp_path: Path) -> None:
    tutorials.follow(cluster, space, "packing", tmp_path)


def test_a_reservation_outlives_the_control_plane(cluster: Cluster, space: str) -> None:
    """The victim is on its way out when the control plane dies; the room is still for whom it was made."""
    cluster.apply({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "first"},
                   "value": 100})  # fmt: skip
    node = cluster.lab.hosts[0].name
    try:
        cluster.apply(pod("low", space, node, seconds=6))
        cluster.wait(lambda: cluster.get("pod", "low", space)["status"]["phase"] == "Running", "low to run")
        cluster.apply(pod("high", space, node, priorityClassName="first"))
        cluster.wait(
            lambda: cluster.get("pod", "high", space)["status"].get("nominatedNodeName") == node, "a nomination"
        )
        cluster.kill_console()
        cluster.start_console()
        cluster.apply(pod("late", space, node))
        cluster.wait(lambda: cluster.get("pod", "high", space)["status"]["phase"] == "Running", "high to run")
        assert "nominatedNodeName" not in cluster.get("pod", "high", space)["status"]
        assert cluster.get("pod", "late", space)["status"]["phase"] == "Pending"
        told = json.loads(cluster.qd("why", "late", "-n", space, "-o", "json"))
        here = next(item for item in told["nodes"] if item["name"] == node)
        assert here["reasons"] == ["node(s) didn't have free ports for the requested pod ports"]
    finally:
        cluster.kubectl("delete", "priorityclass", "first")


def pod(name: str, space: str, node: str, *, seconds: int = 1, **spec: object) -> dict[str, object]:
    """A pod for one node, of which a port there lets only one run at a time; it takes `seconds` to end."""
    container = {
        "name": "main", "image": "qd-test/web:1", "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": 8080, "hostPort": 31987}],
        "lifecycle": {"preStop": {"sleep": {"seconds": seconds}}},
    }  # fmt: skip
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": space},
        "spec": {"containers": [container], "nodeSelector": {"kubernetes.io/hostname": node},
                 "terminationGracePeriodSeconds": seconds + 2, **spec},
    }  # fmt: skip
