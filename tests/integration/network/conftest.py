from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .world import Host, Namespace, Pod, World, leftovers


@contextlib.contextmanager
def _world(directory: Path) -> Iterator[World]:
    """An empty world; whatever it held is gone afterwards."""
    assert os.geteuid() == 0, "network namespaces need root: run the tests as root, or leave out those marked `root`"
    before = leftovers()
    made = World(directory)
    try:
        yield made
    finally:
        made.close()
    assert leftovers() == before


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with _world(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with _world(tmp_path) as made:
        yield made


@dataclass(frozen=True)
class Cluster:
    world: World
    one: Host
    two: Host
    a: Pod
    b: Pod
    c: Pod
    outside: Namespace


@pytest.fixture(scope="module", params=["bridge-nf", "plain-bridge"])
def cluster(shared_world: World, request: pytest.FixtureRequest) -> Cluster:
    """Two nodes with closed firewalls on one link, pods a and b on one, c on two, a client outside."""
    switch = shared_world.switch()
    first = len(shared_world.hosts)
    one, two = shared_world.host(first + 1), shared_world.host(first + 2)
    for host in (one, two):
        shared_world.plug(switch, host.namespace, host.addresses)
        for name in ("iptables", "ip6tables"):
            host.namespace.sysctl(f"net.bridge.bridge-nf-call-{name}", "1" if request.param == "bridge-nf" else "0")
            close_firewall(host.namespace, name)
        host.namespace.run("iptables", "-N", "DOCKER-USER")
        host.namespace.run("iptables", "-A", "DOCKER-USER", "-j", "RETURN")
        host.namespace.run("iptables", "-A", "FORWARD", "-j", "DOCKER-USER")
        host.namespace.sysctl("net.ipv4.conf.all.rp_filter", "1")
    outside = shared_world.namespace("out")
    shared_world.plug(switch, outside, ("192.0.2.200", "fd00:99::200"))
    del shared_world.hosts[:first]
    shared_world.start_agents()
    shared_world.configure()
    return Cluster(shared_world, one, two, one.pod("a", 10), one.pod("b", 11), two.pod("c", 10), outside)


def close_firewall(namespace: Namespace, program: str) -> None:
    """As Docker and a careful administrator leave it: nothing is forwarded, nothing new comes in."""
    namespace.run(program, "-P", "FORWARD", "DROP")
    namespace.run(program, "-P", "INPUT", "DROP")
    namespace.run(program, "-A", "INPUT", "-i", "lo", "-j", "ACCEPT")
    namespace.run(program, "-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT")
    if program == "ip6tables":
        namespace.run(program, "-A", "INPUT", "-p", "ipv6-icmp", "-j", "ACCEPT")


@pytest.fixture(params=[0, 1], ids=["IPv4", "IPv6"])
def family(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number
