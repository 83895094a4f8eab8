"""Hosts, engines, agents and the console fail; nothing acknowledged is lost and the rest goes on."""

from __future__ import annotations

import time

from tests.e2e import manifests
from tests.e2e.cluster import Cluster
from tests.e2e.load import Load


def test_a_killed_host_is_replaced(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 6), manifests.service("web", space))
    before = cluster.wait_ready(space, 6)
    victim = cluster.lab.host("h3")
    assert any(pod["spec"]["nodeName"] == "h3" for pod in before)

    begin = time.monotonic()
    victim.kill()
    cluster.wait(lambda: not cluster.node_ready("h3"), "h3 to be NotReady", 15)
    noticed = time.monotonic() - begin
    cluster.wait_ready_on({"h1", "h2"}, space, 6)
    print(f"\nhost killed: NotReady after {noticed:.1f} s, 6 replicas ready after {time.monotonic() - begin:.1f} s")

    victim.boot()
    victim.wait_for_engine()
    cluster.start_agent(victim)
    cluster.wait(lambda: cluster.node_ready("h3"), "h3 to be Ready after its boot", 60)
    cluster.wait(lambda: not cluster.containers(victim, space), "the dead host's old containers to be removed", 30)


def test_the_cluster_goes_on_without_its_console(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 3), manifests.service("web", space))
    pods = cluster.wait_ready(space, 3)
    port = cluster.get("service", "web", space)["spec"]["ports"][0]["nodePort"]
    hosts = cluster.lab.hosts
    identities = {host.name: cluster.docker(host, "ps", "-q", "--no-trunc") for host in hosts}
    load = Load([(host.address, port) for host in hosts], rate=50)

    cluster.kill_console()
    load.start()
    time.sleep(60)
    load.stop()
    assert load.failures == {}, "a console that is away costs no request"
    assert {host.name: cluster.docker(host, "ps", "-q", "--no-trunc") for host in hosts} == identities

    victim = next(host for host in hosts if host.name == pods[0]["spec"]["nodeName"])
    labels = [f"label=io.quarterdeck.pod.uid={pods[0]['metadata']['uid']}", "label=io.quarterdeck.container=web"]
    container = cluster.docker(victim, "ps", "-q", *(word for label in labels for word in ("--filter", label))).strip()
    cluster.docker(victim, "kill", container)
    time.sleep(1)
    load = Load([(host.address, port) for host in hosts], rate=50)
    load.start()
    cluster.wait(
        lambda: (
            cluster.docker(victim, "ps", "-q", *(word for label in labels for word in ("--filter", label))).strip()
            not in {"", container}
        ),
        "the agent to restart the killed container",
    )
    time.sleep(2)
    load.stop()
    assert load.failures == {}, "one second after a container died no node's tables lead to it"

    cluster.start_console()
    cluster.wait_ready(space, 3)
    restarts = {
        pod["metadata"]["uid"]: pod["status"]["containerStatuses"][0]["restartCount"]
        for pod in cluster.list("pods", space)
    }
    assert restarts == {pod["metadata"]["uid"]: int(pod is pods[0]) for pod in pods}, "the same pods, one restart"


def test_an_agent_that_restarts_touches_no_container(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 3))
    cluster.wait_ready(space, 3)
    host = cluster.lab.host("h2")
    before = cluster.docker(host, "ps", "-q", "--no-trunc")
    cluster.kill_agent(host)
    cluster.start_agent(host)
    cluster.wait(lambda: "h2" in cluster.qd("get", "nodes"), "the node to be listed")
    cluster.kubectl("wait", "--for=condition=Ready", "node/h2", "--timeout=40s")
    time.sleep(3)
    assert cluster.docker(host, "ps", "-q", "--no-trunc") == before


def test_an_engine_that_restarts_gets_its_pods_back(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 3))
    cluster.wait_ready(space, 3)
    host = cluster.lab.host("h1")
    host.stop_engine()
    host.start_engine()
    host.wait_for_engine()
    cluster.wait_ready(space, 3, seconds=60)


def test_a_partitioned_host_comes_back_without_stale_copies(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 4))
    cluster.wait_ready(space, 4)
    victim = cluster.lab.host("h2")
    victim.partition()
    cluster.wait(lambda: not cluster.node_ready("h2"), "h2 to be NotReady", 15)
    cluster.wait_ready_on({"h1", "h3"}, space, 4)
    victim.heal()
    cluster.wait(lambda: cluster.node_ready("h2"), "h2 to be Ready again", 30)
    cluster.wait(lambda: not cluster.containers(victim, space), "the replaced pods to leave h2", 30)
    assert len(cluster.wait_ready(space, 4)) == 4


def test_a_host_that_is_back_before_its_connection_breaks_keeps_its_pods(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 4))
    cluster.wait_ready(space, 4)
    host = cluster.lab.host("h2")
    for _ in range(3):
        host.partition()
        cluster.wait(lambda: not cluster.node_ready("h2"), "h2 to be NotReady", 15)
        host.heal()
        cluster.wait(lambda: cluster.node_ready("h2"), "h2 to be Ready again", 15)
        cluster.wait_ready(space, 4, seconds=20)


def test_what_was_acknowledged_survives_kill(cluster: Cluster, space: str) -> None:
    for number in range(5):
        cluster.kubectl("create", "configmap", f"kept-{number}", f"--from-literal=n={number}", "-n", space)
        cluster.kill_console()
        cluster.start_console()
        assert cluster.get("configmap", f"kept-{number}", space)["data"] == {"n": str(number)}
