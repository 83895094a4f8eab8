"""The DNS server over real sockets: UDP, TCP, forwarding, and what it does when others misbehave."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import pytest

from common.settings import ClusterConfig
from nodeagent.network.dns import forward, server
from nodeagent.network.dns.forward import Address, Forwarder
from nodeagent.network.dns.records import ZoneBuilder
from nodeagent.network.dns.server import DnsServer
from nodeagent.network.errors import NetworkFailure

from .world import free_port

SERVICES = [
    {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"clusterIP": "10.43.0.10"}},
    {"metadata": {"name": "out", "namespace": "shop"}, "spec": {"type": "ExternalName", "externalName": "a.example"}},
]
LOCAL = "127.0.0.1"


class Upstream(asyncio.DatagramProtocol):
    """A scripted DNS server: `answer` turns a query into the datagrams that go back."""

    def __init__(self, answer: Callable[[dns.message.Message], list[bytes]]) -> None:
        self.queries: list[dns.message.Message] = []
        self.sources: set[int] = set()
        self._answer = answer

    async def start(self) -> Address:
        self.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, (LOCAL, 0))
        address: Address = self.transport.get_extra_info("sockname")[:2]
        return address

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        self.queries.append(query)
        self.sources.add(peer[1])
        for answer in self._answer(query):
            self.transport.sendto(answer, peer)


def good(query: dns.message.Message, address: str = "192.0.2.80") -> bytes:
    response = dns.message.make_response(query)
    response.answer = [dns.rrset.from_text(query.question[0].name, 60, "IN", "A", address)]
    return response.to_wire()


def failing(query: dns.message.Message) -> bytes:
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.SERVFAIL)
    return response.to_wire()


class Setup:
    def __init__(self) -> None:
        self.upstreams: list[Address] = []
        self._protocols: list[Upstream] = []
        self.server = DnsServer(Forwarder(lambda: self.upstreams), port=0)
        self.port = 0

    async def start(self) -> None:
        self.port = free_port(LOCAL)
        self.server.port = self.port
        self.server.zone = ZoneBuilder().build(SERVICES, {}, frozenset(), ClusterConfig(uid="c0ffee"), [])
        await self.server.listen([LOCAL])

    async def upstream(self, answer: Callable[[dns.message.Message], list[bytes]]) -> Upstream:
        made = Upstream(answer)
        self.upstreams.append(await made.start())
        self._protocols.append(made)
        return made

    async def ask(self, name: str, *, tcp: bool = False) -> dns.message.Message:
        query = dns.message.make_query(name, "A")
        method = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
        return await method(query, LOCAL, port=self.port, timeout=60)

    async def close(self) -> None:
        await self.server.close()
        for protocol in self._protocols:
            protocol.transport.close()


@pytest.fixture
async def setup(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Setup]:
    # Waiting is not what these tests are about, and a busy machine may need its time.
    monkeypatch.setattr(forward, "ATTEMPT_SECONDS", 0.5)
    monkeypatch.setattr(forward, "TOTAL_SECONDS", 30.0)
    made = Setup()
    await made.start()
    yield made
    await made.close()


@pytest.mark.parametrize("tcp", [False, True])
async def test_names_of_the_cluster_are_answered(setup: Setup, tcp: bool) -> None:
    answer = await setup.ask("web.shop.svc.cluster.local", tcp=tcp)
    assert answer.answer[0][0].to_text() == "10.43.0.10"


async def test_a_burst_is_answered_completely(setup: Setup) -> None:
    answers = await asyncio.gather(*(setup.ask("web.shop.svc.cluster.local") for _ in range(200)))
    assert {answer.answer[0][0].to_text() for answer in answers} == {"10.43.0.10"}


async def test_other_names_are_asked_upstream_with_fresh_ids_and_ports(setup: Setup) -> None:
    upstream = await setup.upstream(lambda query: [good(query)])
    for _ in range(10):
        assert (await setup.ask("www.example")).answer[0][0].to_text() == "192.0.2.80"
    assert len({query.id for query in upstream.queries}) > 5
    assert len(upstream.sources) > 5


async def test_planted_answers_are_ignored(setup: Setup) -> None:
    def answer(query: dns.message.Message) -> list[bytes]:
        wrong_id = bytearray(good(query, "203.0.113.1"))
        wrong_id[0] ^= 0xFF
        other = dns.message.make_query("other.example", "A", id=query.id)
        return [bytes(wrong_id), good(other, "203.0.113.2"), b"", b"\x00" * 5, good(query)]

    await setup.upstream(answer)
    assert (await setup.ask("www.example")).answer[0][0].to_text() == "192.0.2.80"


async def test_a_silent_or_failing_server_is_passed_over(setup: Setup) -> None:
    await setup.upstream(lambda query: [])
    await setup.upstream(lambda query: [failing(query)])
    await setup.upstream(lambda query: [good(query)])
    assert (await setup.ask("www.example")).answer[0][0].to_text() == "192.0.2.80"
    setup.upstreams[0] = (LOCAL, 9)  # nobody listens: refused at once
    assert (await setup.ask("www.example")).answer[0][0].to_text() == "192.0.2.80"


@pytest.fixture
def hasty(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """No good answer comes, and that is soon clear."""
    monkeypatch.setattr(forward, "ATTEMPT_SECONDS", 0.2)
    monkeypatch.setattr(forward, "TOTAL_SECONDS", 1.0)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("answer", [lambda query: [], lambda query: [failing(query)]])
async def test_without_a_good_answer_the_client_hears_servfail(
    setup: Setup, answer: Callable[[dns.message.Message], list[bytes]]
) -> None:
    await setup.upstream(answer)
    assert (await setup.ask("www.example")).rcode() == dns.rcode.SERVFAIL


@pytest.mark.usefixtures("hasty")
async def test_without_servers_the_client_hears_servfail_at_once(setup: Setup) -> None:
    assert (await setup.ask("www.example")).rcode() == dns.rcode.SERVFAIL


async def test_an_external_name_is_resolved_to_its_addresses(setup: Setup) -> None:
    await setup.upstream(lambda query: [good(query)])
    answer = await setup.ask("out.shop.svc.cluster.local")
    assert [item.to_text() for item in answer.resolve_chaining().answer] == ["192.0.2.80"]


@pytest.mark.usefixtures("hasty")
async def test_too_many_questions_in_flight_are_refused_not_piled_up(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_FORWARDS", 2)
    await setup.upstream(lambda query: [])
    answers = await asyncio.gather(*(setup.ask("www.example") for _ in range(20)))
    assert {answer.rcode() for answer in answers} == {dns.rcode.SERVFAIL}
    assert (await setup.ask("web.shop.svc.cluster.local")).answer


async def test_a_stream_that_breaks_off_or_sends_garbage_hurts_nobody(setup: Setup) -> None:
    for garbage in (b"\x00", b"\x00\x05abc", struct.pack("!H", 3) + b"abc", struct.pack("!H", 65535) + b"x" * 100):
        _, writer = await asyncio.open_connection(LOCAL, setup.port)
        writer.write(garbage)
        await writer.drain()
        writer.close()
    assert (await setup.ask("web.shop.svc.cluster.local", tcp=True)).answer


async def test_a_port_that_is_taken_is_named(setup: Setup) -> None:
    second = DnsServer(Forwarder(list), port=setup.port)
    with pytest.raises(NetworkFailure, match=rf"cannot listen on 127\.0\.0\.1 port {setup.port}: another program"):
        await second.listen([LOCAL])
    await second.close()


async def test_addresses_come_and_go(setup: Setup) -> None:
    await setup.server.listen([LOCAL, "127.0.0.2"])
    assert setup.server.addresses == ["127.0.0.1", "127.0.0.2"]
    query = dns.message.make_query("web.shop.svc.cluster.local", "A")
    assert (await dns.asyncquery.udp(query, "127.0.0.2", port=setup.port, timeout=60)).answer
    await setup.server.listen(["127.0.0.2"])
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(LOCAL, setup.port)


async def test_an_address_that_does_not_exist_yet_can_be_listened_on(setup: Setup) -> None:
    """The bridge may come after the server, or lose its address for a moment."""
    await setup.server.listen([LOCAL, "192.0.2.77", "fd00:dead::77"])
    assert "fd00:dead::77" in setup.server.addresses
