"""The story of Services: the tutorial, and what changes of type give and take back."""

from __future__ import annotations

from pathlib import Path

from tests.e2e import manifests, tutorials
from tests.e2e.cluster import Cluster
from tests.lab.commands import run


def ask(address: str, port: int) -> str:
    host = f"[{address}]" if ":" in address else address
    return run("curl", "-gsS", "--max-time", "10", f"http://{host}:{port}/", check=False)


def test_the_tutorial_works(cluster: Cluster, space: str, tmp_path: Path) -> None:
    tutorials.follow(cluster, space, "services", tmp_path)


def test_a_node_port_is_open_while_the_type_has_one(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 2), manifests.service("web", space))
    cluster.wait_ready(space, 2)
    port = cluster.get("service", "web", space)["spec"]["ports"][0]["nodePort"]
    addresses = [address for host in cluster.lab.hosts for address in (host.address, host.address6)]
    cluster.wait(lambda: all(ask(address, port).startswith("web-") for address in addresses), "all nodes to answer")
    cluster.kubectl("patch", "service", "web", "-n", space, "-p", '{"spec": {"type": "ClusterIP"}}')
    cluster.wait(lambda: not any(ask(address, port) for address in addresses), "the port to be closed everywhere")
    name = '{"spec": {"type": "ExternalName", "externalName": "elsewhere.example"}}'
    cluster.kubectl("patch", "service", "web", "-n", space, "-p", name)
    spec = cluster.get("service", "web", space)["spec"]
    assert not {"clusterIP", "clusterIPs", "ipFamilies"} & spec.keys()
    cluster.wait(lambda: not cluster.list("endpointslices", space), "the slices to go")
    cluster.kubectl(
        "patch", "service", "web", "-n", space, "-p", '{"spec": {"type": "NodePort", "externalName": null}}'
    )
    port = cluster.get("service", "web", space)["spec"]["ports"][0]["nodePort"]
    cluster.wait(lambda: ask(addresses[0], port).startswith("web-"), "the new port to answer")


def test_pods_and_services_answer_through_the_api(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 1), manifests.service("web", space))
    (pod,) = cluster.wait_ready(space, 1)
    name = pod["metadata"]["name"]
    base = f"/api/v1/namespaces/{space}"
    for path in (f"pods/{name}:8080", f"pods/http:{name}:8080", f"pods/{name}"):
        assert cluster.kubectl("get", "--raw", f"{base}/{path}/proxy/").startswith(name)
    cluster.wait(
        lambda: cluster.kubectl("get", "--raw", f"{base}/services/web:http/proxy/", check=False).startswith(name),
        "the Service to answer through the API",
    )
    node = f"/api/v1/nodes/{pod['spec']['nodeName']}"
    for path in ("proxy/stats/summary", "proxy/metrics/resource", "proxy/pods", "proxy/runningpods/"):
        assert name in cluster.kubectl("get", "--raw", f"{node}/{path}")
    assert cluster.kubectl("get", "--raw", f"{node}:10250/proxy/healthz") == "ok"
    cluster.kubectl("scale", "deployment/web", "-n", space, "--replicas=0")
    cluster.wait(
        lambda: "no endpoints available" in cluster.kubectl(
            "get", "--raw", f"{base}/services/web:http/proxy/", check=False
        ),
        "the Service to have no endpoints",
    )  # fmt: skip


def test_traffic_stays_on_the_node_where_a_service_prefers_it(cluster: Cluster, space: str) -> None:
    service = manifests.service("web", space)
    service["spec"]["trafficDistribution"] = "PreferSameNode"
    hosts = cluster.lab.hosts
    cluster.apply(manifests.deployment("web", space, 2 * len(hosts)), service)
    pods = cluster.wait_ready(space, 2 * len(hosts), seconds=60)
    port = cluster.get("service", "web", space)["spec"]["ports"][0]["nodePort"]
    where = {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in pods}
    here = {host.name: host for host in hosts if host.name in where.values()}

    def stays() -> bool:
        found = {
            node: [where.get(ask(host.address, port).split(" ")[0]) for _ in range(6)] for node, host in here.items()
        }
        return all(set(answers) == {node} for node, answers in found.items())

    cluster.wait(stays, "every node with pods to answer by its own")
