"""Kernel settings that engine and agent change, remembered and put back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROOT = Path("/proc/sys/net")
SWITCHES = (
    "ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv6/conf/default/forwarding",
    "netfilter/nf_conntrack_tcp_timeout_established", "netfilter/nf_conntrack_tcp_timeout_close_wait",
)  # fmt: skip


def snapshot() -> dict[str, str]:
    """The switches, and accept_ra of every interface that takes router advertisements (an agent raises it to 2)."""
    paths = [ROOT / name for name in SWITCHES]
    paths += [path for path in (ROOT / "ipv6/conf").glob("*/accept_ra") if _read(path) == "1"]
    return {str(path.relative_to(ROOT)): value for path in paths if (value := _read(path))}


def restore(before: dict[str, Any], *, engine_runs: bool) -> list[str]:
    """Put back what differs; returns what was. An engine that still runs keeps forwarding IPv4, which it needs."""
    changed = []
    for name, value in before.items():
        path = ROOT / name
        if _read(path) in {"", value} or (engine_runs and name == "ipv4/ip_forward"):
            continue
        try:
            path.write_text(str(value))
        except OSError:
            continue  # the interface is gone
        changed.append(name)
    return changed


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
