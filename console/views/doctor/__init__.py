"""The doctor: what is wrong with the cluster, the worst first, each with its cause and the next step. Pure.

Rules about one kind are in the module of their family. They tell causes: pods of one owner that fail alike are one
finding, and what its own Job or claim explains is not told twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain

from common.api import ages, kinds
from common.api.kinds import Resource
from common.api.meta import Object
from console.views.columns import Column
from console.views.status import Tone

from .finding import Finding, Severity
from .machines import of_node
from .plugins import of_plugin
from .running import healthy, of_pods
from .wiring import of_certificate, of_claims, of_namespace, of_services, of_volume
from .workloads import of_autoscaler, of_budget, of_deployment, of_job

__all__ = [
    "COLUMNS", "EXAMINED", "FINDINGS", "TLS_SELECTOR", "Finding", "Severity", "document", "examine", "healthy", "rows",
    "verdict",
]  # fmt: skip

EXAMINED: tuple[Resource, ...] = (
    kinds.NODES,
    kinds.PODS,
    kinds.DEPLOYMENTS,
    kinds.JOBS,
    kinds.HORIZONTALPODAUTOSCALERS,
    kinds.PODDISRUPTIONBUDGETS,
    kinds.SERVICES,
    kinds.ENDPOINTSLICES,
    kinds.PERSISTENTVOLUMECLAIMS,
    kinds.PERSISTENTVOLUMES,
    kinds.STORAGECLASSES,
    kinds.NAMESPACES,
    kinds.PLUGINS,
)
"""What is looked at, beside the TLS Secrets."""
TLS_SELECTOR = "type=kubernetes.io/tls"
"""The field selector of the Secrets that have certificates."""
FINDINGS = Resource("", "v1", "findings", "Finding", namespaced=False)
"""Not a resource of the API: the rows that an examination makes."""


def examine(objects: Mapping[Resource, Iterable[Object]], now: datetime) -> list[Finding]:
    """What is wrong, the worst and the longest-standing first. Kinds that are not there are not looked at; of pods,
    those that are `healthy` may be left out."""

    def of_kind(resource: Resource) -> Iterable[Object]:
        return objects.get(resource, ())

    troubled = [pod for pod in of_kind(kinds.PODS) if not healthy(pod)]
    claims, classes = of_kind(kinds.PERSISTENTVOLUMECLAIMS), of_kind(kinds.STORAGECLASSES)
    found = chain(
        chain.from_iterable(of_node(node) for node in of_kind(kinds.NODES)),
        of_pods(troubled, now),
        chain.from_iterable(of_deployment(item) for item in of_kind(kinds.DEPLOYMENTS)),
        chain.from_iterable(of_job(item) for item in of_kind(kinds.JOBS)),
        chain.from_iterable(of_autoscaler(item) for item in of_kind(kinds.HORIZONTALPODAUTOSCALERS)),
        chain.from_iterable(of_budget(item) for item in of_kind(kinds.PODDISRUPTIONBUDGETS)),
        of_services(of_kind(kinds.SERVICES), of_kind(kinds.ENDPOINTSLICES)),
        of_claims(claims, classes, troubled, now),
        chain.from_iterable(of_volume(item) for item in of_kind(kinds.PERSISTENTVOLUMES)),
        chain.from_iterable(of_namespace(item, now) for item in of_kind(kinds.NAMESPACES)),
        chain.from_iterable(of_plugin(item) for item in of_kind(kinds.PLUGINS)),
        chain.from_iterable(of_certificate(item, now) for item in of_kind(kinds.SECRETS)),
    )
    return sorted(found, key=_worst_first)


_RANK = {resource: place for place, resource in enumerate((kinds.NODES, kinds.SERVICES, kinds.DEPLOYMENTS, kinds.PODS))}


def _worst_first(finding: Finding) -> tuple[object, ...]:
    """Causes before consequences: a node that is away before the pods on it."""
    return (finding.severity, _RANK.get(finding.resource, len(_RANK)), finding.since or "~", finding.key)


def verdict(found: Sequence[Finding]) -> list[tuple[str, Tone]]:
    """The whole in a line."""
    if not found:
        return [("Nothing is wrong.", Tone.OK)]
    counts = {severity: sum(1 for item in found if item.severity is severity) for severity in Severity}
    tones = {Severity.CRITICAL: Tone.BAD, Severity.WARNING: Tone.WARN, Severity.NOTICE: Tone.DIM}
    parts = [(f"{count} {severity.name.lower()}   ", tones[severity]) for severity, count in counts.items() if count]
    return [("Found ", Tone.DIM), *parts]


def document(found: Iterable[Finding]) -> Object:
    """What `-o json` prints."""
    items = [
        {
            "severity": item.severity.name.lower(), "problem": item.problem,
            "object": {"resource": item.resource.group_resource, "kind": item.resource.kind,
                       "namespace": item.key.namespace, "name": item.key.name},
            "why": item.why, "advice": item.advice, "since": item.since or None,
        }
        for item in found
    ]  # fmt: skip
    return {"kind": "Findings", "apiVersion": "quarterdeck.io/v1", "items": items}


def rows(found: Iterable[Finding]) -> list[Object]:
    """Findings as rows of a table, in their order. A row's name is what it is about, so that it stays the same row."""
    made: list[Object] = []
    for place, item in enumerate(found):
        name = f"{item.resource.group_resource}/{item.key}/{item.problem}"
        made.append({"kind": "Finding", "metadata": {"name": name}, "place": place, "finding": item})
    return made


def _finding(row: Object) -> Finding:
    item: Finding = row["finding"]
    return item


def _since(row: Object, now: datetime) -> str:
    return ages.since(_finding(row).since, now) if _finding(row).since else "-"


COLUMNS = (
    Column("PROBLEM", lambda row, _now: _finding(row).status, sort=lambda row: row["place"], letter="S"),
    Column("NS", lambda row, _now: _finding(row).key.namespace or "-", drop=3, flexible=True, least=8, letter="P",
           tone=lambda _row: Tone.DIM),
    Column("OBJECT", lambda row, _now: _finding(row).about, flexible=True, least=18, letter="N"),
    Column("SINCE", _since, right=True, live=True, drop=2, tone=lambda _row: Tone.DIM, letter="A",
           sort=lambda row: _finding(row).since or "~"),
    Column("WHY", lambda row, _now: _finding(row).why, flexible=True, prose=True, least=28),
)  # fmt: skip
