"""What the cluster's DNS says, read by dnspython."""

from __future__ import annotations

from typing import Any

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.reversename
import dns.rrset
import pytest

from common.settings import ClusterConfig
from nodeagent.network.dns.records import ZoneBuilder
from nodeagent.network.dns.responder import Upstream, alias_question, failure, finish_alias, respond
from nodeagent.network.dns.zone import Zone
from nodeagent.network.services import group_slices

CONFIG = ClusterConfig(
    pod_cidrs=("10.42.0.0/16", "fd00:42::/56"), service_cidrs=("10.43.0.0/16", "fd00:43::/112"), uid="c0ffee"
)


def make_service(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"ports": [{"name": "http", "port": 80}], **spec}}


def make_slice(service: str, *endpoints: dict[str, Any], family: str = "IPv4") -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": service}
    return {
        "metadata": {"name": f"{service}-1", "namespace": "shop", "labels": labels},
        "addressType": family,
        "endpoints": list(endpoints),
        "ports": [{"name": "http", "port": 8080}],
    }


SERVICES = [
    make_service("web", clusterIPs=["10.43.0.10", "fd00:43::10"]),
    make_service("db", clusterIP="None"),
    make_service("empty", clusterIP="None"),
    make_service("early", clusterIP="None", publishNotReadyAddresses=True),
    make_service("out", type="ExternalName", externalName="www.example.org"),
    make_service("in", type="ExternalName", externalName="Web.shop.svc.cluster.local"),
    make_service("loop", type="ExternalName", externalName="loop.shop.svc.cluster.local"),
    make_service("bad", type="ExternalName", externalName="x" * 70),
]
SLICES = [
    make_slice(
        "db",
        {"addresses": ["10.42.1.5"], "hostname": "db-0"},
        {"addresses": ["10.42.1.6"], "hostname": "db-1", "conditions": {"ready": False}},
        {"addresses": ["10.42.1.7"]},
        {"addresses": ["10.42.1.8"], "hostname": "db-3"},
    ),
    make_slice("db", {"addresses": ["fd00:42:0:1::5"], "hostname": "db-0"}, family="IPv6"),
    make_slice("early", {"addresses": ["10.42.1.8"], "hostname": "early-0", "conditions": {"ready": True}}),
]


@pytest.fixture(scope="module")
def zone() -> Zone:
    return ZoneBuilder().build(SERVICES, group_slices(SLICES), frozenset({"10.42.1.8"}), CONFIG, ["10.42.1.1"])


def ask(zone: Zone, name: str, kind: str = "A", **options: Any) -> dns.message.Message:
    query = dns.message.make_query(name, kind, **options)
    reply = respond(zone, query.to_wire(), tcp=False)
    assert isinstance(reply, bytes)
    message = dns.message.from_wire(reply)
    assert query.is_response(message)
    return message


def answers(zone: Zone, name: str, kind: str = "A") -> set[str]:
    message = ask(zone, name, kind)
    assert message.rcode() == dns.rcode.NOERROR
    assert message.flags & dns.flags.AA
    return {item.to_text() for rrset in message.answer for item in rrset}


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("web.shop.svc.cluster.local", "A", {"10.43.0.10"}),
        ("WEB.Shop.SVC.cluster.LOCAL", "AAAA", {"fd00:43::10"}),
        ("_http._tcp.web.shop.svc.cluster.local", "SRV", {"0 100 80 web.shop.svc.cluster.local."}),
        ("10.0.43.10.in-addr.arpa", "PTR", {"web.shop.svc.cluster.local."}),
        ("db.shop.svc.cluster.local", "A", {"10.42.1.5", "10.42.1.7"}),
        ("db.shop.svc.cluster.local", "AAAA", {"fd00:42:0:1::5"}),
        ("db-0.db.shop.svc.cluster.local", "A", {"10.42.1.5"}),
        ("10-42-1-7.db.shop.svc.cluster.local", "A", {"10.42.1.7"}),
        ("early-0.early.shop.svc.cluster.local", "A", {"10.42.1.8"}),
        ("5.1.42.10.in-addr.arpa", "PTR", {"db-0.db.shop.svc.cluster.local."}),
        ("10-42-9-9.shop.pod.cluster.local", "A", {"10.42.9.9"}),
        ("fd00-42--9.shop.pod.cluster.local", "AAAA", {"fd00:42::9"}),
        ("in.shop.svc.cluster.local", "A", {"web.shop.svc.cluster.local.", "10.43.0.10"}),
        ("out.shop.svc.cluster.local", "CNAME", {"www.example.org."}),
        ("dns-version.cluster.local", "TXT", {'"1.1.0"'}),
        ("cluster.local", "NS", {"ns.dns.cluster.local."}),
        ("ns.dns.cluster.local", "A", {"10.42.1.1"}),
    ],
)
def test_what_exists_is_answered(zone: Zone, name: str, kind: str, expected: set[str]) -> None:
    assert answers(zone, name, kind) == expected


def test_reverse_names_of_ipv6_addresses(zone: Zone) -> None:
    name = dns.reversename.from_address("fd00:43::10").to_text()
    assert answers(zone, name, "PTR") == {"web.shop.svc.cluster.local."}


def test_srv_of_a_headless_service_names_each_pod_and_brings_the_addresses(zone: Zone) -> None:
    message = ask(zone, "_http._tcp.db.shop.svc.cluster.local", "SRV")
    targets = {item.target.to_text() for rrset in message.answer for item in rrset}
    assert targets == {"db-0.db.shop.svc.cluster.local.", "10-42-1-7.db.shop.svc.cluster.local."}
    extra = {(rrset.name.to_text(), item.to_text()) for rrset in message.additional for item in rrset}
    assert ("db-0.db.shop.svc.cluster.local.", "10.42.1.5") in extra
    assert ("db-0.db.shop.svc.cluster.local.", "fd00:42:0:1::5") in extra


@pytest.mark.parametrize(
    ("name", "kind", "rcode"),
    [
        ("nothing.shop.svc.cluster.local", "A", dns.rcode.NXDOMAIN),
        ("db-1.db.shop.svc.cluster.local", "A", dns.rcode.NXDOMAIN),
        ("bad.shop.svc.cluster.local", "A", dns.rcode.NXDOMAIN),
        ("x.shop.pod.cluster.local", "A", dns.rcode.NXDOMAIN),
        ("9.9.43.10.in-addr.arpa", "PTR", dns.rcode.NXDOMAIN),
        ("web.shop.svc.cluster.local", "MX", dns.rcode.NOERROR),
        ("empty.shop.svc.cluster.local", "A", dns.rcode.NOERROR),
        ("shop.svc.cluster.local", "A", dns.rcode.NOERROR),
        ("svc.cluster.local", "A", dns.rcode.NOERROR),
        ("10-42-9-9.shop.pod.cluster.local", "AAAA", dns.rcode.NOERROR),
    ],
)
def test_what_does_not_exist_is_denied_for_five_seconds(
    zone: Zone, name: str, kind: str, rcode: dns.rcode.Rcode
) -> None:
    message = ask(zone, name, kind)
    assert message.rcode() == rcode
    assert message.answer == []
    (soa,) = message.authority
    assert soa.name.to_text() == "cluster.local."
    assert (soa.ttl, soa[0].minimum) == (5, 5)


@pytest.mark.parametrize("name", ["example.org", "local", "xcluster.local", "4.3.2.1.in-addr.arpa", "."])
def test_other_names_are_for_the_hosts_servers(zone: Zone, name: str) -> None:
    answer = respond(zone, dns.message.make_query(name, "A").to_wire(), tcp=False)
    assert isinstance(answer, Upstream)
    message = dns.message.from_wire(failure(answer))
    assert message.rcode() == dns.rcode.SERVFAIL


def test_the_target_outside_of_an_external_name_is_resolved_with_it(zone: Zone) -> None:
    query = dns.message.make_query("out.shop.svc.cluster.local", "A", use_edns=True)
    waiting = respond(zone, query.to_wire(), tcp=False)
    assert isinstance(waiting, Upstream)
    question = dns.message.from_wire(alias_question(waiting, 7))
    assert question.question[0].to_text() == "www.example.org. IN A"
    upstream = dns.message.make_response(question)
    upstream.answer = [
        dns.rrset.from_text("www.example.org.", 300, "IN", "CNAME", "edge.example.org."),
        dns.rrset.from_text("edge.example.org.", 300, "IN", "A", "192.0.2.80", "192.0.2.81"),
    ]
    message = dns.message.from_wire(finish_alias(waiting, upstream.to_wire()))
    assert query.is_response(message)
    assert message.resolve_chaining().canonical_name.to_text() == "edge.example.org."
    assert {item.to_text() for item in message.resolve_chaining().answer} == {"192.0.2.80", "192.0.2.81"}
    assert dns.message.from_wire(finish_alias(waiting, b"garbage")).rcode() == dns.rcode.SERVFAIL


def test_an_alias_of_itself_ends_in_servfail(zone: Zone) -> None:
    assert ask(zone, "loop.shop.svc.cluster.local").rcode() == dns.rcode.SERVFAIL


def test_addresses_take_turns_being_first(zone: Zone) -> None:
    firsts = {ask(zone, "db.shop.svc.cluster.local").answer[0][0].to_text() for _ in range(50)}
    assert firsts == {"10.42.1.5", "10.42.1.7"}


def test_an_answer_too_long_for_a_datagram_is_truncated() -> None:
    entries = [{"addresses": [f"10.42.{index // 200}.{index % 200 + 2}"]} for index in range(100)]
    large = ZoneBuilder().build(SERVICES, group_slices([make_slice("db", *entries)]), frozenset(), CONFIG, [])
    for options in ({"use_edns": False}, {"payload": 4096}, {"payload": 100}):
        message = ask(large, "db.shop.svc.cluster.local", **options)
        assert message.flags & dns.flags.TC
        assert message.answer == []
    query = dns.message.make_query("db.shop.svc.cluster.local", "A")
    reply = respond(large, query.to_wire(), tcp=True)
    assert isinstance(reply, bytes)
    assert len(dns.message.from_wire(reply).answer[0]) == 100


def test_edns_is_answered_with_edns_and_unknown_versions_are_refused(zone: Zone) -> None:
    assert ask(zone, "web.shop.svc.cluster.local", use_edns=0).edns == 0
    assert ask(zone, "web.shop.svc.cluster.local", use_edns=False).edns == -1
    assert ask(zone, "web.shop.svc.cluster.local", use_edns=1).rcode() == dns.rcode.BADVERS


def test_what_is_no_ordinary_query_is_refused(zone: Zone) -> None:
    update = dns.message.make_query("web.shop.svc.cluster.local", "A")
    update.set_opcode(dns.opcode.NOTIFY)
    chaos = dns.message.make_query("version.bind", "TXT", rdclass="CH")
    for query, rcode in ((update, dns.rcode.NOTIMP), (chaos, dns.rcode.REFUSED)):
        reply = respond(zone, query.to_wire(), tcp=False)
        assert isinstance(reply, bytes)
        assert dns.message.from_wire(reply, ignore_trailing=True).rcode() == rcode


def test_a_response_gets_no_answer(zone: Zone) -> None:
    response = dns.message.make_response(dns.message.make_query("web.shop.svc.cluster.local", "A"))
    assert respond(zone, response.to_wire(), tcp=False) is None
    assert respond(zone, b"\x00" * 11, tcp=False) is None
