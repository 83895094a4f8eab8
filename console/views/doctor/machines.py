"""What is wrong with nodes: they are away, short of something, or cannot serve."""

from __future__ import annotations

from collections.abc import Iterator

from common.api import ingressnode
from common.api.kinds import NODES
from common.api.meta import Object

from .finding import Finding, Severity, of

_PRESSED = {
    "MemoryPressure": "move pods away (drain the node with r), or give them limits",
    "DiskPressure": "remove what fills the disk: unused images, logs, released volumes",
    "PIDPressure": "find the pod that starts so many processes (E: its events, s: a shell)",
    "NetworkUnavailable": "read what the agent says: `quarterdeck-agent status` on the host",
    "ClockSkewed": "set the host's clock, best by NTP: certificates and leases depend on it",
}
_PROXY = {
    ingressnode.MISSING: "install HAProxy on the host (`quarterdeck host upgrade`, or apt install haproxy)",
    ingressnode.FAILING: "mend what HAProxy complains about; until then the node serves no Ingress",
}


def of_node(node: Object) -> Iterator[Finding]:
    found = {item.get("type"): item for item in (node.get("status") or {}).get("conditions") or ()}
    ready = found.get("Ready") or {}
    if ready.get("status") != "True":
        word = "NodeNotReady" if ready.get("status") == "False" else "NodeLost"
        why = str(ready.get("message") or ready.get("reason") or "its agent was never heard")
        yield of(node, NODES, Severity.CRITICAL, word, why, _ready_advice(why), _since(ready))
    for kind, advice in _PRESSED.items():
        condition = found.get(kind) or {}
        if condition.get("status") == "True":
            why = str(condition.get("message") or condition.get("reason") or kind)
            yield of(node, NODES, Severity.WARNING, kind, why, advice, _since(condition))
    yield from _proxy(node, found.get(ingressnode.CONDITION) or {})
    if (node.get("spec") or {}).get("unschedulable"):
        yield of(node, NODES, Severity.NOTICE, "Cordoned", "no new pod comes to it", "u lets pods come again")


def _ready_advice(why: str) -> str:
    if "container runtime is down" in why:
        return "start the Docker Engine on the host: `systemctl start docker`"
    return "see that the host is up and its agent runs: `quarterdeck-agent status` on it"


def _proxy(node: Object, condition: Object) -> Iterator[Finding]:
    reason = str(condition.get("reason"))
    if reason in _PROXY:
        severity = Severity.CRITICAL if reason == ingressnode.FAILING else Severity.WARNING
        why = str(condition.get("message") or "HAProxy does not serve")
        yield of(node, NODES, severity, f"Proxy{reason}", why, _PROXY[reason], _since(condition))


def _since(condition: Object) -> str:
    return str(condition.get("lastTransitionTime") or "")
