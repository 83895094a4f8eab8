"""Hosts are found without typing an address, and nobody is adopted without the code."""

from __future__ import annotations

import json

import pytest

from tests.e2e import manifests
from tests.e2e.cluster import Cluster
from tests.lab import LabError


def test_hosts_were_found_by_multicast_and_became_nodes(cluster: Cluster) -> None:
    nodes = {node["metadata"]["name"]: node for node in cluster.list("nodes")}
    assert set(nodes) == {host.name for host in cluster.lab.hosts}
    ranges = {tuple(node["spec"]["podCIDRs"]) for node in nodes.values()}
    assert len(ranges) == 3, "every node has pod ranges of its own"
    for name, node in nodes.items():
        host = cluster.lab.host(name)
        addresses = {entry["address"] for entry in node["status"]["addresses"]}
        assert host.address in addresses
        assert host.address6 in addresses
        assert not any(address.startswith("172.17.") for address in addresses), "a bridge of the engine is no address"
    cluster.wait(lambda: phases(cluster, set(nodes)) == ["Adopted"] * 3, "their Hosts to say so too")


def phases(cluster: Cluster, names: set[str]) -> list[str]:
    found = json.loads(cluster.qd("discover", "-o", "json"))["items"]
    return [host["status"]["phase"] for host in found if host["metadata"]["name"] in names]


def test_a_wrong_code_is_refused_and_burns_the_code(cluster: Cluster) -> None:
    extra = cluster.lab.up(4)[3]
    try:
        cluster.start_agent(extra)
        cluster.wait_discovered(extra)
        code = cluster.pairing_code(extra)
        wrong = ("0000-0000", "1111-1111")[code == "0000-0000"]
        with pytest.raises(LabError, match=r"(?i)code"):
            cluster.qd("adopt", extra.name, "--code", wrong)
        cluster.wait(lambda: cluster.pairing_code(extra) != code, "a new code to be printed")
        with pytest.raises(LabError, match=r"(?i)code"):
            cluster.qd("adopt", extra.name, "--code", code)
        cluster.wait(lambda: cluster.node_ready(cluster.lab.hosts[0].name), "the others to be untouched")
        assert extra.name not in cluster.kubectl("get", "nodes")
    finally:
        extra.kill()
        extra.erase()


def test_an_image_reaches_the_nodes_without_a_registry(cluster: Cluster, space: str) -> None:
    source, *others = cluster.lab.hosts
    for host in others:
        cluster.docker(host, "rmi", "-f", "qd-test/pushed:1", check=False)
    cluster.docker(source, "tag", "qd-test/web:1", "qd-test/pushed:1")
    engine = {"DOCKER_HOST": f"unix://{source.engine_socket}"}
    output = cluster.qd("image", "push", "qd-test/pushed:1", timeout=120, environment=engine)
    assert others[0].name in output
    cluster.apply(manifests.deployment("web", space, 3, image="qd-test/pushed:1"))
    pods = cluster.wait_ready(space, 3)
    assert {pod["spec"]["nodeName"] for pod in pods} == {host.name for host in cluster.lab.hosts}
