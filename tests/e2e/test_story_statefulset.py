"""StatefulSets: names, order, updates and going back; a pod of a lost host exists at most once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.e2e import manifests, tutorials
from tests.e2e.cluster import Cluster


def test_pods_have_names_and_order(cluster: Cluster, space: str, tmp_path: Path) -> None:
    tutorials.follow(cluster, space, "statefulset", tmp_path, {"NAMESPACE": space})


def stateful(space: str, replicas: int, **spec: Any) -> dict[str, Any]:
    found = manifests.deployment("db", space, replicas, **spec)
    found["kind"] = "StatefulSet"
    found["spec"]["serviceName"] = "db"
    return found


def uids(cluster: Cluster, space: str) -> dict[str, str]:
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in cluster.list("pods", space)}


def test_a_host_that_dies_during_a_rollout_leaves_no_pod_twice(cluster: Cluster, space: str) -> None:
    cluster.apply(stateful(space, 3, podManagementPolicy="Parallel"))
    before = {pod["metadata"]["name"]: pod for pod in cluster.wait_ready(space, 3)}
    *others, victim = cluster.lab.hosts
    lost = next(name for name, pod in before.items() if pod["spec"]["nodeName"] == victim.name)
    cluster.kubectl("set", "env", "statefulset/db", "VERSION=2", "-n", space)
    victim.kill()
    cluster.wait(lambda: not cluster.node_ready(victim.name), "the host to be NotReady")
    cluster.wait(lambda: "deletionTimestamp" in cluster.get("pod", lost, space)["metadata"], f"{lost} to be given up")
    time.sleep(3)  # as long as a replacement takes
    assert uids(cluster, space)[lost] == before[lost]["metadata"]["uid"], "nobody took its place"

    taint = "node.kubernetes.io/out-of-service"
    cluster.kubectl("taint", "node", victim.name, f"{taint}=off:NoExecute")
    cluster.wait_ready_on({host.name for host in others}, space, 3)
    cluster.kubectl("rollout", "status", "statefulset/db", "-n", space, "--timeout=60s", timeout=70)
    versions = {pod["spec"]["containers"][0]["env"][0]["value"] for pod in cluster.list("pods", space)}
    assert versions == {"2"}

    victim.boot()
    victim.wait_for_engine()
    cluster.start_agent(victim)
    cluster.wait(lambda: cluster.node_ready(victim.name), "it to be Ready after its boot")
    cluster.kubectl("taint", "node", victim.name, f"{taint}-")
    cluster.wait(lambda: not cluster.containers(victim, space), "the dead host's old container to be removed")


def test_a_host_that_is_cut_off_stops_its_pod_before_another_takes_the_name(cluster: Cluster, space: str) -> None:
    cluster.apply(stateful(space, 3, podManagementPolicy="Parallel"))
    before = {pod["metadata"]["name"]: pod for pod in cluster.wait_ready(space, 3)}
    *_, victim = cluster.lab.hosts
    lost = next(name for name, pod in before.items() if pod["spec"]["nodeName"] == victim.name)
    label = f"label=io.quarterdeck.pod.uid={before[lost]['metadata']['uid']}"

    def runs_there() -> bool:
        return bool(cluster.docker(victim, "ps", "-q", "--filter", label).strip())

    def is_replaced() -> bool:
        return uids(cluster, space).get(lost) not in {None, before[lost]["metadata"]["uid"]}

    victim.partition()
    try:
        cluster.wait(lambda: not runs_there() or is_replaced(), "the host to stop the pod")
        assert not is_replaced(), "the old one stops first"
        cluster.wait(is_replaced, "another to take the name")
        assert not runs_there()
        cluster.wait_ready(space, 3)
    finally:
        victim.heal()
    cluster.wait(lambda: cluster.node_ready(victim.name), "the host to be Ready again")
    cluster.wait(lambda: not runs_there(), "the old pod to stay away")
