"""The kernel settings that a node needs, read and written under /proc/sys."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from .commands import CommandFailed, Runner
from .errors import NetworkFailure

log = logging.getLogger(__name__)
ROOT = Path("/proc/sys/net")
_TRACKED = {"nf_conntrack_tcp_timeout_established": 86400, "nf_conntrack_tcp_timeout_close_wait": 3600}
"""Seconds; the defaults of kube-proxy's configuration."""


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


def keep_connections() -> None:
    """Have TCP connections forgotten when kube-proxy has them forgotten. Blocking, a few microseconds.

    The kernel keeps established ones for five days, and forgets after a minute one that its server has left and its
    client has not: what the client then sends comes from nowhere, and is answered with a reset.
    """
    for name, seconds in _TRACKED.items():
        try:
            _write(ROOT / "netfilter" / name, str(seconds))
        except NetworkFailure as failure:
            log.warning("connections through Services are kept for other times than kube-proxy's: %s", failure)


def bridge_sees_ip(version: int, bridge: str) -> bool:
    """Whether packets that the bridge only passes on go through the IP tables too (br_netfilter): because all bridges'
    do, or this one's."""
    name = "bridge-nf-call-iptables" if version == 4 else "bridge-nf-call-ip6tables"
    try:
        everywhere = (ROOT / "bridge" / name).read_text().strip() == "1"
        return everywhere or _bridge_switch(version, bridge).read_text().strip() == "1"
    except FileNotFoundError:
        return False


async def show_bridged(version: int, bridge: str, runner: Runner) -> None:
    """Have that for this bridge alone; other bridges of the host stay as they are."""
    if not (ROOT / "bridge").exists():
        with contextlib.suppress(CommandFailed):  # the error below says what is missing
            await runner.run("modprobe", "br_netfilter")
    try:
        if not (ROOT / "bridge").exists():
            raise FileNotFoundError(f"{ROOT / 'bridge'} (kernel module br_netfilter)")
        _bridge_switch(version, bridge).write_text("1")
        log.info(
            "packets between pods of this node pass the tables from now on (IPv%s): NetworkPolicies need it", version
        )
    except OSError as error:
        log.warning("NetworkPolicies do not hold between pods of this node, run modprobe br_netfilter: %s", error)


def _bridge_switch(version: int, bridge: str) -> Path:
    name = "nf_call_iptables" if version == 4 else "nf_call_ip6tables"
    return Path(f"/sys/class/net/{bridge}/bridge") / name


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
