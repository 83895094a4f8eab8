"""How addresses and ranges may be written."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import (
    CRONJOBS,
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINTSLICES,
    INGRESSES,
    NETWORKPOLICIES,
    NODES,
    PODS,
    SERVICES,
    Resource,
)  # fmt: skip
from common.api.meta import Object
from console.registry.kinds import address_forms

from .builders import causes, changed, created, deployment, named, pod, service, update_causes

IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


@pytest.mark.parametrize("value", ["10.0.0.1", "0.0.0.0", "2001:db8::1", "2001:0DB8::0001", "::"])
def test_addresses(value: str) -> None:
    assert address_forms.ip("at", value) == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", IP), ("a", IP), ("10.0.0", IP), ("10.0.0.256", IP), ("fe80::1%eth0", IP), ("10.0.0.1/8", IP),
        ("010.0.0.1", "must not have leading 0s"),
        ("10.0.0.00", "must not have leading 0s"),
        ("::ffff:1.2.3.4", "must not be an IPv4-mapped IPv6 address"),
    ],
)  # fmt: skip
def test_what_is_no_address(value: str, problem: str) -> None:
    (cause,) = address_forms.ip("at", value)
    assert (cause.field, cause.message) == ("at", f'Invalid value: "{value}": {problem}')


@pytest.mark.parametrize("value", ["10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/32", "2001:0DB8::/64", "::/0"])
def test_ranges(value: str) -> None:
    assert address_forms.block("at", value) == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", CIDR), ("10.0.0.0", CIDR), ("10.0.0.0/", CIDR), ("10.0.0.0/33", CIDR), ("10.0.0.0/255.0.0.0", CIDR),
        ("10.0.0.0/+8", CIDR), ("fe80::%1/64", CIDR),
        ("010.0.0.0/8", "must not have leading 0s in IP or prefix length"),
        ("10.0.0.0/08", "must not have leading 0s in IP or prefix length"),
        ("::ffff:10.0.0.0/104", "must not have an IPv4-mapped IPv6 address"),
        ("10.0.0.1/8", "must not have bits set beyond the prefix length"),
        ("2001:db8::1/64", "must not have bits set beyond the prefix length"),
    ],
)  # fmt: skip
def test_what_is_no_range(value: str, problem: str) -> None:
    (cause,) = address_forms.block("at", value)
    assert (cause.field, cause.message) == ("at", f'Invalid value: "{value}": {problem}')


def policy(*ranges: str) -> Object:
    blocks = [{"ipBlock": {"cidr": cidr}} for cidr in ranges]
    return named("p", spec={"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": blocks}]})


def test_a_policy_keeps_the_ranges_that_it_had() -> None:
    bits = 'Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length'
    assert causes(NETWORKPOLICIES, policy("10.0.0.1/8")) == [f"spec.ingress[0].from[0].ipBlock.cidr: {bits}"]
    old = created(NETWORKPOLICIES, policy("10.0.0.0/8"))
    old["spec"] = policy("10.0.0.1/8")["spec"]
    new = changed(old, "spec", policy("10.0.0.1/8", "10.0.0.2/8")["spec"])
    bits = bits.replace("10.0.0.1", "10.0.0.2")
    assert update_causes(NETWORKPOLICIES, new, old) == [f"spec.ingress[0].from[1].ipBlock.cidr: {bits}"]


ZEROS = "010.1.2.3"
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
SLICE = {"addressType": "IPv4", "endpoints": [{"addresses": ["10.1.2.3"]}], "ports": []}
CRONJOB = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": deployment()["spec"]["template"]}}}
CRONJOB["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] = "Never"  # type: ignore[index]
ALIASES = [{"ip": ZEROS, "hostnames": ["a"]}]


@pytest.mark.parametrize(
    ("resource", "obj", "path", "value", "subresource"),
    [
        (SERVICES, service(), "spec.externalIPs", [ZEROS], ""),
        (SERVICES, service(), "spec.externalIPs", ["::ffff:1.2.3.4"], ""),
        (SERVICES, service(type="LoadBalancer"), "spec.loadBalancerSourceRanges", ["10.0.0.1/8"], ""),
        (SERVICES, service(type="LoadBalancer"), "status.loadBalancer.ingress", [{"ip": ZEROS}], "status"),
        (SERVICES, service(clusterIP="10.43.1.2"), "spec.clusterIPs", ["10.043.1.2"], ""),
        (INGRESSES, named("i", spec={"defaultBackend": BACKEND}), "status.loadBalancer.ingress", [{"ip": ZEROS}],
         "status"),
        (PODS, pod(), "spec.hostAliases", ALIASES, ""),
        (PODS, pod(), "spec.dnsConfig", {"nameservers": ["::ffff:1.2.3.4"]}, ""),
        (PODS, pod(), "status.podIPs", [{"ip": ZEROS}], "status"),
        (DEPLOYMENTS, deployment(), "spec.template.spec.hostAliases", ALIASES, ""),
        (CRONJOBS, named("c", spec=CRONJOB), "spec.jobTemplate.spec.template.spec.hostAliases", ALIASES, ""),
        (ENDPOINTS, named("e"), "subsets", [{"addresses": [{"ip": ZEROS}], "ports": []}], ""),
        (ENDPOINTSLICES, named("s", **SLICE), "endpoints", [{"addresses": [ZEROS]}], ""),
        (NODES, named("n"), "spec.podCIDRs", ["10.0.0.1/8"], ""),
    ],
)  # fmt: skip
def test_what_an_older_version_took_stays_as_it_is_written(
    resource: Resource, obj: Object, path: str, value: Any, subresource: str
) -> None:
    """New it is refused, and so is another value of its sort; unchanged it is no reason to refuse a change."""
    was = created(resource, obj)
    old = changed(was, path, value)
    if path == "spec.clusterIPs":
        old = changed(old, "spec.clusterIP", value[0])
    if path == "status.podIPs":
        old = changed(old, "status.podIP", value[0]["ip"])
    assert update_causes(resource, changed(old, "metadata.labels", {"a": "b"}), old, subresource) == []
    assert "must not" in " ".join(update_causes(resource, old, was, subresource))
