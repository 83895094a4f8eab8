"""The story of address families: the tutorial where there are both, and clusters that have only one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.e2e import manifests, tutorials
from tests.e2e.cluster import Cluster
from tests.e2e.conftest import OWN_LAB
from tests.lab import Lab
from tests.lab.commands import run
from tests.lab.lab import DEFAULT_FOLDER

NETWORKS = {
    4: {"pod_cidrs": ["10.42.0.0/16"], "service_cidrs": ["10.43.0.0/16"]},
    6: {"pod_cidrs": ["fd42:1::/56"], "service_cidrs": ["fd42:1:0:ff00::/112"]},
}


def test_the_tutorial_works(cluster: Cluster, space: str, tmp_path: Path) -> None:
    tutorials.follow(cluster, space, "dual-stack", tmp_path)


@pytest.fixture(params=[4, 6], ids=["IPv4", "IPv6"])
def family(request: pytest.FixtureRequest) -> int:
    version: int = request.param
    return version


@pytest.fixture
def single(family: int) -> Iterator[Cluster]:
    """Two hosts of their own, and a cluster on them that has one family."""
    beside = Path(os.environ.get(OWN_LAB) or DEFAULT_FOLDER)
    own = Lab(beside.with_name(f"family-{family}-{beside.name}"))
    own.down()
    cluster = Cluster(own, own.port)
    try:
        hosts = own.up(2)
        config = cluster.home / "console" / "cluster.json"
        config.parent.mkdir(parents=True)
        config.write_text(json.dumps({"name": "single", "uid": f"family{family}", **NETWORKS[family]}))
        cluster.start_console()
        for host in hosts:
            cluster.start_agent(host)
        cluster.load_images(*hosts)
        for host in hosts:
            cluster.adopt(host)
        for host in hosts:
            cluster.wait(lambda name=host.name: cluster.node_ready(name), f"{host.name} to be Ready", 60)
        yield cluster
    finally:
        cluster.stop()
        own.down()


def versions(addresses: list[dict[str, str]]) -> list[int]:
    return [ip_address(entry["ip"]).version for entry in addresses]


def test_a_cluster_of_one_family_lacks_nothing_else(single: Cluster, family: int, tmp_path: Path) -> None:
    single.apply(manifests.namespace("story"))
    tutorials.follow(single, "story", "services", tmp_path)
    web = manifests.service("both", "story")
    web["spec"]["selector"] = {"app": "web"}
    single.apply(web)
    spec = single.get("service", "both", "story")["spec"]
    assert (spec["ipFamilies"], len(spec["clusterIPs"])) == ([f"IPv{family}"], 1)
    required = single.kubectl(
        "patch", "service", "both", "-n", "story", "-p", '{"spec":{"ipFamilyPolicy":"RequireDualStack"}}', check=False
    )
    assert "this cluster is not configured for dual-stack services" in required
    for pod in single.ready_pods("story", "app=web"):
        assert versions(pod["status"]["podIPs"]) == [family]
        assert versions(pod["status"]["hostIPs"])[0] == family
    port = spec["ports"][0]["nodePort"]
    for host in single.lab.hosts:
        address = host.address if family == 4 else f"[{host.address6}]"
        url = f"http://{address}:{port}/"
        single.wait(lambda url=url: "first" in run("curl", "-gsS", "-m", "15", url, check=False), f"{url} to answer")
    (slice_,) = single.list("endpointslices", "default")
    assert slice_["addressType"] == f"IPv{family}"
