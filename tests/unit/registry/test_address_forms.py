"""How addresses and ranges may be written."""

from __future__ import annotations

import pytest

from common.api.kinds import NETWORKPOLICIES
from common.api.meta import Object
from console.registry.kinds import address_forms

from .builders import causes, changed, created, named, update_causes

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
