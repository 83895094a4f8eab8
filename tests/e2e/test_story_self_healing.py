"""Self-healing: the tutorial, and a budget that holds while a node is drained and another one dies."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.e2e import manifests, tutorials
from tests.e2e.cluster import BIN, Cluster


def budget(space: str, **limits: Any) -> dict[str, Any]:
    spec = {"selector": {"matchLabels": {"app": "shop"}}, **limits}
    return {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "shop", "namespace": space},
        "spec": spec,
    }  # fmt: skip


def test_self_healing_by_the_tutorial(cluster: Cluster, space: str, tmp_path: Path) -> None:
    tutorials.follow(cluster, space, "self-healing", tmp_path)


def test_a_drain_keeps_the_budget_while_another_node_dies(cluster: Cluster, space: str) -> None:
    """Pods of the dead node are replaced by their controller; the drain waits for that, then goes on."""
    drained, _, victim = cluster.lab.hosts
    cluster.apply(manifests.deployment("shop", space, 4), budget(space, maxUnavailable=1))
    cluster.wait_ready(space, 4)
    cluster.wait(lambda: allowed(cluster, space) == 1, "the budget to allow one disruption")
    victim.kill()
    draining = subprocess.Popen(
        [str(BIN / "quarterdeck"), "drain", drained.name, "--force", "--delete-emptydir-data", "--timeout", "150s"],
        env=cluster.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    said, _ = draining.communicate(timeout=180)
    assert draining.returncode == 0, said
    assert f"node/{drained.name} drained" in said
    try:
        cluster.wait(
            lambda: {pod["spec"]["nodeName"] for pod in cluster.ready_pods(space)} == {cluster.lab.hosts[1].name}
            and len(cluster.ready_pods(space)) == 4,
            "all four on the node that is left",
            explain=lambda: cluster.kubectl("get", "pods", "-o", "wide", "-n", space),
        )  # fmt: skip
    finally:
        cluster.qd("uncordon", drained.name)
        victim.boot()
        victim.wait_for_engine()
        cluster.start_agent(victim)
    cluster.wait(lambda: cluster.node_ready(victim.name), f"{victim.name} to be Ready after its boot")


def test_kubectl_drain_retries_until_the_budget_allows(cluster: Cluster, space: str) -> None:
    drained = cluster.lab.hosts[0].name
    cluster.apply(manifests.deployment("shop", space, 3), budget(space, minAvailable=2))
    cluster.wait_ready(space, 3)
    cluster.wait(lambda: allowed(cluster, space) == 1, "the budget to allow one disruption")
    try:
        said = cluster.kubectl("drain", drained, "--ignore-daemonsets", "--force", "--delete-emptydir-data",
                               "--timeout=150s", timeout=180)  # fmt: skip
        assert f"node/{drained} drained" in said
        cluster.wait_ready(space, 3)
        assert drained not in {pod["spec"]["nodeName"] for pod in cluster.ready_pods(space)}
    finally:
        cluster.kubectl("uncordon", drained)


def allowed(cluster: Cluster, space: str) -> int:
    return int((cluster.get("pdb", "shop", space).get("status") or {}).get("disruptionsAllowed") or 0)
