"""What is said of addresses and ranges that are oddly written."""

from __future__ import annotations

import pytest

from common.api.kinds import NETWORKPOLICIES
from console.registry.kinds import address_warnings

from .builders import named, row

SOON = "will be considered invalid in a future Kubernetes release"


@pytest.mark.parametrize("value", ["10.0.0.1", "2001:db8::1", "::", "none", ""])
def test_nothing_is_said_of_proper_addresses(value: str) -> None:
    assert list(address_warnings.address("at", value)) == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("::ffff:1.2.3.4", f'at: non-standard IP address "::ffff:1.2.3.4" {SOON}: use "1.2.3.4"'),
        ("2001:DB8:0::1", 'at: IPv6 address "2001:DB8:0::1" should be in RFC 5952 canonical format ("2001:db8::1")'),
    ],
)
def test_odd_addresses(value: str, told: str) -> None:
    assert list(address_warnings.address("at", value)) == [told]


@pytest.mark.parametrize("value", ["10.0.0.0/8", "0.0.0.0/0", "2001:db8::/64", "::/0", "none", ""])
def test_nothing_is_said_of_proper_ranges(value: str) -> None:
    assert list(address_warnings.block("at", value)) == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            "10.0.0.1/24",
            'at: CIDR value "10.0.0.1/24" is ambiguous in this context (should be "10.0.0.0/24" or "10.0.0.1/32"?)',
        ),
        (
            "2001:db8::1/64",
            (
                'at: CIDR value "2001:db8::1/64" is ambiguous in this context (should be "2001:db8::/64" or '
                '"2001:db8::1/128"?)'
            ),
        ),
        (
            "2001:DB8::/64",
            'at: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")',
        ),
    ],
)
def test_odd_ranges(value: str, told: str) -> None:
    assert list(address_warnings.block("at", value)) == [told]


def test_policies_are_warned_of() -> None:
    peer = {"ipBlock": {"cidr": "10.0.0.1/8", "except": ["2001:DB8::/64"]}}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [peer]}]}
    assert row(NETWORKPOLICIES).warnings(named("deny", spec=spec)) == [
        (
            'spec.egress[0].to[0].ipBlock.cidr: CIDR value "10.0.0.1/8" is ambiguous in this context '
            '(should be "10.0.0.0/8" or "10.0.0.1/32"?)'
        ),
        (
            'spec.egress[0].to[0].ipBlock.except[0]: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical '
            'format ("2001:db8::/64")'
        ),
    ]
