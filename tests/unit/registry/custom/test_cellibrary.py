"""Functions of Kubernetes' own libraries for expressions."""

from __future__ import annotations

import pytest

from console.registry.custom import celfunctions


@pytest.mark.parametrize(
    "text",
    [
        "'abc'.indexOf('b')==1",
        "'123 abc'.findAll('[0-9]',2)==['1','2']",
        "'123'.findAll('[0-9]')==['1','2','3']",
        "url('https://user:p@example.com:80/path?query=val&query=2#f').getQuery()['query'].size()==2",
        "quantity('1.5').isInteger()==false",
        "quantity('50M').sign()==1",
        "quantity('50k').add(quantity('20'))==quantity('50020')",
        "quantity('50k').add(20)==quantity('50020')",
        "quantity('50k').sub(quantity('50k'))==quantity('0')",
        "quantity('50k').sub(20).compareTo(quantity('49980'))==0",
        "quantity('200M').isLessThan(quantity('1G'))",
        "ip.isCanonical('127.0.0.1')",
        "!ip.isCanonical('::0001')",
        "ip('0.0.0.0').isUnspecified()",
        "ip('224.0.0.1').isLinkLocalMulticast()",
        "ip('ff02::1').isLinkLocalMulticast()",
        "ip('169.254.1.1').isLinkLocalUnicast()",
        "ip('8.8.8.8').isGlobalUnicast()",
        "ip('10.0.0.1').isGlobalUnicast()",
        "!ip('127.0.0.1').isGlobalUnicast()",
        "cidr('192.168.0.0/24').containsCIDR('192.168.0.0/25')",
        "cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.0/25'))",
        "!cidr('192.168.0.0/24').containsCIDR('192.168.0.0/23')",
        "!cidr('::/0').containsCIDR('10.0.0.0/8')",
        "cidr('192.168.0.1/24').ip()==ip('192.168.0.1')",
        "cidr('192.168.0.1/24').masked()==cidr('192.168.0.0/24')",
        "cidr('10.0.0.0/8').ip().family()==4",
        "semver('1.2.3').isLessThan(semver('1.2.4'))",
        "semver('1.10.0').isGreaterThan(semver('1.9.0'))",
        "semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))",
        "semver('1.0.0-rc.2').isLessThan(semver('1.0.0-rc.10'))",
        "semver('1.2.3').major()==1",
        "semver('1.2.3').patch()==3",
        "isSemver('1.2')==false",
        "isSemver('1.2.3-a+b')",
        "semver('v1.2',true).minor()==2",
        "isSemver('v1.0',true)",
        "!isSemver('v1.0', false)",
        "semver('1.2.3').compareTo(semver('1.2.3'))==0",
        "sets.contains([1,2],[1])",
        "!sets.contains([1],[1,2])",
        "sets.equivalent([1,2],[2,1,1])",
        "sets.intersects([1],[1,2])",
        "!sets.intersects([1],[2])",
    ],
)
def test_what_holds(text: str) -> None:
    assert celfunctions.environment().compile(text).eval(data={}).value() is True


@pytest.mark.parametrize(
    "text",
    ["semver('1.2')", "quantity('many').sign() == 1", "cidr('1.2.3.4/40').masked()", "'1.2'.major() == 1",
     "quantity('1').add('x')", "ip('1.2.3').isUnspecified()"],
)  # fmt: skip
def test_what_means_nothing_is_an_error(text: str) -> None:
    found = celfunctions.environment().compile(text).eval(data={})
    assert found.type().name().upper() == "ERROR"
