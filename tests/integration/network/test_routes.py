"""Pods of different hosts reach each other: hosts on one link, hosts behind a router, and what is left afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .world import Host, World, ask, service, slices

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def hosts(shared_world: World) -> tuple[Host, Host, Host]:
    """Hosts 1 and 2 on one link, host 3 behind a router; strict reverse path filters everywhere."""
    world = shared_world
    here, there, router = world.switch(), world.switch(), world.namespace("rt")
    one, two, three = world.host(1), world.host(2), world.host(3)
    three.addresses = ("198.51.100.3", "fd00:98::3")
    for switch, host in ((here, one), (here, two), (there, three)):
        world.plug(switch, host.namespace, host.addresses)
    world.plug(here, router, ("192.0.2.254", "fd00:99::254"), "eth0")
    world.plug(there, router, ("198.51.100.254", "fd00:98::254"), "eth1")
    for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        router.sysctl(name, "1")
    for host in (one, two, three):
        network = "192.0.2.254" if host is not three else "198.51.100.254"
        host.namespace.ip("route", "add", "default", "via", network)
        host.namespace.ip("route", "add", "default", "via", "fd00:99::254" if host is not three else "fd00:98::254")
        for device in ("all", "default"):
            host.namespace.sysctl(f"net.ipv4.conf.{device}.rp_filter", "1")
    world.start_agents()
    return one, two, three


@pytest.fixture
def routed(hosts: tuple[Host, Host, Host], shared_world: World) -> tuple[Host, Host, Host]:
    """The hosts as they were, whatever an earlier test made of them."""
    for number, host in enumerate(hosts, 1):
        host.cidrs = (f"10.42.{number}.0/24", f"fd00:42:0:{number}::/64")
    shared_world.configure()
    return hosts


def routes(host: Host, family: str = "-4") -> dict[str, dict[str, Any]]:
    listed = json.loads(host.namespace.run("ip", "-j", family, "route", "show", "proto", "71"))
    return {route["dst"]: route for route in listed}


def test_pods_and_nodes_reach_pods_everywhere(routed: tuple[Host, Host, Host], shared_world: World) -> None:
    one, _, three = routed
    pods = [host.pod(f"pod-{host.number}", 10) for host in routed]
    assert routes(one)["10.42.2.0/24"]["dev"] == "eth0"
    assert routes(one)["10.42.3.0/24"]["dev"] == "qdvx4"
    assert routes(three, "-6")["fd00:42:0:1::/64"]["dev"] == "qdvx4"
    for family in (0, 1):
        for server in pods:
            for client in pods:
                seen = ask(client.namespace, server.addresses[family], 8080)
                assert seen == (server.name, client.addresses[family])
            for host in routed:
                assert ask(host.namespace, server.addresses[family], 8080)[0] == server.name


def test_connections_are_kept_for_the_times_of_kube_proxy(routed: tuple[Host, Host, Host]) -> None:
    names = [f"net.netfilter.nf_conntrack_tcp_timeout_{state}" for state in ("established", "close_wait")]
    for host in routed:
        assert host.namespace.run("sysctl", "-n", *names).split() == ["86400", "3600"]


def test_services_work_through_tunnels(routed: tuple[Host, Host, Host], shared_world: World) -> None:
    one, two, three = routed
    far = three.pod("far", 11)
    near = one.pod("near", 11)
    vips = ("10.43.0.10", "fd00:42:0:ff00::10")
    shared_world.sync([service("web", vips, type="NodePort", node_port=30080)], slices("web", [far]))
    for family in (0, 1):
        assert ask(near.namespace, vips[family], 80) == ("far", near.addresses[family])
        assert ask(one.namespace, vips[family], 80)[0] == "far"
        assert ask(two.namespace, one.addresses[family], 30080)[0] == "far"
        assert ask(one.namespace, one.addresses[family], 30080)[0] == "far"


def test_a_large_answer_fits_through_the_tunnel(routed: tuple[Host, Host, Host]) -> None:
    """Pods keep the MTU of the host's link; path MTU discovery does the rest."""
    one, _, three = routed
    client, server = one.pod("client", 12), three.pod("server", 12)
    for address in server.addresses:
        with client.namespace.socket(6 if ":" in address else 4) as sock:
            sock.connect((address, 8080))
            sock.sendall(b"?" * 200_000)
            received = 0
            while received < 20_000 and (data := sock.recv(65536)):
                received += len(data)
            assert received >= 20_000


def test_routes_and_tunnel_follow_the_nodes_and_foreign_routes_stay(
    routed: tuple[Host, Host, Host], shared_world: World
) -> None:
    one, two, three = routed
    one.namespace.ip("route", "add", "203.0.113.0/24", "via", "192.0.2.254")
    one.network.call("configure", one.node(), [one.node(), two.node()], shared_world.config)
    assert set(routes(one)) == {"10.42.2.0/24", "10.43.0.0/16"}
    assert "qdvx4" not in one.namespace.ip("link")
    three.cidrs = ("10.42.9.0/24", "fd00:42:0:9::/64")
    one.network.call("configure", one.node(), [two.node(), three.node()], shared_world.config)
    assert set(routes(one)) == {"10.42.2.0/24", "10.42.9.0/24", "10.43.0.0/16"}
    before = one.namespace.ip("-d", "link", "show", "qdvx4")
    one.network.call("configure", one.node(), [two.node(), three.node()], shared_world.config)
    assert one.namespace.ip("-d", "link", "show", "qdvx4") == before
    assert "203.0.113.0/24" in one.namespace.ip("route")


def test_a_foreign_route_to_a_slice_is_reported_and_kept(routed: tuple[Host, Host, Host], shared_world: World) -> None:
    one, two, _ = routed
    one.namespace.ip("route", "add", "10.42.77.0/24", "via", "192.0.2.254")
    two.cidrs = ("10.42.77.0/24",)
    with pytest.raises(RuntimeError, match=r"already has a route to 10.42.77.0/24 that is not Quarterdeck's"):
        one.network.call("configure", one.node(), [two.node()], shared_world.config)
    assert "10.42.77.0/24 via 192.0.2.254" in one.namespace.ip("route")


def test_removal_leaves_nothing(routed: tuple[Host, Host, Host], shared_world: World) -> None:
    one, _, _ = routed
    shared_world.sync([service("web", ("10.43.0.10", "fd00:42:0:ff00::10"))], [])
    one.network.call("close", remove=True)
    assert routes(one) == {}
    assert routes(one, "-6") == {}
    assert one.namespace.run("nft", "list", "tables").split().count("qd") == 0
    assert "QD-FORWARD" not in one.namespace.run("iptables-save") + one.namespace.run("ip6tables-save")
    assert not {"qd0", "qdvx4"} & set(one.namespace.ip("-br", "link").split())
