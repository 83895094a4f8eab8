"""The resolv.conf of pods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nodeagent.network.resolv import ResolvConf, for_pod, parse, read_host

HOST = ResolvConf(("192.0.2.53", "127.0.0.1"), ("lan.example",), ("rotate",))
SERVERS = ("10.42.1.1", "fd00:42:0:1::1")


def made(**spec: Any) -> str:
    pod = {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}
    return for_pod(pod, HOST, SERVERS, "cluster.local").render()


CLUSTER = (
    "nameserver 10.42.1.1\nnameserver fd00:42:0:1::1\n"
    "search shop.svc.cluster.local svc.cluster.local cluster.local lan.example\noptions ndots:5\n"
)
DEFAULT = "nameserver 192.0.2.53\nsearch lan.example\noptions rotate\n"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, CLUSTER),
        ({"dnsPolicy": "ClusterFirst", "hostNetwork": True}, DEFAULT),
        ({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True}, CLUSTER),
        ({"dnsPolicy": "Default"}, DEFAULT),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["9.9.9.9"]}}, "nameserver 9.9.9.9\n"),
    ],
)
def test_each_policy(spec: dict[str, Any], expected: str) -> None:
    assert made(**spec) == expected


def test_dns_config_adds_and_overrides() -> None:
    config = {
        "nameservers": ["10.42.1.1", "9.9.9.9", "8.8.8.8"],
        "searches": ["extra.example", "cluster.local"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
    }
    assert made(dnsConfig=config) == (
        "nameserver 10.42.1.1\nnameserver fd00:42:0:1::1\nnameserver 9.9.9.9\n"
        "search shop.svc.cluster.local svc.cluster.local cluster.local lan.example extra.example\n"
        "options ndots:2 edns0\n"
    )


def test_the_search_list_stays_within_its_limits() -> None:
    conf = parse(made(dnsConfig={"searches": [f"{'x' * 60}{index}.example" for index in range(100)]}))
    assert len(conf.searches) <= 32
    assert len(" ".join(conf.searches)) <= 2048


def test_a_pod_with_default_policy_on_a_host_with_a_stub_resolver_asks_us() -> None:
    host = ResolvConf(("127.0.0.1",))
    conf = for_pod({"spec": {"dnsPolicy": "Default"}}, host, SERVERS, "cluster.local")
    assert conf.nameservers == SERVERS


def test_parsing_takes_what_is_sound() -> None:
    text = "# comment\nnameserver 192.0.2.1 # here\nnameserver nonsense\nnameserver fe80::1%eth0\ndomain a\n"
    text += "search b. c ; d\noptions ndots:2\noptions edns0\nsortlist x\nnameserver\n"
    assert parse(text) == ResolvConf(("192.0.2.1", "fe80::1%eth0"), ("b", "c"), ("ndots:2", "edns0"))


def test_the_file_behind_systemds_stub_is_preferred(tmp_path: Path) -> None:
    stub, real = tmp_path / "stub", tmp_path / "real"
    stub.write_text("nameserver 127.0.0.53\nsearch stub.example\n")
    assert read_host([stub, real]).nameservers == ("127.0.0.53",)
    real.write_text("nameserver 192.0.2.1\n")
    assert read_host([stub, real]).nameservers == ("192.0.2.1",)
    stub.write_text("nameserver 192.0.2.2\n")
    assert read_host([stub, real]).nameservers == ("192.0.2.2",)
    assert read_host([tmp_path / "none"]) == ResolvConf()
