"""Which distribution package has each program that a node needs, and why it needs it. Data and pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """`program` is what must be there, by any means; `package` is what brings it on Debian and Ubuntu."""

    program: str
    package: str
    why: str


NEEDS = (
    Need("dockerd", "docker.io", "runs the containers"),
    Need("nft", "nftables", "carries the Services' addresses"),
    Need("iptables", "iptables", "opens the way through the engine's own firewall"),
    Need("ip", "iproute2", "shows routes and addresses"),
    Need("haproxy", "haproxy", "balances HTTP"),
    Need("conntrack", "conntrack", "forgets the connections of endpoints that are gone"),
    Need("busybox-static", "busybox-static", "is what the example's image is made of"),
)
OF_A_NODE = tuple(need for need in NEEDS if need.program != "busybox-static")
"""Without the one that only the example needs."""
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""sbin is not on every user's PATH."""

SUPPORTED = frozenset({"debian", "ubuntu"})


def missing(present: Iterable[str], needs: Iterable[Need] = NEEDS) -> list[Need]:
    """What is lacking, given the programs that are there."""
    there = set(present)
    return [need for need in needs if need.program not in there]


def is_supported(os_release: dict[str, str]) -> bool:
    """Debian, Ubuntu or something made from them (ID_LIKE)."""
    return bool(SUPPORTED & {os_release.get("ID", ""), *os_release.get("ID_LIKE", "").split()})


def parse_os_release(text: str) -> dict[str, str]:
    """os-release(5): KEY=value lines, values perhaps quoted."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}
