"""Nodes, hosts, namespaces, configuration and leases in words. A Secret's values never appear, only their sizes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime

from common.api.meta import Object
from console.views import amounts, status
from console.views.capacity import usage

from .lines import COLUMN, conditions, field, table
from .workloads import pods_table


def node(obj: Object, on_it: Sequence[Object], now: datetime) -> list[str]:
    """`on_it` are the pods bound to the node."""
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    info = state.get("nodeInfo") or {}
    lines = [
        field("Status", status.node_status(obj).word),
        field("Addresses", ", ".join(f"{a.get('type')} {a.get('address')}" for a in state.get("addresses") or ())),
        field("Pod Ranges", ", ".join(spec.get("podCIDRs") or ())),
        field("Taints", ", ".join(_taint(taint) for taint in spec.get("taints") or ())),
        field("Schedulable", "no (cordoned)" if spec.get("unschedulable") else "yes"),
        field("Agent", info.get("kubeletVersion")),
        field("Engine", info.get("containerRuntimeVersion")),
        field(
            "System",
            f"{info.get('osImage', '?')}, kernel {info.get('kernelVersion', '?')}, {info.get('architecture', '?')}",
        ),
        *conditions(obj, now),
    ]
    rows = [
        (
            item.resource,
            amounts.amount(item.resource, item.asked),
            amounts.amount(item.resource, item.offered),
            f"{item.percent}%",
            amounts.amount(item.resource, item.free),
        )
        for item in usage(obj, on_it)
    ]
    lines += ["Requested:", *table(("RESOURCE", "ASKED", "ALLOCATABLE", "SHARE", "FREE"), rows)]
    return lines + pods_table(on_it)


def _taint(taint: Object) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key')}{value}:{taint.get('effect')}"


def host(obj: Object) -> list[str]:
    state = obj.get("status") or {}
    return [
        field("Phase", state.get("phase")),
        field("Addresses", ", ".join(str(a) for a in state.get("addresses") or ())),
        field("Port", state.get("port")),
        field("Agent", state.get("agentVersion")),
        field("Engine", state.get("engine")),
        field("Architecture", state.get("arch")),
        field("CPU", state.get("cpu")),
        field("Memory", amounts.amount("memory", amounts.parsed(state.get("memory")))),
        field("Fingerprint", state.get("fingerprint")),
        field("Adopted By", state.get("adoptedBy")),
        field("Node", state.get("nodeName")),
        field("Last Seen", state.get("lastSeen")),
    ]


def configmap(obj: Object) -> list[str]:
    lines = ["Data:" if obj.get("data") or obj.get("binaryData") else field("Data", None)]
    for key, value in sorted((obj.get("data") or {}).items()):
        lines.append(f"  {key}: ({len(value.encode())} bytes)")
        lines += [f"    {line}" for line in value.splitlines()]
    lines += [
        f"  {key}: ({decoded_size(value)} bytes, binary)"
        for key, value in sorted((obj.get("binaryData") or {}).items())
    ]
    return lines


def secret(obj: Object) -> list[str]:
    lines = [field("Type", obj.get("type", "Opaque"))]
    data = obj.get("data") or {}
    lines.append("Data:" if data else field("Data", None))
    return lines + [f"  {key + ':':<{COLUMN - 2}}{decoded_size(value)} bytes" for key, value in sorted(data.items())]


def decoded_size(text: str) -> int:
    """Bytes behind a base64 text; what cannot be decoded counts as it is."""
    try:
        return len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return len(text)


def namespace(obj: Object) -> list[str]:
    return [field("Status", status.namespace_status(obj).word)]


def lease(obj: Object) -> list[str]:
    spec = obj.get("spec") or {}
    return [
        field("Holder", spec.get("holderIdentity")),
        field("Duration", f"{spec.get('leaseDurationSeconds', '?')} s"),
        field("Acquired", spec.get("acquireTime")),
        field("Renewed", spec.get("renewTime")),
        field("Transitions", spec.get("leaseTransitions", 0)),
    ]
