"""The load balancers as people see them: a row for each endpoint of each Service, sums, and what is said of a Service.

Everything is made from one LoadBalancer document (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from common.api.meta import Object

from .columns import Column
from .columns.column import dim, text
from .status import Status, Tone

_TONES = {
    "ready": Tone.OK,
    "drained": Tone.WARN,
    "terminating": Tone.DIM,
    "unready": Tone.BAD,
    "no endpoints": Tone.BAD,
}
_SERVING = frozenset({"Running", "Idle"})
_FAULTY = frozenset({"NotInstalled", "Failing"})
SHARE_CELLS = 6


def rows(document: Object) -> list[Object]:
    """One for each endpoint, and one for a Service that has none. `share` is the part of new connections that it gets,
    None when it gets none because of its state."""
    found: list[Object] = []
    for service in document.get("services") or ():
        endpoints = service["endpoints"] or [{"address": "", "port": 0, "pod": "", "node": "", "state": "no endpoints",
                                              "weight": 0, "http": None}]  # fmt: skip
        for endpoint in endpoints:
            name = f"{service['name']} {endpoint['address'] or '-'} {endpoint['port']}"
            found.append({
                "metadata": {"namespace": service["namespace"], "name": name},
                "service": service,
                "endpoint": endpoint,
                "share": _share(endpoint, endpoints),
            })  # fmt: skip
    return found


def _share(endpoint: Object, beside: Iterable[Object]) -> float | None:
    if endpoint["state"] not in {"ready", "drained"}:
        return None
    family = ":" in endpoint["address"]
    alike = [e for e in beside if e["state"] in {"ready", "drained"} and (":" in e["address"]) == family]
    total = sum(item["weight"] for item in alike)
    return endpoint["weight"] / total if total else 0.0


def state(row: Object) -> Status:
    word = row["endpoint"]["state"]
    return Status(word, _TONES.get(word, Tone.TEXT))


def _figure(row: Object, name: str) -> str:
    http = row["endpoint"]["http"]
    return amount(http[name]) if http is not None and http.get(name) is not None else "-"


def amount(value: float) -> str:
    """A rate or a time in few characters: 0, 0.4, 12, 1.2k."""
    if value >= 1000:
        return f"{value / 1000:.1f}k"
    return f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:.0f}"


def share_text(row: Object, *, ascii_only: bool = False) -> str:
    """A small bar and a percentage."""
    share = row["share"]
    if share is None:
        return "-"
    full = round(share * SHARE_CELLS)
    mark, rest = ("#", ".") if ascii_only else ("█", "░")
    return f"{mark * full}{rest * (SHARE_CELLS - full)}{share:>5.0%}"


def _number(title: str, name: str, letter: str, drop: int) -> Column:
    def sort(row: Object) -> float:
        http = row["endpoint"]["http"]
        return -(http.get(name) or 0) if http is not None else 0.0

    def shown(row: Object, _now: datetime) -> str:
        return _figure(row, name)

    def tone(row: Object) -> Tone:
        http = row["endpoint"]["http"]
        return Tone.BAD if name == "errorsPerSecond" and http is not None and http[name] else Tone.TEXT

    return Column(title, shown, right=True, drop=drop, letter=letter, sort=sort, tone=tone)


def columns(*, ascii_only: bool) -> tuple[Column, ...]:
    return (
        text("NS", lambda row: row["metadata"]["namespace"], drop=6, letter="P", tone=dim),
        text("SERVICE", lambda row: str(row["service"]["name"]), letter="N", flexible=True, least=14),
        text("ENDPOINT", lambda row: endpoint_text(row["endpoint"]), flexible=True, least=15),
        text("POD", lambda row: row["endpoint"]["pod"] or "-", drop=5, flexible=True, least=12, tone=dim),
        text("NODE", lambda row: row["endpoint"]["node"] or "-", drop=4, tone=dim),
        Column("STATE", lambda row, _now: state(row), letter="S", sort=lambda row: row["endpoint"]["state"]),
        Column(
            "WEIGHT", lambda row, _now: str(row["endpoint"]["weight"]), right=True, drop=3, letter="W",
            sort=lambda row: -row["endpoint"]["weight"],
        ),
        Column("SHARE", lambda row, _now: share_text(row, ascii_only=ascii_only), right=True, drop=1),
        _number("REQ/S", "requestsPerSecond", "R", 0),
        _number("ERR/S", "errorsPerSecond", "E", 2),
        _number("MS", "latency", "L", 2),
    )  # fmt: skip


def endpoint_text(endpoint: Object) -> str:
    address = endpoint["address"]
    if not address:
        return "-"
    return f"[{address}]:{endpoint['port']}" if ":" in address else f"{address}:{endpoint['port']}"


def sums(document: Object) -> list[tuple[str, Tone]]:
    """The whole cluster in a line."""
    nodes = document.get("nodes") or []
    serving = sum(1 for node in nodes if node["proxy"] in _SERVING)
    ingresses = document.get("ingresses") or []
    rate = sum(item["http"]["requestsPerSecond"] for item in ingresses)
    errors = sum(item["http"]["errorsPerSecond"] for item in ingresses)
    connections = sum(item["connectionsPerSecond"] for item in document.get("services") or ())
    return [
        ("Proxies ", Tone.DIM),
        (f"{serving} of {len(nodes)}", Tone.OK if serving == len(nodes) else Tone.WARN),
        ("   Ingresses ", Tone.DIM),
        (f"{amount(rate)} req/s", Tone.TEXT),
        ("  ", Tone.TEXT),
        (f"{amount(errors)} err/s", Tone.BAD if errors else Tone.OK),
        ("   Services ", Tone.DIM),
        (f"{amount(connections)} conn/s", Tone.TEXT),
    ]


def faults(document: Object) -> list[str]:
    """Nodes whose proxy should serve and does not."""
    return [
        f"{node['name']}: {node['message'] or node['proxy']}"
        for node in document.get("nodes") or ()
        if node["proxy"] in _FAULTY
    ]


def about(row: Object, document: Object) -> list[list[tuple[str, Tone]]]:
    """The Service under the cursor: how it is reached and which Ingresses lead to it."""
    service = row["service"]
    ports = ", ".join(service["ports"])
    lines = [
        [
            (f"{service['type']} ", Tone.TEXT),
            (f"{service['clusterIP'] or '-'}  {ports}", Tone.LINK),
            (f"   {amount(service['connectionsPerSecond'])} conn/s, {service['connections']} in all", Tone.DIM),
        ]
    ]
    routes = [
        _route(ingress, backend)
        for ingress in document.get("ingresses") or ()
        for backend in ingress["backends"]
        if ingress["namespace"] == service["namespace"] and backend["service"] == service["name"]
    ]
    return [*lines, *routes]


def _route(ingress: Object, backend: Object) -> list[tuple[str, Tone]]:
    http = backend["http"]
    return [
        ("canary " if backend["canary"] else "Ingress ", Tone.WARN if backend["canary"] else Tone.DIM),
        (f"{ingress['name']} ", Tone.BRIGHT),
        (f"{', '.join(ingress['hosts'])}", Tone.LINK),
        (f"   {amount(http['requestsPerSecond'])} req/s  ", Tone.TEXT),
        (f"{amount(http['errorsPerSecond'])} err/s", Tone.BAD if http["errorsPerSecond"] else Tone.DIM),
        (f"  {amount(http['latency'])} ms" if http["latency"] is not None else "", Tone.DIM),
    ]
