"""Reads and deletes connection tracking entries by netlink (ctnetlink).

The messages are parsed here because a host may track 100,000 flows: a general netlink library takes 20 s for these and
keeps the interpreter busy meanwhile; looking only at the attributes that matter takes one. Functions block; `node`
calls them in a thread. Layout of messages and attributes: linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from .errors import NetworkFailure

_NETLINK_NETFILTER = 12
_GET, _DELETE = 0x0101, 0x0102  # NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_…
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF  # without the flags NLA_F_NESTED and NLA_F_NET_BYTEORDER
_TUPLE_ORIG, _TUPLE_REPLY, _PROTOINFO = 1, 2, 4
_TUPLE_IP, _TUPLE_PROTO = 1, 2
_IP_SOURCES = (1, 3)  # CTA_IP_V4_SRC, CTA_IP_V6_SRC
_PROTO_NUMBER, _PROTO_SOURCE_PORT = 1, 2
_PROTOINFO_TCP, _TCP_STATE = 1, 1
_TCP, _UDP, _TCP_ESTABLISHED = 6, 17, 3
_BUFFER = 1 << 18
_TIMEOUT = 5.0  # seconds to wait for the kernel, which answers at once unless it has run out of memory


@dataclass(frozen=True, slots=True)
class Flow:
    """One tracked connection, as far as it matters here."""

    family: int
    protocol: int
    server: bytes  # who answers, after translation: packed address
    server_port: int
    established: bool  # TCP only
    original: bytes  # the attribute that names the flow to the kernel


def established(addresses: Iterable[str]) -> int:
    """TCP connections in state ESTABLISHED that lead to one of these addresses."""
    wanted = _packed(addresses)
    if not wanted:
        return 0
    with _open() as netlink:
        return sum(1 for flow in _flows(netlink, wanted) if flow.established and flow.server in wanted)


def forget_udp(endpoints: Iterable[tuple[str, int]]) -> int:
    """Delete the UDP flows that lead to these addresses and ports: with no end of a connection to wait for, a client
    that keeps sending would be led there for ever. Returns how many were deleted."""
    wanted = {(ip_address(address).packed, port) for address, port in endpoints}
    if not wanted:
        return 0
    with _open() as netlink:
        flows = _flows(netlink, {address for address, _ in wanted})
        doomed = [flow for flow in flows if flow.protocol == _UDP and (flow.server, flow.server_port) in wanted]
        return sum(_delete(netlink, flow) for flow in doomed)


def _packed(addresses: Iterable[str]) -> set[bytes]:
    return {ip_address(address).packed for address in addresses}


def _open() -> socket.socket:
    try:
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    except OSError as error:
        raise NetworkFailure(f"connection tracking of this kernel cannot be reached: {error}") from error
    netlink.settimeout(_TIMEOUT)
    return netlink


def _flows(netlink: socket.socket, servers: set[bytes]) -> Iterator[Flow]:
    for family, size in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
        if any(len(address) == size for address in servers):
            # Collected before any is handed out: a caller may use the socket between two flows.
            yield from list(_dump(netlink, family))


def _dump(netlink: socket.socket, family: int) -> Iterator[Flow]:
    _send(netlink, _GET, _REQUEST | _DUMP, family, b"")
    while True:
        for kind, body in _messages(netlink.recv(_BUFFER)):
            if kind == _DONE:
                return
            if kind == _ERROR:
                _raise(body, "listed")
                return
            flow = parse(family, body[4:])
            if flow is not None:
                yield flow


def _delete(netlink: socket.socket, flow: Flow) -> bool:
    attribute = _ATTRIBUTE.pack(4 + len(flow.original), _TUPLE_ORIG | 0x8000) + flow.original
    _send(netlink, _DELETE, _REQUEST | _ACK, flow.family, attribute)
    for kind, body in _messages(netlink.recv(_BUFFER)):
        if kind == _ERROR:
            code = -struct.unpack_from("=i", body)[0]
            if code == 0:
                return True
            if code != 2:  # ENOENT: it ended by itself
                _raise(body, "deleted")
    return False


def _send(netlink: socket.socket, kind: int, flags: int, family: int, attributes: bytes) -> None:
    body = struct.pack("=BBH", family, 0, 0) + attributes
    netlink.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield kind, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def _raise(body: bytes, verb: str) -> None:
    code = -struct.unpack_from("=i", body)[0]
    if code:
        hint = ": run the agent as root" if code == 1 else ""
        raise NetworkFailure(f"tracked connections cannot be {verb}: {os.strerror(code)}{hint}")


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    offset = 0
    while offset + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            break
        found[kind & _TYPE_MASK] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def parse(family: int, data: bytes) -> Flow | None:
    """The flow of a message's attributes; None when it is not one of addresses and ports (ICMP, say)."""
    top = _attributes(data)
    reply = _attributes(top.get(_TUPLE_REPLY, b""))
    proto = _attributes(reply.get(_TUPLE_PROTO, b""))
    number, port = proto.get(_PROTO_NUMBER, b""), proto.get(_PROTO_SOURCE_PORT, b"")
    addresses = _attributes(reply.get(_TUPLE_IP, b""))
    server = next((addresses[kind] for kind in _IP_SOURCES if kind in addresses), b"")
    if len(number) < 1 or len(port) < 2 or not server:
        return None
    state = b""
    if number[0] == _TCP:
        info = _attributes(top.get(_PROTOINFO, b""))
        state = _attributes(info.get(_PROTOINFO_TCP, b"")).get(_TCP_STATE, b"")
    return Flow(
        family=family,
        protocol=number[0],
        server=server,
        server_port=int.from_bytes(port[:2], "big"),
        established=state[:1] == bytes([_TCP_ESTABLISHED]),
        original=top.get(_TUPLE_ORIG, b""),
    )
