"""Reading the kernel's connection tracking messages."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from nodeagent.network.conntrack import parse


def attribute(kind: int, data: bytes, nested: bool = False) -> bytes:
    padding = b"\x00" * (-len(data) % 4)
    return struct.pack("=HH", 4 + len(data), kind | (0x8000 if nested else 0)) + data + padding


def endpoint_pair(kind: int, source: str, target: str, protocol: int, ports: tuple[int, int]) -> bytes:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    first = 3 if ":" in source else 1
    ip = attribute(first, socket.inet_pton(family, source)) + attribute(first + 1, socket.inet_pton(family, target))
    proto = attribute(1, bytes([protocol]))
    proto += attribute(2, struct.pack("!H", ports[0])) + attribute(3, struct.pack("!H", ports[1]))
    return attribute(kind, attribute(1, ip, nested=True) + attribute(2, proto, nested=True), nested=True)


def tcp_state(state: int) -> bytes:
    return attribute(4, attribute(1, attribute(1, bytes([state])), nested=True), nested=True)


def flow(protocol: int, client: str, virtual: str, server: str) -> bytes:
    original = endpoint_pair(1, client, virtual, protocol, (40000, 80))
    return original + endpoint_pair(2, server, client, protocol, (8080, 40000))


def test_the_server_is_who_answers_after_translation() -> None:
    found = parse(socket.AF_INET, flow(6, "10.42.1.5", "10.43.0.10", "10.42.2.7") + tcp_state(3))
    assert found is not None
    assert (found.server, found.server_port, found.established) == (socket.inet_aton("10.42.2.7"), 8080, True)
    assert socket.inet_aton("10.43.0.10") in found.original


def test_only_the_established_state_of_tcp_counts() -> None:
    closing = parse(socket.AF_INET, flow(6, "10.42.1.5", "10.43.0.10", "10.42.2.7") + tcp_state(5))
    datagrams = parse(socket.AF_INET6, flow(17, "fd00::5", "fd00::10", "fd00::7"))
    assert closing is not None
    assert datagrams is not None
    assert not closing.established
    assert not datagrams.established
    assert datagrams.server == socket.inet_pton(socket.AF_INET6, "fd00::7")


def test_flows_without_ports_are_left_out() -> None:
    assert parse(socket.AF_INET, attribute(1, b"")) is None


@given(st.binary(max_size=300))
def test_no_message_breaks_the_parser(data: bytes) -> None:
    found = parse(socket.AF_INET, data)
    assert found is None or 0 <= found.server_port <= 65535
