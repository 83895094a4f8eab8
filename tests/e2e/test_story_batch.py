"""Jobs and CronJobs: the tutorial, and exact counts when a host or the control plane dies under a running Job."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.e2e import tutorials
from tests.e2e.cluster import Cluster

PARTS = 12


def parts(space: str, seconds: int, parallelism: int) -> dict[str, Any]:
    container = {
        "name": "part",
        "image": "qd-test/web:1",
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", f"sleep {seconds}"],
        "resources": {"requests": {"cpu": "10m", "memory": "8Mi"}},
    }
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}
    spec = {"completions": PARTS, "parallelism": parallelism, "template": {"spec": pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "parts", "namespace": space}, "spec": spec}


def status(cluster: Cluster, space: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.get("job", "parts", space)["status"]
    return found


def ended(cluster: Cluster, space: str, phase: str) -> int:
    return sum(pod["status"]["phase"] == phase for pod in cluster.list("pods", space))


def await_end(cluster: Cluster, space: str) -> dict[str, Any]:
    cluster.kubectl("wait", "--for=condition=complete", "job/parts", "-n", space, "--timeout=120s", timeout=150)
    found = status(cluster, space)
    assert found["uncountedTerminatedPods"] == {}
    assert "active" not in found
    return found


def test_jobs_and_cronjobs_by_the_tutorial(cluster: Cluster, space: str, tmp_path: Path) -> None:
    tutorials.follow(cluster, space, "batch", tmp_path)


def test_a_killed_host_costs_a_job_time_but_no_count(cluster: Cluster, space: str) -> None:
    victim = cluster.lab.hosts[-1]
    cluster.apply(parts(space, 5, 6))

    def on_victim() -> list[dict[str, Any]]:
        here = [pod for pod in cluster.list("pods", space) if pod["spec"].get("nodeName") == victim.name]
        return [pod for pod in here if pod["status"]["phase"] == "Running"]

    cluster.wait(lambda: on_victim() != [], "parts to run there")
    begin = time.monotonic()
    victim.kill()
    found = await_end(cluster, space)
    print(f"\nhost of parts killed: {PARTS} parts done {time.monotonic() - begin:.1f} s later")
    lost = [pod for pod in cluster.list("pods", space) if pod["status"]["phase"] in {"Pending", "Running"}]
    assert {pod["spec"]["nodeName"] for pod in lost} <= {victim.name}
    assert found["succeeded"] == PARTS
    assert found.get("failed", 0) == len(lost)
    assert ended(cluster, space, "Succeeded") == PARTS

    victim.boot()
    victim.wait_for_engine()
    cluster.start_agent(victim)
    cluster.wait(lambda: cluster.node_ready(victim.name), f"{victim.name} to be Ready after its boot")
    cluster.wait(lambda: len(cluster.list("pods", space)) == PARTS, "the lost pods to be put away")
    assert status(cluster, space) == found, "what comes back late is not counted again"


def test_a_killed_control_plane_counts_each_pod_once(cluster: Cluster, space: str) -> None:
    cluster.apply(parts(space, 1, 4))
    for done in (2, 6, 9):
        cluster.wait(lambda done=done: (status(cluster, space).get("succeeded") or 0) >= done, f"{done} parts")
        cluster.kill_console()
        cluster.start_console()
    found = await_end(cluster, space)
    assert found["succeeded"] == PARTS
    assert "failed" not in found
    pods = cluster.list("pods", space)
    assert [pod["status"]["phase"] for pod in pods] == ["Succeeded"] * PARTS
    assert [pod["metadata"].get("finalizers") for pod in pods] == [None] * PARTS
