"""A rolling update under load fails no request."""

from __future__ import annotations

from tests.e2e import manifests
from tests.e2e.cluster import Cluster
from tests.e2e.load import Load

MIN_REQUESTS = 5000


def test_a_rolling_update_under_load_fails_no_request(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 6), manifests.service("web", space))
    pods = cluster.wait_ready(space, 6)
    port = cluster.get("service", "web", space)["spec"]["ports"][0]["nodePort"]
    ways = [(host.address, port) for host in cluster.lab.hosts]
    cluster.wait_answers(ways, pods)
    load = Load(ways, rate=150)
    load.start()
    try:
        for version in ("2", "3"):
            cluster.kubectl("set", "env", "deployment/web", f"VERSION={version}", "-n", space)
            cluster.kubectl("rollout", "status", "deployment/web", "-n", space, "--timeout=120s", timeout=130)
        cluster.wait(lambda: load.sent >= MIN_REQUESTS, f"{MIN_REQUESTS} requests", 60)
    finally:
        load.stop()
    versions = {answer.split()[-1] for answer in load.answers}
    print(
        f"\nrolling updates under load: {load.ok} answered, {load.failures.total()} failed, versions {sorted(versions)}"
    )
    assert load.failures == {}
    assert versions == {"1", "2", "3"}


def waiting(cluster: Cluster, space: str) -> str:
    """What containers of the namespace wait for, in their own words."""
    statuses = [status for pod in cluster.list("pods", space) for status in pod["status"].get("containerStatuses", [])]
    return " ".join(status["state"].get("waiting", {}).get("message", "") for status in statuses)


def test_undo_brings_the_old_version_back(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 2))
    cluster.wait_ready(space, 2)
    cluster.kubectl("set", "image", "deployment/web", "web=qd-test/none:1", "-n", space)
    cluster.wait(lambda: "qd-test/none:1" in waiting(cluster, space), "the missing image to be reported")
    assert len(cluster.ready_pods(space)) == 2, "the old version stays available"
    cluster.kubectl("rollout", "undo", "deployment/web", "-n", space)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", space, "--timeout=60s", timeout=70)
    images = {pod["spec"]["containers"][0]["image"] for pod in cluster.wait_ready(space, 2)}
    assert images == {"qd-test/web:1"}
