"""Which endpoints a Service leads to, as kube-proxy decides."""

from __future__ import annotations

from typing import Any

import pytest

from nodeagent.network.memo import Memo
from nodeagent.network.services import Endpoint, ServicePort, View, group_slices, service_ports

VIEW = View("node-1", ((4, "10.42.1.1"), (6, "fd00:42:0:1::1")))


def make_service(name: str = "web", **spec: Any) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080}]
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIPs": ["10.43.0.10", "fd00::10"], "ports": ports, **spec},
    }


def make_slice(*endpoints: dict[str, Any], family: str = "IPv4", service: str = "web", **rest: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-1", "namespace": "default", "labels": {"kubernetes.io/service-name": service}},
        "addressType": family,
        "endpoints": list(endpoints),
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        **rest,
    }


def entry(address: str, node: str = "node-1", **conditions: bool) -> dict[str, Any]:
    return {"addresses": [address], "nodeName": node, "conditions": conditions}


def ports(service: dict[str, Any], *slices: dict[str, Any], view: View = VIEW, version: int = 4) -> list[ServicePort]:
    return service_ports([service], group_slices(slices), version, view, Memo())


def addresses(service: dict[str, Any], *slices: dict[str, Any], view: View = VIEW) -> list[str]:
    return [endpoint.address for port in ports(service, *slices, view=view) for endpoint in port.endpoints]


@pytest.mark.parametrize("label", ["service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless"])
def test_a_service_that_is_left_to_another_proxy_has_no_ports_here(label: str) -> None:
    service, found = make_service(), make_slice(entry("10.42.1.5"))
    service["metadata"]["labels"] = {"app": "web"}
    assert addresses(service, found) == ["10.42.1.5"]
    service["metadata"]["labels"][label] = ""
    assert ports(service, found) == []


def test_ready_endpoints_of_the_family_are_taken_from_all_slices() -> None:
    found = ports(
        make_service(),
        make_slice(entry("10.42.2.5", "node-2"), entry("10.42.1.5", ready=True)),
        make_slice(entry("10.42.1.6")),
        make_slice(entry("fd00:42::5"), family="IPv6"),
        make_slice(entry("10.42.1.9"), service="other"),
    )
    assert len(found) == 1
    assert found[0].name == "default/web:http/tcp"
    assert found[0].endpoints == (
        Endpoint("10.42.1.5", 8080, local=True),
        Endpoint("10.42.1.6", 8080, local=True),
        Endpoint("10.42.2.5", 8080, local=False),
    )
    assert found[0].node_port == 30080


def test_serving_terminating_endpoints_count_only_when_none_is_ready() -> None:
    draining = entry("10.42.1.5", ready=False, serving=True, terminating=True)
    dead = entry("10.42.1.6", ready=False, serving=False, terminating=True)
    starting = entry("10.42.1.7", ready=False, serving=True, terminating=False)
    assert addresses(make_service(), make_slice(draining, dead, starting)) == ["10.42.1.5"]
    assert addresses(make_service(), make_slice(draining, entry("10.42.1.8"))) == ["10.42.1.8"]


def test_addresses_known_to_be_unready_are_left_out_even_when_nothing_remains() -> None:
    view = View("node-1", (), frozenset({"10.42.1.5"}))
    assert addresses(make_service(), make_slice(entry("10.42.1.5"), entry("10.42.1.6")), view=view) == ["10.42.1.6"]
    assert addresses(make_service(), make_slice(entry("10.42.1.5")), view=view) == []


def test_a_service_that_publishes_unready_pods_ignores_what_nodes_know() -> None:
    view = View("node-1", (), frozenset({"10.42.1.5"}))
    service = make_service(publishNotReadyAddresses=True)
    assert addresses(service, make_slice(entry("10.42.1.5", ready=True)), view=view) == ["10.42.1.5"]


@pytest.mark.parametrize("spec", [{"clusterIPs": ["None"]}, {"type": "ExternalName"}, {"clusterIPs": []}])
def test_services_without_virtual_address_have_no_ports_here(spec: dict[str, Any]) -> None:
    assert ports(make_service(**spec), make_slice(entry("10.42.1.5"))) == []


def test_the_api_service_leads_to_the_tunnel_of_this_node() -> None:
    service = make_service("kubernetes")
    stray = make_slice(entry("192.0.2.1"), service="kubernetes")
    assert ports(service, stray)[0].endpoints == (Endpoint("10.42.1.1", 6444, local=True),)
    assert ports(service, stray, version=6)[0].endpoints == (Endpoint("fd00:42:0:1::1", 6444, local=True),)
    assert ports(service, stray, view=View("node-1", ()))[0].endpoints == ()


def test_ports_are_matched_by_name_and_protocol_and_sctp_is_left_out() -> None:
    spec_ports = [
        {"name": "http", "port": 80},
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "sig", "port": 99, "protocol": "SCTP"},
    ]
    slice_ports = [{"name": "dns", "port": 5353, "protocol": "UDP"}, {"name": "http", "port": 8080}]
    found = ports(make_service(ports=spec_ports), make_slice(entry("10.42.1.5"), ports=slice_ports))
    assert [(port.protocol, port.port, port.endpoints[0].port) for port in found] == [
        ("udp", 53, 5353),
        ("tcp", 80, 8080),
    ]


def test_policies_affinity_and_outside_addresses_are_read() -> None:
    service = make_service(
        sessionAffinity="ClientIP",
        internalTrafficPolicy="Local",
        externalTrafficPolicy="Local",
        externalIPs=["203.0.113.5", "fd00::5"],
        loadBalancerSourceRanges=["198.51.100.0/24"],
    )
    service["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.6"}, {"ip": "203.0.113.7", "ipMode": "Proxy"}]}}
    (found,) = ports(service)
    assert (found.affinity_seconds, found.internal_local, found.external_local) == (10800, True, True)
    assert found.external_ips == ("203.0.113.5",)
    assert found.balancer_ips == ("203.0.113.6",)
    assert found.source_ranges == ("198.51.100.0/24",)


def test_source_ranges_of_the_other_family_admit_nobody_rather_than_everybody() -> None:
    (found,) = ports(make_service(loadBalancerSourceRanges=["198.51.100.0/24"]), version=6)
    assert found.source_ranges == ()
    (found,) = ports(make_service(), version=6)
    assert found.source_ranges is None


def test_what_is_no_address_is_left_out() -> None:
    assert addresses(make_service(), make_slice(entry("pod.example"), entry("10.42.1.5"))) == ["10.42.1.5"]


def test_weights_come_with_the_slice_and_zero_takes_an_endpoint_out() -> None:
    item = make_slice(entry("10.42.1.5"), entry("10.42.1.6"), entry("10.42.1.7"))
    item["metadata"]["annotations"] = {"quarterdeck.io/weights": '{"10.42.1.5":0,"10.42.1.6":50}'}
    (port,) = ports(make_service(), item)
    assert [(endpoint.address, endpoint.weight) for endpoint in port.endpoints] == [
        ("10.42.1.6", 50),
        ("10.42.1.7", 100),
    ]
    item["metadata"]["annotations"] = {"quarterdeck.io/weights": "damaged"}
    assert len(ports(make_service(), item)[0].endpoints) == 3


def hinted(address: str, node: str = "", zone: str = "") -> dict[str, Any]:
    hints = {"forNodes": [{"name": node}] if node else [], "forZones": [{"name": zone}] if zone else []}
    return {**entry(address, ready=True), "hints": {field: value for field, value in hints.items() if value}}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([hinted("10.42.1.5", "node-1", "a"), hinted("10.42.1.6", "node-2", "a")], ["10.42.1.5"]),
        ([hinted("10.42.1.5", "node-3", "a"), hinted("10.42.1.6", "node-2", "b")], ["10.42.1.5"]),
        ([hinted("10.42.1.5", zone="b"), hinted("10.42.1.6", zone="c")], ["10.42.1.5", "10.42.1.6"]),
        ([hinted("10.42.1.5", zone="a"), hinted("10.42.1.6")], ["10.42.1.5", "10.42.1.6"]),
        ([hinted("10.42.1.5", "node-1"), hinted("10.42.1.6")], ["10.42.1.5", "10.42.1.6"]),
    ],
)
def test_endpoints_meant_for_this_node_or_zone_are_preferred(
    entries: list[dict[str, Any]], expected: list[str]
) -> None:
    assert addresses(make_service(), make_slice(*entries), view=View("node-1", (), zone="a")) == expected


def test_a_drained_endpoint_is_nobodys_nearest() -> None:
    slice_ = make_slice(hinted("10.42.1.5", "node-1"), hinted("10.42.1.6", "node-2"))
    slice_["metadata"]["annotations"] = {"quarterdeck.io/weights": '{"10.42.1.5":0}'}
    assert addresses(make_service(), slice_) == ["10.42.1.6"]
