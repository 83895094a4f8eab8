"""Services: families, addresses and node ports, alone and beside others."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import settings
from common.api.meta import Object
from common.settings import ClusterConfig
from console.registry.kinds import addresses

from .builders import (
    DUAL,
    SERVICES,
    SINGLE,
    Objects,
    causes,
    changed,
    context,
    created,
    named,
    row,
    service,
    update_causes,
    updated,
)

USED = "provided IP is already allocated"
V6_ONLY = ClusterConfig(service_cidrs=("fd00:43::/112",), uid="u")


def spec_of(config: ClusterConfig, **spec: object) -> Object:
    found: Object = created(SERVICES, service(**spec), context(config=config))["spec"]
    return found


def test_defaults_are_the_documented_ones() -> None:
    found = created(SERVICES, service())
    spec = found["spec"]
    address = spec.pop("clusterIP")
    assert ip_address(address) in ip_network("10.43.0.0/16")
    assert spec == {
        "type": "ClusterIP",
        "selector": {"app": "web"},
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "clusterIPs": [address],
    }
    assert found["status"] == {"loadBalancer": {}}


@pytest.mark.parametrize(
    ("config", "asked", "families", "policy"),
    [
        (SINGLE, {}, ["IPv4"], "SingleStack"),
        (DUAL, {}, ["IPv4"], "SingleStack"),
        (V6_ONLY, {}, ["IPv6"], "SingleStack"),
        (DUAL, {"ipFamilies": ["IPv6"]}, ["IPv6"], "SingleStack"),
        (SINGLE, {"ipFamilyPolicy": "PreferDualStack"}, ["IPv4"], "PreferDualStack"),
        (DUAL, {"ipFamilyPolicy": "PreferDualStack"}, ["IPv4", "IPv6"], "PreferDualStack"),
        (DUAL, {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6"]}, ["IPv6", "IPv4"], "PreferDualStack"),
        (DUAL, {"ipFamilyPolicy": "RequireDualStack"}, ["IPv4", "IPv6"], "RequireDualStack"),
        (DUAL, {"ipFamilies": ["IPv6", "IPv4"]}, ["IPv6", "IPv4"], "RequireDualStack"),
        (DUAL, {"clusterIP": "fd00:43::99"}, ["IPv6"], "SingleStack"),
        (DUAL, {"clusterIPs": ["fd00:43::99", "10.43.0.99"]}, ["IPv6", "IPv4"], "RequireDualStack"),
    ],
)
def test_families_follow_request_and_cluster(
    config: ClusterConfig, asked: Object, families: list[str], policy: str
) -> None:
    spec = spec_of(config, **asked)
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (families, policy)
    assert [f"IPv{ip_address(address).version}" for address in spec["clusterIPs"]] == families
    assert spec["clusterIP"] == spec["clusterIPs"][0]


@pytest.mark.parametrize(
    ("config", "asked", "expected"),
    [
        (SINGLE, {"ipFamilyPolicy": "RequireDualStack"}, "this cluster is not configured for dual-stack services"),
        (SINGLE, {"ipFamilies": ["IPv6"]}, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'),
        (
            DUAL,
            {"ipFamilies": ["IPv9"]},
            'spec.ipFamilies[0]: Unsupported value: "IPv9": supported values: "IPv4", "IPv6"',
        ),
        (DUAL, {"ipFamilies": ["IPv4", "IPv4"]}, 'spec.ipFamilies[1]: Duplicate value: "IPv4"'),
        (DUAL, {"ipFamilyPolicy": "Both"}, 'spec.ipFamilyPolicy: Unsupported value: "Both"'),
        (
            DUAL,
            {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4", "IPv6"]},
            "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
        ),
        (DUAL, {"ipFamilies": ["IPv4"], "clusterIP": "fd00:43::9"}, "expected an IPv4 value as indicated by"),
        (DUAL, {"clusterIP": "10.99.0.1"}, "is not in the valid range. The range of valid IPs is 10.43.0.0/16"),
        (DUAL, {"clusterIP": "ten"}, 'spec.clusterIPs[0]: Invalid value: "ten": must be a valid IP address'),
        (DUAL, {"clusterIPs": ["10.43.0.9"], "clusterIP": "10.43.0.8"}, "first value must match `clusterIP`"),
        (DUAL, {"ports": []}, "spec.ports: Required value"),
        (DUAL, {"ports": [{"port": 0}]}, "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535"),
        (DUAL, {"ports": [{"port": 1}, {"port": 2}]}, "spec.ports[0].name: Required value"),
        (DUAL, {"ports": [{"port": 1, "name": "a"}] * 2}, 'spec.ports[1].name: Duplicate value: "a"'),
        (
            DUAL,
            {"ports": [{"port": 1, "name": "a"}] * 2},
            'spec.ports[1]: Duplicate value: {"port":1,"protocol":"TCP"}',
        ),
        (DUAL, {"ports": [{"port": 1, "protocol": "ICMP"}]}, 'spec.ports[0].protocol: Unsupported value: "ICMP"'),
        (DUAL, {"ports": [{"port": 1, "targetPort": "Web"}]}, 'spec.ports[0].targetPort: Invalid value: "Web"'),
        (DUAL, {"ports": [{"port": 1, "nodePort": 30000}]}, "nodePort: Forbidden: may not be used when `type` is"),
        (DUAL, {"type": "Other"}, 'spec.type: Unsupported value: "Other"'),
        (DUAL, {"type": "NodePort", "clusterIP": "None"}, "may not be set to 'None' for NodePort services"),
        (DUAL, {"type": "ExternalName"}, "spec.externalName: Required value"),
        (DUAL, {"sessionAffinity": "Cookie"}, 'spec.sessionAffinity: Unsupported value: "Cookie"'),
        (DUAL, {"externalTrafficPolicy": "Local"}, "may only be set for externally-accessible services"),
        (DUAL, {"externalIPs": ["127.0.0.1"]}, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (DUAL, {"selector": {"a": "b c"}}, "spec.selector: Invalid value"),
        (
            DUAL,
            {"type": "NodePort", "ports": [{"port": 1, "nodePort": 80}]},
            "provided port is not in the valid range. The range of valid ports is 30000-32767",
        ),
    ],
)
def test_a_wrong_service_is_refused(config: ClusterConfig, asked: Object, expected: str) -> None:
    assert expected in "\n".join(causes(SERVICES, service(**asked), context(config=config)))


def test_a_name_starts_with_a_letter() -> None:
    assert "a DNS-1035 label" in causes(SERVICES, service("1web"))[0]


def test_headless_services_have_no_address() -> None:
    spec = spec_of(DUAL, clusterIP="None")
    assert (spec["clusterIP"], spec["clusterIPs"], spec["ipFamilies"]) == ("None", ["None"], ["IPv4"])
    free = created(SERVICES, named("free", spec={"clusterIP": "None"}))["spec"]
    assert (free["ipFamilies"], free["ipFamilyPolicy"]) == (["IPv4", "IPv6"], "RequireDualStack")


def test_an_external_name_has_neither_families_nor_addresses() -> None:
    spec = created(SERVICES, named("x", spec={"type": "ExternalName", "externalName": "example.com"}))["spec"]
    assert spec == {"type": "ExternalName", "externalName": "example.com", "sessionAffinity": "None"}


def test_the_api_has_the_first_address() -> None:
    found = created(SERVICES, service("kubernetes", ipFamilyPolicy="PreferDualStack", selector=None))
    assert found["spec"]["clusterIPs"] == ["10.43.0.1", "fd00:43::1"]


def test_node_ports_are_given_and_kept() -> None:
    ports = [{"name": "tcp", "port": 53}, {"name": "udp", "port": 53, "protocol": "UDP"}, {"name": "x", "port": 80}]
    old = created(SERVICES, service(type="NodePort", ports=ports))
    numbers = [port["nodePort"] for port in old["spec"]["ports"]]
    assert all(number in settings.NODE_PORTS for number in numbers)
    assert numbers[0] == numbers[1] != numbers[2]
    assert old["spec"]["externalTrafficPolicy"] == "Cluster"
    again = updated(SERVICES, service(type="NodePort", ports=ports), old)
    assert again["spec"] == old["spec"]


def test_an_update_without_addresses_keeps_them() -> None:
    old = created(SERVICES, service(ipFamilyPolicy="PreferDualStack"))
    new = updated(SERVICES, service(sessionAffinity="ClientIP"), old)
    assert new["spec"]["clusterIPs"] == old["spec"]["clusterIPs"]
    assert new["spec"]["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}


def test_the_second_family_can_come_and_go() -> None:
    old = created(SERVICES, service())
    dual = updated(SERVICES, changed(old, "spec.ipFamilyPolicy", "RequireDualStack"), old)
    assert dual["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
    assert dual["spec"]["clusterIPs"][0] == old["spec"]["clusterIP"]
    single = updated(SERVICES, changed(dual, "spec.ipFamilyPolicy", "SingleStack"), dual)
    assert single["spec"]["ipFamilies"] == ["IPv4"]
    assert single["spec"]["clusterIPs"] == [old["spec"]["clusterIP"]]


def test_the_primary_address_and_family_never_change() -> None:
    old = created(SERVICES, service())
    other = changed(changed(old, "spec.clusterIP", "10.43.9.9"), "spec.clusterIPs", ["10.43.9.9"])
    assert update_causes(SERVICES, other, old) == [
        'spec.clusterIPs[0]: Invalid value: ["10.43.9.9"]: may not change once set'
    ]
    turned = changed(old, "spec.ipFamilies", ["IPv6"])
    assert any("spec.ipFamilies[0]" in cause for cause in update_causes(SERVICES, turned, old))


def test_a_headless_service_gets_no_address_by_the_older_field_alone() -> None:
    old = created(SERVICES, service(clusterIP="None"))
    assert update_causes(SERVICES, changed(old, "spec.clusterIP", "10.43.9.9"), old) == [
        'spec.clusterIPs[0]: Invalid value: ["10.43.9.9"]: may not change once set'
    ]


def test_a_change_of_type_leaves_nothing_behind() -> None:
    old = created(SERVICES, service(type="NodePort"))
    plain = updated(SERVICES, changed(old, "spec.type", "ClusterIP"), old)
    assert "nodePort" not in plain["spec"]["ports"][0]
    assert "externalTrafficPolicy" not in plain["spec"]
    alias = changed(changed(old, "spec.type", "ExternalName"), "spec.externalName", "example.com")
    spec = updated(SERVICES, alias, old)["spec"]
    assert {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}.isdisjoint(spec)


def test_addresses_and_ports_in_use_are_refused() -> None:
    objects = Objects()
    first = objects.put(SERVICES, created(SERVICES, service(type="NodePort"), context(objects)))
    address, port = first["spec"]["clusterIP"], first["spec"]["ports"][0]["nodePort"]
    taken = service("other", type="NodePort", clusterIP=address, ports=[{"port": 1, "nodePort": port}])
    assert causes(SERVICES, taken, context(objects)) == [
        f'spec.clusterIPs: Invalid value: ["{address}"]: failed to allocate IP {address}: {USED}',
        f"spec.ports[0].nodePort: Invalid value: {port}: provided port is already allocated",
    ]
    udp = [{"port": 1, "protocol": "UDP", "nodePort": port}]
    assert causes(SERVICES, service("udp", type="NodePort", ports=udp), context(objects)) == []


def test_a_full_range_is_told() -> None:
    objects, tiny = Objects(), ClusterConfig(service_cidrs=("10.43.0.0/29",), uid="u")
    where = context(objects, tiny)
    for index in range(5):
        objects.put(SERVICES, created(SERVICES, service(f"s{index}"), where))
    assert {item["spec"]["clusterIP"] for item in objects.items(SERVICES)} == {f"10.43.0.{n}" for n in range(2, 7)}
    assert "range is full" in causes(SERVICES, service("more"), where)[0]


def test_hundreds_of_services_share_nothing() -> None:
    objects = Objects()
    where = context(objects)
    for index in range(300):
        made = service(f"s{index}", type="NodePort", ipFamilyPolicy="RequireDualStack")
        objects.put(SERVICES, created(SERVICES, made, where))
    found = list(objects.items(SERVICES))
    assert len({address for item in found for address in item["spec"]["clusterIPs"]}) == 600
    assert len({item["spec"]["ports"][0]["nodePort"] for item in found}) == 300


@given(st.sets(st.integers(2, 254), max_size=253), st.text(max_size=8))
def test_a_free_address_is_in_range_and_free(used: set[int], seed: str) -> None:
    found = addresses.free_address("10.0.0.0/24", {f"10.0.0.{number}" for number in used}, seed)
    assert (found is None) == (len(used) == 253)
    if found is not None:
        assert addresses.is_in(found, "10.0.0.0/24")
        assert int(found.rpartition(".")[2]) not in {*used, 0, 1, 255}


@given(st.sets(st.integers(0, 9), max_size=10), st.text(max_size=8))
def test_a_free_port_is_free_for_all_protocols(used: set[int], seed: str) -> None:
    taken = {(number, "UDP") for number in used}
    found = addresses.free_node_port(range(10), taken, ("TCP", "UDP"), seed)
    assert (found is None) == (len(used) == 10)
    assert found not in used


def test_a_local_balancer_gets_a_port_for_health_checks_and_keeps_it() -> None:
    asked = service(type="LoadBalancer", externalTrafficPolicy="Local")
    made = created(SERVICES, asked)
    port = made["spec"]["healthCheckNodePort"]
    assert port in settings.NODE_PORTS
    assert port != made["spec"]["ports"][0]["nodePort"]
    assert updated(SERVICES, asked, made)["spec"]["healthCheckNodePort"] == port
    assert (
        "healthCheckNodePort"
        not in updated(SERVICES, changed(made, "spec.externalTrafficPolicy", "Cluster"), made)["spec"]
    )
    assert update_causes(SERVICES, changed(made, "spec.healthCheckNodePort", 32000), made) == [
        "spec.healthCheckNodePort: Forbidden: field is immutable"
    ]
    assert causes(SERVICES, service(type="NodePort", healthCheckNodePort=31000)) == [
        (
            "spec.healthCheckNodePort: Invalid value: 31000: may only be set when `type` is 'LoadBalancer' and "
            "`externalTrafficPolicy` is 'Local'"
        )
    ]


def test_the_class_of_a_balancer_is_for_ever() -> None:
    made = created(SERVICES, service(type="LoadBalancer", loadBalancerClass="example.com/lb"))
    assert update_causes(SERVICES, changed(made, "spec.loadBalancerClass", "example.com/other"), made) == [
        'spec.loadBalancerClass: Invalid value: "example.com/other": may not change once set'
    ]
    assert updated(SERVICES, service(type="ClusterIP"), made)["spec"]["type"] == "ClusterIP"


@pytest.mark.parametrize(
    ("kind", "entry", "expected"),
    [
        ("LoadBalancer", {"ip": "bad"}, "status.loadBalancer.ingress[0].ip: Invalid value"),
        ("LoadBalancer", {"hostname": "10.0.0.1"}, "must be a DNS name, not an IP address"),
        ("LoadBalancer", {"ip": "10.0.0.1", "ipMode": "Any"}, 'supported values: "Proxy", "VIP"'),
        ("ClusterIP", {"ip": "10.0.0.1"}, "may only be used when `spec.type` is"),
    ],
)
def test_a_wrong_place_of_a_load_balancer_is_refused(kind: str, entry: Object, expected: str) -> None:
    old = created(SERVICES, service(type=kind))
    new = changed(old, "status.loadBalancer", {"ingress": [entry]})
    assert expected in "\n".join(update_causes(SERVICES, new, old, "status"))


def test_what_an_ignored_field_is_said_about_and_what_not() -> None:
    warnings = row(SERVICES).warnings
    assert warnings(created(SERVICES, service(externalIPs=["192.0.2.1"]))) == []
    headless = service(clusterIP="None", externalIPs=["192.0.2.1"], sessionAffinity="ClientIP")
    assert warnings(created(SERVICES, headless)) == [
        "spec.externalIPs is ignored for headless services", "spec.SessionAffinity is ignored for headless services",
    ]  # fmt: skip
    hints = "service.kubernetes.io/topology-aware-hints"
    older = changed(service(trafficDistribution="PreferClose"), "metadata.annotations", {hints: "auto"})
    assert warnings(created(SERVICES, older)) == [
        f"annotation {hints} is deprecated, please use service.kubernetes.io/topology-mode instead",
        'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
    ]
    odd = service(type="LoadBalancer", externalName="a.b", externalIPs=["2001:DB8::1"],
                  loadBalancerSourceRanges=["2001:DB8::/64"])  # fmt: skip
    assert warnings(created(SERVICES, odd)) == [
        'spec.externalIPs[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
        (
            'spec.loadBalancerSourceRanges[0]: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format '
            '("2001:db8::/64")'
        ),
        'spec.externalName is ignored when spec.type is not "ExternalName"',
    ]


def test_traffic_distribution_is_one_of_three() -> None:
    assert causes(SERVICES, service(trafficDistribution="PreferSameZone")) == []
    (cause,) = causes(SERVICES, service(trafficDistribution="Near"))
    assert cause == (
        'spec.trafficDistribution: Unsupported value: "Near": '
        'supported values: "PreferClose", "PreferSameNode", "PreferSameZone"'
    )


def test_a_service_that_was_overtaken_on_its_way_says_so() -> None:
    objects = Objects()
    first = created(SERVICES, service("one", type="NodePort"), context(objects))
    row_of = row(SERVICES)
    assert not row_of.overtaken(first, context(objects))
    other = created(SERVICES, service("two"), context(objects))
    objects.put(SERVICES, other)
    assert not row_of.overtaken(first, context(objects))
    objects.put(SERVICES, changed(changed(other, "spec.clusterIPs", first["spec"]["clusterIPs"]), "metadata.name", "x"))
    assert row_of.overtaken(first, context(objects))
    taken = changed(
        other, "spec.ports", [{"port": 1, "protocol": "TCP", "nodePort": first["spec"]["ports"][0]["nodePort"]}]
    )
    objects = Objects()
    objects.put(SERVICES, taken)
    assert row_of.overtaken(first, context(objects))


def test_a_balancers_address_is_a_virtual_one_unless_it_says_otherwise() -> None:
    old = created(SERVICES, service(type="LoadBalancer"))
    entries = [{"ip": "203.0.113.1"}, {"hostname": "x.example"}, {"ip": "203.0.113.2", "ipMode": "Proxy"}]
    new = updated(SERVICES, {**old, "status": {"loadBalancer": {"ingress": entries}}}, old, "status")
    assert [entry.get("ipMode") for entry in new["status"]["loadBalancer"]["ingress"]] == ["VIP", None, "Proxy"]


def test_the_port_of_the_agents_is_not_for_load_balancers() -> None:
    found = causes(SERVICES, service(type="LoadBalancer", ports=[{"port": 10250}]))
    why = "may not expose port 10250 externally since it is used by kubelet"
    assert found == [f"spec.ports[0].port: Invalid value: 10250: {why}"]
