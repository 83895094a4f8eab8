"""DNS messages from anybody: sound results or `Malformed`, never anything else."""

from __future__ import annotations

import contextlib

import dns.exception
import dns.message
import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.settings import ClusterConfig
from nodeagent.network.dns import wire
from nodeagent.network.dns.forward import is_answer
from nodeagent.network.dns.records import ZoneBuilder
from nodeagent.network.dns.responder import Upstream, finish_alias, respond

SERVICE = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"clusterIP": "10.43.0.10"}}
ALIAS = {"metadata": {"name": "out", "namespace": "shop"}, "spec": {"type": "ExternalName", "externalName": "a.b"}}
ZONE = ZoneBuilder().build([SERVICE, ALIAS], {}, frozenset(), ClusterConfig(uid="c0ffee"), [])
QUERY = dns.message.make_query("web.shop.svc.cluster.local", "A", use_edns=True).to_wire()
labels = st.lists(st.binary(min_size=1, max_size=63), min_size=1, max_size=3)


@given(st.binary(max_size=600))
def test_no_bytes_break_the_responder(data: bytes) -> None:
    answer = respond(ZONE, data, tcp=False)
    if isinstance(answer, bytes):
        assert answer[:2] == data[:2]
        assert answer[2] & 0x80
        dns.message.from_wire(answer)


@given(st.integers(0, len(QUERY) - 1), st.integers(0, 255), st.integers(0, len(QUERY)))
def test_no_damaged_query_breaks_the_responder(position: int, value: int, length: int) -> None:
    damaged = bytearray(QUERY)
    damaged[position] = value
    for data in (bytes(damaged), QUERY[:length]):
        answer = respond(ZONE, data, tcp=False)
        assert answer is None or isinstance(answer, Upstream) or len(answer) <= wire.UDP_EDNS


@given(labels)
def test_any_name_is_echoed_as_it_was_asked(parts: list[bytes]) -> None:
    query = dns.message.make_query(dns.name.Name([*parts, b"svc", b"cluster", b"local", b""]), "A")
    answer = respond(ZONE, query.to_wire(), tcp=False)
    assert isinstance(answer, bytes)
    assert query.is_response(dns.message.from_wire(answer))


@given(st.binary(max_size=300))
def test_no_response_of_a_server_breaks_the_copying_of_records(data: bytes) -> None:
    with contextlib.suppress(wire.Malformed):
        _, copies = wire.copy_answers(data, {wire.A, wire.CNAME})
        for copy in copies:
            wire.read_name(copy, 0)
    waiting = respond(ZONE, dns.message.make_query("out.shop.svc.cluster.local", "A").to_wire(), tcp=False)
    assert isinstance(waiting, Upstream)
    dns.message.from_wire(finish_alias(waiting, data))


@given(st.binary(max_size=100), st.integers(0, 100))
def test_names_are_read_as_dnspython_reads_them(message: bytes, offset: int) -> None:
    try:
        name, used = dns.name.from_wire(message, offset)
    except (dns.exception.DNSException, IndexError):
        with pytest.raises(wire.Malformed):
            wire.read_name(message, offset)
        return
    assert wire.read_name(message, offset) == (name.to_wire(), offset + used)


def test_compression_loops_end() -> None:
    with pytest.raises(wire.Malformed):
        wire.read_name(b"\xc0\x00", 0)
    with pytest.raises(wire.Malformed):
        wire.read_name(b"\x01a\xc0\x00", 2)


@pytest.mark.parametrize("name", ["a" * 64, "a..b", ".".join(["a" * 60] * 5)])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="bytes"):
        wire.encode_name(name)


def test_only_the_response_to_the_question_counts() -> None:
    query = dns.message.make_query("example.org", "A", id=258)
    response = dns.message.make_response(query).to_wire()
    question = wire.parse_query(query.to_wire()).question
    assert is_answer(response, b"\x01\x02", question)
    other = dns.message.make_response(dns.message.make_query("example.com", "A", id=258)).to_wire()
    for data, ident in (
        (response, b"\x01\x03"),
        (query.to_wire(), b"\x01\x02"),
        (other, b"\x01\x02"),
        (b"", b"\x01\x02"),
    ):
        assert not is_answer(data, ident, question)


def test_a_suffix_inside_a_label_does_not_make_a_name_ours() -> None:
    apex = wire.encode_name("cluster.local")
    assert wire.is_within(apex, apex)
    assert wire.is_within(wire.encode_name("a.b.cluster.local"), apex)
    assert not wire.is_within(wire.encode_name("cluster.locals"), apex)
    assert not wire.is_within(b"\x11abc" + apex, apex)
