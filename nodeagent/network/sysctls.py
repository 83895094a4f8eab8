"""The kernel settings that a node needs, read and written under /proc/sys."""

from __future__ import annotations

import logging
from pathlib import Path

from .errors import NetworkFailure

log = logging.getLogger(__name__)
ROOT = Path("/proc/sys/net")


def enable_forwarding(versions: list[int]) -> None:
    """Forward IPv4 and IPv6 between interfaces. Blocking, a few microseconds.

    A host that forwards IPv6 stops taking its own address and routes from router advertisements unless accept_ra is
    2, so every interface that takes them now (1) is told to go on first.
    """
    if 4 in versions:
        _write(ROOT / "ipv4/ip_forward", "1")
    switch = ROOT / "ipv6/conf/all/forwarding"
    if 6 not in versions or (switch.exists() and switch.read_text().strip() == "1"):
        return
    for interface in (ROOT / "ipv6/conf").glob("*/accept_ra"):
        if interface.read_text().strip() == "1":
            _write(interface, "2")
    _write(switch, "1")


def bridge_sees_ip(version: int) -> bool:
    """Whether packets that a bridge only passes on go through the IP tables too (br_netfilter)."""
    name = "bridge-nf-call-iptables" if version == 4 else "bridge-nf-call-ip6tables"
    try:
        return (ROOT / "bridge" / name).read_text().strip() == "1"
    except FileNotFoundError:
        return False


def _write(path: Path, value: str) -> None:
    try:
        if path.read_text().strip() != value:
            path.write_text(value)
            log.info("set %s to %s", path, value)
    except FileNotFoundError:
        raise NetworkFailure(f"{path} does not exist: the kernel of this host lacks that address family") from None
    except OSError as error:
        name = str(path.relative_to("/proc/sys")).replace("/", ".")
        raise NetworkFailure(
            f"{path} cannot be set to {value} ({error.strerror}): run sysctl -w {name}={value}"
        ) from error


def enable_hairpin(bridge: str) -> None:
    """Let every port of the bridge send a packet back where it came from: a pod that reaches itself through a Service
    needs it where br_netfilter rewrites bridged packets."""
    for port in Path(f"/sys/class/net/{bridge}/brif").glob("*/hairpin_mode"):
        try:
            if port.read_text().strip() != "1":
                port.write_text("1")
        except OSError as error:  # the port's container may have gone meanwhile
            log.debug("hairpin mode of %s not set: %s", port, error)
