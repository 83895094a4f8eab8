"""How peers are reached."""

from __future__ import annotations

from typing import Any

from nodeagent.network import topology
from nodeagent.network.routes import Reach, Route, RoutePlan, plan

CONFIG = {
    "uid": "c0ffee",
    "pod_cidrs": ["10.42.0.0/16", "fd00:42::/56"],
    "service_cidrs": ["10.43.0.0/16", "fd00:42:0:ff00::/112"],
}
LINK, ROUTER = Reach("eth0", 1500, direct=True), Reach("eth0", 1500, direct=False)


def node(number: int, *addresses: str, slices: bool = True) -> dict[str, Any]:
    return {
        "metadata": {"name": f"node-{number}"},
        "spec": {"podCIDRs": [f"10.42.{number}.0/24", f"fd00:42:0:{number}::/64"]} if slices else {},
        "status": {"addresses": [{"type": "InternalIP", "address": address} for address in addresses]},
    }


def planned(peer: dict[str, Any], reach: dict[str, Reach]) -> RoutePlan:
    own = node(1, "192.0.2.1", "fd00:99::1")
    return plan(topology.read(own, [own, peer], CONFIG), reach, "qd0")


def to_peers(found: RoutePlan) -> set[Route]:
    return {route for route in found.routes if route.device != "qd0"}


def test_a_peer_on_the_link_is_a_plain_next_hop() -> None:
    found = planned(node(2, "192.0.2.2", "fd00:99::2"), {"192.0.2.2": LINK, "fd00:99::2": LINK})
    assert to_peers(found) == {
        Route("10.42.2.0/24", "eth0", gateway="192.0.2.2"),
        Route("fd00:42:0:2::/64", "eth0", gateway="fd00:99::2"),
    }
    assert found.tunnels == ()


def test_a_peer_behind_a_router_is_reached_through_a_tunnel() -> None:
    found = planned(node(2, "198.51.100.2", "fd00:98::2"), {"198.51.100.2": ROUTER, "fd00:98::2": ROUTER})
    (tunnel,) = found.tunnels
    assert (tunnel.name, tunnel.local, tunnel.mtu) == ("qdvx4", "192.0.2.1", 1450)
    assert tunnel.addresses == ("10.42.1.1", "fd00:42:0:1::1")
    (mac,) = tunnel.forwarding
    assert tunnel.forwarding == {mac: "198.51.100.2"}
    assert tunnel.neighbours == {"10.42.2.1": mac, "fd00:42:0:2::1": mac}
    assert mac != tunnel.mac
    assert Route("10.42.2.0/24", "qdvx4", "10.42.2.1", "10.42.1.1", onlink=True) in found.routes


def test_ipv6_pods_of_ipv4_hosts_go_through_the_tunnel_while_ipv4_is_direct() -> None:
    found = planned(node(2, "192.0.2.2"), {"192.0.2.2": LINK})
    assert {route.destination: route.device for route in to_peers(found)} == {
        "10.42.2.0/24": "eth0",
        "fd00:42:0:2::/64": "qdvx4",
    }


def test_ipv6_only_hosts_use_a_tunnel_over_ipv6() -> None:
    found = planned(node(2, "fd00:98::2"), {"fd00:98::2": ROUTER})
    (tunnel,) = found.tunnels
    assert (tunnel.name, tunnel.local, tunnel.mtu) == ("qdvx6", "fd00:99::1", 1430)


def test_peers_without_slice_or_usable_address_have_no_route() -> None:
    assert to_peers(planned(node(2, "192.0.2.2", slices=False), {"192.0.2.2": LINK})) == set()
    assert to_peers(planned(node(2, "fe80::2", "127.0.0.1", "nonsense"), {})) == set()


def test_both_ends_agree_on_each_others_hardware_address() -> None:
    one, two = node(1, "192.0.2.1"), node(2, "198.51.100.2")
    here = plan(topology.read(one, [two], CONFIG), {"198.51.100.2": ROUTER}, "qd0").tunnels[0]
    there = plan(topology.read(two, [one], CONFIG), {"192.0.2.1": ROUTER}, "qd0").tunnels[0]
    assert set(here.forwarding) == {there.mac}
    assert set(there.forwarding) == {here.mac}
    assert int(here.mac[:2], 16) & 3 == 2  # locally administered, unicast


def test_virtual_addresses_are_routed_so_that_hosts_without_default_route_reach_them() -> None:
    found = planned(node(2), {})
    assert Route("10.43.0.0/16", "qd0", source="10.42.1.1") in found.routes
    assert Route("fd00:42:0:ff00::/112", "qd0", source="fd00:42:0:1::1") in found.routes


def test_the_topology_keeps_what_is_sound() -> None:
    own = node(1, "192.0.2.1")
    own["spec"]["podCIDRs"] = ["10.42.1.0/24", "garbage", "10.42.9.9/32"]
    read = topology.read(own, [own, node(2, "192.0.2.2"), node(3, slices=False)], CONFIG)
    assert read.own.pod_cidrs == ("10.42.1.0/24",)
    assert [peer.name for peer in read.peers] == ["node-2"]
    assert read.node_addresses(4) == ["192.0.2.1", "192.0.2.2"]
    assert read.versions == [4]
