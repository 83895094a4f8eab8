"""Hosts, engines, agents and the console fail; nothing acknowledged is lost and the rest goes on."""

from __future__ import annotations

import re
import time

from tests.e2e import manifests
from tests.e2e.cluster import Cluster
from tests.e2e.load import Load
from tests.lab.host import Host


def test_a_killed_host_is_replaced(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 6), manifests.service("web", space))
    before = cluster.wait_ready(space, 6)
    *others, victim = cluster.lab.hosts
    assert any(pod["spec"]["nodeName"] == victim.name for pod in before)

    begin = time.monotonic()
    victim.kill()
    cluster.wait(lambda: not cluster.node_ready(victim.name), "it to be NotReady")
    noticed = time.monotonic() - begin
    cluster.wait_ready_on({host.name for host in others}, space, 6)
    print(f"\nhost killed: NotReady after {noticed:.1f} s, 6 replicas ready after {time.monotonic() - begin:.1f} s")

    victim.boot()
    victim.wait_for_engine()
    cluster.start_agent(victim)
    cluster.wait(lambda: cluster.node_ready(victim.name), "it to be Ready after its boot")
    cluster.wait(lambda: not cluster.containers(victim, space), "the dead host's old containers to be removed")


def test_the_cluster_goes_on_without_its_console(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 3), manifests.service("web", space))
    pods = cluster.wait_ready(space, 3)
    port = cluster.get("service", "web", space)["spec"]["ports"][0]["nodePort"]
    hosts = cluster.lab.hosts
    ways = [(host.address, port) for host in hosts]
    cluster.wait_answers(ways, pods)
    identities = {host.name: cluster.running(host, space) for host in hosts}
    load = Load(ways, rate=50)

    cluster.kill_console()
    load.start()
    time.sleep(60)
    load.stop()
    assert load.failures == {}, "a console that is away costs no request"
    assert {host.name: cluster.running(host, space) for host in hosts} == identities

    victim = next(host for host in hosts if host.name == pods[0]["spec"]["nodeName"])
    labels = [f"label=io.quarterdeck.pod.uid={pods[0]['metadata']['uid']}", "label=io.quarterdeck.container=web"]

    def running() -> str:
        return cluster.docker(victim, "ps", "-q", *(word for label in labels for word in ("--filter", label))).strip()

    def is_back() -> bool:
        return running() not in {"", container}

    container, address = running(), pods[0]["status"]["podIP"]
    cluster.docker(victim, "kill", container)
    cluster.wait(lambda: is_back() or not any(leads_to(host, address) for host in hosts), "the tables to leave it out")
    load = Load(ways, rate=50)
    load.start()
    try:
        cluster.wait(is_back, "the agent to restart the killed container")
        cluster.wait(lambda: all(leads_to(host, address) for host in hosts), "the tables to lead to it again")
        enough = load.sent + 50
        cluster.wait(lambda: load.sent > enough, "requests afterwards")
    finally:
        load.stop()
    assert load.failures == {}, "once the tables leave out what died, no request fails until it is back"

    cluster.start_console()

    def restarts() -> dict[str, int]:
        statuses = {pod["metadata"]["uid"]: pod["status"]["containerStatuses"] for pod in cluster.list("pods", space)}
        return {uid: status["restartCount"] for uid, (status,) in statuses.items()}

    wanted = {pod["metadata"]["uid"]: int(pod is pods[0]) for pod in pods}
    cluster.wait(lambda: restarts() == wanted, "the same pods, one restart", explain=lambda: str(restarts()))
    cluster.wait_ready(space, 3)


def leads_to(host: Host, address: str) -> bool:
    """Whether a host's tables have the address of a pod."""
    return re.search(rf"\b{re.escape(address)}\b", host.run("nft", "list", "table", "ip", "qd")) is not None


def test_an_agent_that_restarts_touches_no_container(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 3))
    cluster.wait_ready(space, 3)
    host = cluster.lab.hosts[1]
    before = cluster.running(host, space)
    cluster.kill_agent(host)
    cluster.start_agent(host)
    cluster.wait(lambda: host.name in cluster.qd("get", "nodes"), "the node to be listed")
    cluster.kubectl("wait", "--for=condition=Ready", f"node/{host.name}", "--timeout=60s", timeout=90)
    time.sleep(3)
    assert cluster.running(host, space) == before


def test_an_engine_that_restarts_gets_its_pods_back(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 3))
    pods = cluster.wait_ready(space, 3)
    host = cluster.lab.hosts[0]
    here = [pod for pod in pods if pod["spec"]["nodeName"] == host.name]
    host.stop_engine()
    host.start_engine()
    host.wait_for_engine()
    # That they are Ready may be told for a while of those that ended with the engine.
    cluster.wait(lambda: len(cluster.running(host, space)) == 2 * len(here), "sandboxes and containers to run again")
    cluster.wait_ready(space, 3)


def test_a_partitioned_host_comes_back_without_stale_copies(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 4))
    cluster.wait_ready(space, 4)
    first, victim, third = cluster.lab.hosts
    victim.partition()
    cluster.wait(lambda: not cluster.node_ready(victim.name), "it to be NotReady")
    cluster.wait_ready_on({first.name, third.name}, space, 4)
    victim.heal()
    cluster.wait(lambda: cluster.node_ready(victim.name), "it to be Ready again")
    cluster.wait(lambda: not cluster.containers(victim, space), "the replaced pods to leave it")
    cluster.wait_ready(space, 4)


def test_a_host_that_is_back_before_its_connection_breaks_keeps_its_pods(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 4))
    cluster.wait_ready(space, 4)
    host = cluster.lab.hosts[1]
    for _ in range(3):
        host.partition()
        cluster.wait(lambda: not cluster.node_ready(host.name), "it to be NotReady")
        host.heal()
        cluster.wait(lambda: cluster.node_ready(host.name), "it to be Ready again")
        cluster.wait_ready(space, 4)


def test_what_was_acknowledged_survives_kill(cluster: Cluster, space: str) -> None:
    for number in range(5):
        cluster.kubectl("create", "configmap", f"kept-{number}", f"--from-literal=n={number}", "-n", space)
        cluster.kill_console()
        cluster.start_console()
        assert cluster.get("configmap", f"kept-{number}", space)["data"] == {"n": str(number)}
