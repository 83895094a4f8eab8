"""Load makes a workload grow, quiet makes it shrink: docs/tutorials/autoscaling.md, with real processors at work."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic

import pytest

from tests.e2e import tutorials
from tests.e2e.cluster import Cluster


@pytest.mark.e2e
def test_autoscaling(cluster: Cluster, space: str, tmp_path: Path) -> None:
    started = monotonic()
    tutorials.follow(cluster, space, "autoscaling", tmp_path)
    print(f"up to three replicas and down to one again in {monotonic() - started:.0f} s")
    nodes = json.loads(cluster.kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"))["items"]
    assert {node["metadata"]["name"] for node in nodes} == {host.name for host in cluster.lab.hosts}


@pytest.mark.e2e
def test_figures_of_a_lost_host_are_not_shown(cluster: Cluster) -> None:
    lost = cluster.lab.hosts[-1]
    shown = ("get", "--raw", f"/apis/metrics.k8s.io/v1beta1/nodes/{lost.name}")
    cluster.wait(lambda: '"usage"' in cluster.kubectl(*shown, check=False), f"figures of {lost.name}")
    lost.partition()
    try:
        cluster.wait(lambda: "NotFound" in cluster.kubectl(*shown, check=False), f"{lost.name} to show none", 60)
    finally:
        lost.heal()
    cluster.wait(lambda: '"usage"' in cluster.kubectl(*shown, check=False), f"figures of {lost.name} again", 60)
