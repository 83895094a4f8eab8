"""A Deployment that comes back by itself from a version that fails, also when a host dies meanwhile."""

from __future__ import annotations

from pathlib import Path

from tests.e2e import manifests, tutorials
from tests.e2e.cluster import Cluster


def test_a_failing_version_is_left_by_itself(cluster: Cluster, space: str, tmp_path: Path) -> None:
    tutorials.follow(cluster, space, "rollouts", tmp_path, {"NAMESPACE": space})


def test_it_comes_back_though_a_host_dies_during_the_rollout(cluster: Cluster, space: str) -> None:
    guarded = manifests.deployment("web", space, 3)
    guarded["metadata"]["annotations"] = {"quarterdeck.io/auto-rollback": "true"}
    cluster.apply(guarded)
    cluster.wait_ready(space, 3)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", space, "--timeout=60s", timeout=70)
    *others, victim = cluster.lab.hosts
    broken = '[{"op":"add","path":"/spec/template/spec/containers/0/command","value":["/bin/false"]}]'
    cluster.kubectl("patch", "deployment", "web", "-n", space, "--type=json", "-p", broken)
    victim.kill()
    cluster.kubectl(
        "wait", "deployment/web", "-n", space, "--for=condition=RolledBack", "--timeout=120s", timeout=150
    )  # fmt: skip
    cluster.wait_ready_on({host.name for host in others}, space, 3)
    assert all("command" not in pod["spec"]["containers"][0] for pod in cluster.ready_pods(space))

    victim.boot()
    victim.wait_for_engine()
    cluster.start_agent(victim)
    cluster.wait(lambda: cluster.node_ready(victim.name), "it to be Ready after its boot")
    cluster.wait(lambda: not cluster.containers(victim, space), "the dead host's old containers to be removed")
