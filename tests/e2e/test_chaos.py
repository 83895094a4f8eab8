"""Control plane and agents are killed at random moments while workloads change; afterwards exactly what is wanted is
there: no container too many, no sandbox left, no address given twice, every node's tables right."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Any

from tests.e2e import manifests
from tests.e2e.cluster import Cluster
from tests.lab.host import Host

ROUNDS = 5
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f:]+")
SEED = 20  # the same moments in every run, as far as the machine lets them be the same


def owners(cluster: Cluster, space: str) -> Counter[tuple[str, str]]:
    """How many containers, sandboxes included, each pod has by (host, uid)."""
    words = ["ps", "-a", "--filter", f"label=io.quarterdeck.pod.namespace={space}"]
    template = '{{.Label "io.quarterdeck.pod.uid"}}'
    return Counter(
        (host.name, uid)
        for host in cluster.lab.hosts
        for uid in cluster.docker(host, *words, "--format", template).split()
    )


def expect_exactly(cluster: Cluster, space: str, version: str, replicas: int) -> None:
    """Wait until these replicas are all there is, in the API, in the engines and in the slices."""

    def versions() -> list[str]:
        ready = cluster.ready_pods(space)
        return [pod["spec"]["containers"][0]["env"][0]["value"] for pod in ready]

    def settled() -> bool:
        return len(cluster.list("pods", space)) == replicas and versions() == [version] * replicas

    cluster.wait(settled, f"{replicas} replicas of version {version}", 120,
                 lambda: cluster.kubectl("get", "pods,events", "-o", "wide", "-n", space))  # fmt: skip
    pods = cluster.list("pods", space)
    wanted = Counter({(pod["spec"]["nodeName"], pod["metadata"]["uid"]): 2 for pod in pods})
    cluster.wait(lambda: owners(cluster, space) == wanted, "one sandbox and one container for each pod",
                 explain=lambda: f"{owners(cluster, space)} instead of {wanted}")  # fmt: skip
    addresses = sorted(entry["ip"] for pod in pods for entry in pod["status"]["podIPs"])
    assert len(set(addresses)) == len(addresses) == 2 * replicas, "no address is given twice"

    def published() -> list[str]:
        slices = cluster.list("endpointslices", space)
        return sorted(address for part in slices for end in part["endpoints"] or () for address in end["addresses"])

    cluster.wait(lambda: published() == addresses, "the slices to have these addresses")
    for host in cluster.lab.hosts:
        cluster.wait(
            lambda host=host: targets(cluster, host) == set(addresses), f"the tables of {host.name}",
            explain=lambda host=host: f"{targets(cluster, host)} instead of {addresses}",
        )  # fmt: skip


def targets(cluster: Cluster, host: Host) -> set[str]:
    """All pod addresses that a host's tables name."""
    found = set()
    pods = [ip_network(cidr) for node in cluster.list("nodes") for cidr in node["spec"]["podCIDRs"]]
    others = {str(network[number]) for network in pods for number in (0, 1)}  # the ranges themselves and the gateways
    tables = host.run("nft", "list", "table", "ip", "qd") + host.run("nft", "list", "table", "ip6", "qd")
    for word in ADDRESS.findall(tables):
        with suppress(ValueError):
            address = ip_address(word)
            if any(address in network for network in pods):
                found.add(str(address))
    return found - others


class Monkey:
    """Breaks one part at a time and mends it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._random = random.Random(SEED)

    def pause(self) -> None:
        time.sleep(self._random.random() * 1.5)

    def pick(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def strike(self) -> None:
        victim = self._random.choice(["console", *(host.name for host in self._cluster.lab.hosts)])
        if victim == "console":
            self._cluster.kill_console()
            self.pause()
            self._cluster.start_console()
        else:
            host = self._cluster.lab.host(victim)
            self._cluster.kill_agent(host)
            self._cluster.start_agent(host)


def test_kills_at_random_moments_leave_exactly_what_is_wanted(cluster: Cluster, space: str) -> None:
    monkey = Monkey(cluster)
    cluster.apply(manifests.deployment("web", space, 3, version="0"), manifests.service("web", space))
    replicas, version = 3, "0"
    for number in range(1, ROUNDS + 1):
        replicas = monkey.pick(1, 4, 8)
        cluster.kubectl("scale", "deployment/web", f"--replicas={replicas}", "-n", space)
        monkey.pause()
        if monkey.pick(True, False):
            version = str(number)
            cluster.kubectl("set", "env", "deployment/web", f"VERSION={version}", "-n", space)
            monkey.pause()
        monkey.strike()
    expect_exactly(cluster, space, version, replicas)


def test_an_agent_killed_while_it_makes_sandboxes_finishes_them(cluster: Cluster, space: str) -> None:
    host = cluster.lab.hosts[0]
    document = manifests.deployment("web", space, 5, version="0")
    document["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": host.name}
    cluster.apply(document, manifests.service("web", space))
    cluster.wait(lambda: bool(cluster.containers(host, space)), "the first sandbox", 60)
    cluster.kill_agent(host)
    cluster.start_agent(host)
    expect_exactly(cluster, space, "0", 5)


def test_what_goes_before_it_came_leaves_nothing(cluster: Cluster, space: str) -> None:
    """A pod deleted while its image is pulled, and a whole namespace deleted while its pods start."""
    puller = manifests.deployment("puller", space, 2, image="192.0.2.1:5000/none:1")
    cluster.apply(puller)
    cluster.wait(lambda: "Pulling" in cluster.kubectl("get", "events", "-n", space), "the pull to begin")
    cluster.kubectl("delete", "deployment/puller", "-n", space, "--timeout=30s")
    cluster.wait(lambda: not cluster.list("pods", space), "the pods that pull to go")
    cluster.apply(manifests.namespace("brief"), manifests.deployment("web", "brief", 6))
    cluster.kubectl("delete", "namespace", "brief", "--timeout=60s", timeout=90)
    for host in cluster.lab.hosts:
        cluster.wait(lambda host=host: not cluster.containers(host, "brief"), f"all of it to leave {host.name}")
