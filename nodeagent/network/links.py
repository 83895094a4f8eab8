"""Puts routes and tunnels into the kernel by netlink, and takes away what is ours and no longer wanted.

Ours are exactly the routes with protocol number 71 and the devices qdvx4 and qdvx6. A route of somebody else is never
replaced: it is reported. All functions here block for milliseconds; `node` calls them in a thread.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from .errors import NetworkFailure
from .routes import VXLAN_ID, VXLAN_PORT, Reach, Route, RoutePlan, Tunnel

log = logging.getLogger(__name__)

PROTOCOL = 71
TUNNELS = ("qdvx4", "qdvx6")
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_ETHERNET, _NOARP, _LOCAL = 1, 0x80, 2  # ARPHRD_ETHER, IFF_NOARP, RTN_LOCAL
_ONLINK = 4  # RTNH_F_ONLINK
_PERMANENT, _FDB_PERMANENT, _SELF = 0x80, 0xC0, 0x02  # NUD_PERMANENT, with NUD_NOARP, NTF_SELF
_TENTATIVE, _NODAD = 0x40, 0x02  # IFA_F_…


def reach(addresses: Iterable[str]) -> dict[str, Reach]:
    """How each address is reached; unreachable ones are left out."""
    with IPRoute() as netlink:
        found = {address: _reach_one(netlink, address) for address in addresses}
    return {address: answer for address, answer in found.items() if answer is not None}


def _reach_one(netlink: Any, address: str) -> Reach | None:
    try:
        route = next(iter(netlink.route("get", dst=address)))
    except NetlinkError:
        return None
    if route["type"] == _LOCAL:
        return None
    link = netlink.get_links(route.get_attr("RTA_OIF"))[0]
    # A point-to-point device has no neighbours to hand a pod's packet to, whatever the route looks like.
    ethernet = link["ifi_type"] == _ETHERNET and not link["flags"] & _NOARP
    direct = ethernet and route.get_attr("RTA_GATEWAY") is None and route.get_attr("RTA_VIA") is None
    return Reach(link.get_attr("IFLA_IFNAME"), link.get_attr("IFLA_MTU"), direct)


def mtu_of(address: str) -> int | None:
    """MTU of the device that has this address of the host."""
    with IPRoute() as netlink:
        for entry in netlink.get_addr(address=address):
            return int(netlink.get_links(entry["index"])[0].get_attr("IFLA_MTU"))
    return None


def settle_gateways(bridge: str, addresses: Iterable[str]) -> None:
    """Make the bridge's IPv6 address usable at once: without pods the bridge has no carrier, duplicate address
    detection never ends, and the first pod would be without gateway and DNS for a second."""
    wanted = {address for address in addresses if ip_address(address).version == 6}
    if not wanted:
        return
    Path(f"/proc/sys/net/ipv6/conf/{bridge}/accept_dad").write_text("0")
    with IPRoute() as netlink:
        index = _index(netlink, bridge)
        for entry in netlink.get_addr(family=socket.AF_INET6, index=index):
            address = entry.get_attr("IFA_ADDRESS")
            flags = entry.get_attr("IFA_FLAGS") or entry["flags"]
            if address in wanted and flags & _TENTATIVE:
                length = entry["prefixlen"]
                netlink.addr("del", index=index, address=address, prefixlen=length)
                netlink.addr("add", index=index, address=address, prefixlen=length, flags=_NODAD)


def apply(wanted: RoutePlan) -> None:
    """Tunnels first, since routes lead into them; then routes; then what is no longer needed goes."""
    with IPRoute() as netlink:
        for tunnel in wanted.tunnels:
            _ensure_tunnel(netlink, tunnel)
        _apply_routes(netlink, wanted.routes)
        for name in TUNNELS:
            if name not in {tunnel.name for tunnel in wanted.tunnels}:
                _delete_link(netlink, name)


def remove() -> None:
    """Take all our routes and tunnels away."""
    apply(RoutePlan(frozenset(), ()))


def _index(netlink: Any, name: str) -> int:
    found = netlink.link_lookup(ifname=name)
    if not found:
        raise NetworkFailure(
            f"the network device {name} is gone: it was there a moment ago, the next sync makes it anew"
        )
    return int(found[0])


def _delete_link(netlink: Any, name: str) -> None:
    for index in netlink.link_lookup(ifname=name):
        netlink.link("del", index=index)


def _ensure_tunnel(netlink: Any, tunnel: Tunnel) -> None:
    found = netlink.link_lookup(ifname=tunnel.name)
    if found and not _is_like(netlink.get_links(found[0])[0], tunnel):
        _delete_link(netlink, tunnel.name)
        found = []
    local = "vxlan_local" if ip_address(tunnel.local).version == 4 else "vxlan_local6"
    if not found:
        netlink.link(
            "add",
            ifname=tunnel.name,
            kind="vxlan",
            vxlan_id=VXLAN_ID,
            vxlan_port=VXLAN_PORT,
            vxlan_learning=False,
            address=tunnel.mac,
            **{local: tunnel.local},
        )
    index = _index(netlink, tunnel.name)
    netlink.link("set", index=index, mtu=tunnel.mtu, state="up")
    for address in tunnel.addresses:
        length = ip_address(address).max_prefixlen
        netlink.addr("replace", index=index, address=address, prefixlen=length, flags=_NODAD if length == 128 else 0)
    _apply_neighbours(netlink, index, tunnel)


def _is_like(link: Any, tunnel: Tunnel) -> bool:
    info = link.get_attr("IFLA_LINKINFO")
    data = info.get_attr("IFLA_INFO_DATA") if info else None
    if data is None:
        return False
    local = data.get_attr("IFLA_VXLAN_LOCAL") or data.get_attr("IFLA_VXLAN_LOCAL6")
    number, port = data.get_attr("IFLA_VXLAN_ID"), data.get_attr("IFLA_VXLAN_PORT")
    return bool(
        (number, port, local, link.get_attr("IFLA_ADDRESS")) == (VXLAN_ID, VXLAN_PORT, tunnel.local, tunnel.mac)
    )


def _apply_neighbours(netlink: Any, index: int, tunnel: Tunnel) -> None:
    for version, family in _FAMILY.items():
        for entry in netlink.get_neighbours(family=family, ifindex=index):
            address = entry.get_attr("NDA_DST")
            if entry["state"] & _PERMANENT and address not in tunnel.neighbours:
                netlink.neigh("del", dst=address, ifindex=index, family=family)
        for address, mac in tunnel.neighbours.items():
            if ip_address(address).version == version:
                netlink.neigh("replace", dst=address, lladdr=mac, ifindex=index, state=_PERMANENT, family=family)
    known = {}
    for entry in netlink.get_neighbours(family=socket.AF_BRIDGE, ifindex=index):
        known[entry.get_attr("NDA_LLADDR")] = entry.get_attr("NDA_DST")
    for mac, remote in known.items():
        if tunnel.forwarding.get(mac) != remote:
            netlink.fdb("del", ifindex=index, lladdr=mac, dst=remote, flags=_SELF)
    for mac, remote in tunnel.forwarding.items():
        if known.get(mac) != remote:
            netlink.fdb("add", ifindex=index, lladdr=mac, dst=remote, flags=_SELF, state=_FDB_PERMANENT)


def _apply_routes(netlink: Any, wanted: frozenset[Route]) -> None:
    names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in netlink.get_links()}
    existing: dict[str, Route] = {}
    for family in _FAMILY.values():
        for entry in netlink.get_routes(family=family, proto=PROTOCOL):
            route = _read(entry, names)
            existing[route.destination] = route
    for route in sorted(wanted):
        if existing.get(route.destination) != route:
            _set_route(netlink, route, "replace" if route.destination in existing else "add")
    kept = {route.destination for route in wanted}
    for destination in sorted(existing.keys() - kept):
        log.info("removing the route to %s", destination)
        netlink.route("del", dst=destination, proto=PROTOCOL)


def _read(entry: Any, names: dict[int, str]) -> Route:
    return Route(
        destination=f"{entry.get_attr('RTA_DST')}/{entry['dst_len']}",
        device=names.get(entry.get_attr("RTA_OIF"), ""),
        gateway=entry.get_attr("RTA_GATEWAY") or "",
        source=entry.get_attr("RTA_PREFSRC") or "",
        onlink=bool(entry["flags"] & _ONLINK),
    )


def _set_route(netlink: Any, route: Route, verb: str) -> None:
    options: dict[str, Any] = {"dst": route.destination, "oif": _index(netlink, route.device), "proto": PROTOCOL}
    if route.gateway:
        options["gateway"] = route.gateway
    if route.source:
        options["prefsrc"] = route.source
    if route.onlink:
        options["flags"] = _ONLINK
    try:
        netlink.route(verb, **options)
    except NetlinkError as error:
        if error.code == errno.EEXIST:
            raise NetworkFailure(
                f"this host already has a route to {route.destination} that is not Quarterdeck's: remove it "
                f"(ip route show {route.destination}) or give the cluster another pod network"
            ) from error
        via = route.gateway or route.device
        raise NetworkFailure(f"the route to {route.destination} via {via} cannot be set: {error}") from error
    log.info("route to %s via %s on %s", route.destination, route.gateway or "-", route.device)
