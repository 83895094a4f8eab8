"""Services reach every replica from every host, over both families."""

from __future__ import annotations

import ipaddress
from typing import Any

from tests.e2e import manifests
from tests.e2e.cluster import Cluster
from tests.lab.host import Host

REQUESTS = 40  # of 3 replicas chosen at random, the chance to miss one is below one in a million


def names_behind(host: Host, address: str, port: int) -> set[str]:
    """The pods that answer at an address, asked from a host; complaints where nobody does."""
    shown = f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    script = f"for i in $(seq {REQUESTS}); do curl -gsS --max-time 10 http://{shown}:{port}/ 2>&1 || exit 1; done"
    return {line.split()[0] for line in host.run("sh", "-c", script, check=False).splitlines()}


def wait_behind(cluster: Cluster, host: Host, address: str, port: int, pods: list[dict[str, Any]]) -> None:
    """Wait until these pods and nobody else answer: a host's tables follow readiness a moment later."""
    cluster.wait(lambda: names_behind(host, address, port) == expected(pods), f"{host.name} to reach all at {address}",
                 explain=lambda: str(names_behind(host, address, port)))  # fmt: skip


def expected(pods: list[dict[str, Any]]) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods}


def test_a_service_answers_from_all_replicas_everywhere(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 3), manifests.service("web", space))
    pods = cluster.wait_ready(space, 3)
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 3, "the replicas of one workload spread over the hosts"

    spec = cluster.get("service", "web", space)["spec"]
    assert spec["ipFamilies"] == ["IPv4", "IPv6"]
    for host in cluster.lab.hosts:
        for address in spec["clusterIPs"]:
            wait_behind(cluster, host, address, 80, pods)
        for address in (host.address, host.address6):
            wait_behind(cluster, host, address, spec["ports"][0]["nodePort"], pods)


def test_pods_reach_each_other_and_resolve_names(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 3), manifests.service("web", space, kind="ClusterIP"))
    pods = cluster.wait_ready(space, 3)
    asking = pods[0]["metadata"]["name"]
    for name in ("web", f"web.{space}", f"web.{space}.svc.cluster.local"):
        script = f"for i in $(seq {REQUESTS}); do wget -qO- http://{name}/; done"

        def answering(script: str = script) -> set[str]:
            said = cluster.kubectl("exec", "-n", space, asking, "--", "sh", "-c", script, check=False)
            return {line.split()[0] for line in said.splitlines() if line.strip()}

        cluster.wait(lambda answering=answering: answering() == expected(pods), f"all to answer at {name}, itself too",
                     explain=lambda answering=answering: str(answering()))  # fmt: skip
    for pod in pods[1:]:
        for entry in pod["status"]["podIPs"]:
            shown = f"[{entry['ip']}]" if ":" in entry["ip"] else entry["ip"]
            answer = cluster.kubectl("exec", "-n", space, asking, "--", "wget", "-qO-", f"http://{shown}:8080/")
            assert answer.split()[0] == pod["metadata"]["name"]


def test_the_api_is_reachable_from_pods(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 1))
    pod = cluster.wait_ready(space, 1)[0]
    host = cluster.lab.host(pod["spec"]["nodeName"])
    containers = cluster.docker(host, "ps", "-q", "--filter", f"label=io.quarterdeck.pod.uid={pod['metadata']['uid']}")
    process = cluster.docker(host, "inspect", "-f", "{{.State.Pid}}", containers.split()[0]).strip()
    address = cluster.get("service", "kubernetes")["spec"]["clusterIP"]
    answer = host.run("nsenter", "-t", process, "-n", "curl", "-sk", "--max-time", "15", f"https://{address}/version")
    assert '"gitVersion"' in answer
