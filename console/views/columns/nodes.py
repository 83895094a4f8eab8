"""Nodes, and hosts that may become some."""

from __future__ import annotations

from collections.abc import Callable

from common.api import ages, kinds, meta
from common.api.meta import Object
from console.views import amounts, status

from .column import AGE, LABELS, Column, Table, dim, number, state, text
from .used import bar, fullness, share_order


def address(node: Object, family: int) -> str:
    """The node's InternalIP of that IP family, or `-`."""
    found = ((node.get("status") or {}).get("addresses")) or ()
    internal = (str(a.get("address", "")) for a in found if a.get("type") == "InternalIP")
    return next((a for a in internal if (":" in a) == (family == 6)), "-")


def _capacity(resource: str) -> Callable[[Object], str]:
    return lambda node: amounts.amount(resource, amounts.allocatable(node).get(resource))


def _node_info(field: str) -> Callable[[Object], str]:
    return lambda node: str(((node.get("status") or {}).get("nodeInfo") or {}).get(field) or "-")


def _taints(node: Object) -> int:
    return len((node.get("spec") or {}).get("taints") or ())


NODE_COLUMNS = (
    text("NAME", meta.name, flexible=True, least=12, letter="N"),
    state("STATUS", status.node_status, letter="S", least=26),
    number("TAINTS", _taints, drop=7, tone=dim),
    text("CPU", bar("cpu"), right=True, drop=2, letter="C", sort=share_order("cpu"), tone=fullness("cpu")),
    text("MEM", bar("memory"), right=True, drop=2, letter="M", sort=share_order("memory"), tone=fullness("memory")),
    text("CPUS", _capacity("cpu"), right=True, drop=6, tone=dim),
    text("MEMORY", _capacity("memory"), right=True, drop=6, tone=dim),
    text("PODS", _capacity("pods"), right=True, drop=6, tone=dim),
    text("IPV4", lambda node: address(node, 4), drop=4, letter="I"),
    text("IPV6", lambda node: address(node, 6), drop=5),
    text("VERSION", _node_info("kubeletVersion"), drop=8, tone=dim),
    AGE,
    text("ENGINE", _node_info("containerRuntimeVersion"), wide=True, drop=9, tone=dim),
    text("OS", _node_info("osImage"), wide=True, drop=9, tone=dim),
    LABELS,
)


def _host(field: str) -> Callable[[Object], str]:
    return lambda host: str((host.get("status") or {}).get(field) or "-")


def _host_address(family: int) -> Callable[[Object], str]:
    def value(host: Object) -> str:
        found = (host.get("status") or {}).get("addresses") or ()
        return next((str(a) for a in found if (":" in str(a)) == (family == 6)), "-")

    return value


def _host_memory(host: Object) -> str:
    value = (host.get("status") or {}).get("memory")
    return amounts.amount("memory", amounts.parsed(value))


def _fingerprint(host: Object) -> str:
    return amounts.fingerprint(_host("fingerprint")(host))


HOST_COLUMNS = (
    text("NAME", meta.name, flexible=True, least=12, letter="N"),
    state("PHASE", status.host_status, letter="S"),
    text("IPV4", _host_address(4), drop=2, letter="I"),
    text("IPV6", _host_address(6), drop=5),
    text("CPU", _host("cpu"), right=True, drop=4, letter="C"),
    text("MEMORY", _host_memory, right=True, drop=4, letter="M"),
    text("ENGINE", _host("engine"), drop=6, tone=dim),
    text("ARCH", _host("arch"), drop=8, tone=dim),
    text("FINGERPRINT", _fingerprint, drop=3, tone=dim),
    Column("SEEN", lambda host, now: ages.since((host.get("status") or {}).get("lastSeen"), now),
           right=True, live=True, drop=7, tone=dim),
    text("NODE", _host("nodeName"), wide=True, drop=9),
)  # fmt: skip

TABLES = {
    kinds.NODES: Table(NODE_COLUMNS, status.node_status),
    kinds.HOSTS: Table(HOST_COLUMNS, status.host_status),
}
