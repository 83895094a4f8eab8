"""What makes pods, Services and EndpointSlices in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.api import meta, pods, rollout
from common.api.meta import Object
from console.views import amounts, columns, status
from console.views.rollouts import revision

from .lines import conditions, field, pairs, table
from .pod import template


def selector(spec: Object) -> str:
    """A label selector, or that of a ReplicationController, as people write one."""
    asked = spec.get("selector") or {}
    plain = all(isinstance(value, str) for value in asked.values())  # of a ReplicationController
    terms = [f"{key}={value}" for key, value in (asked if plain else asked.get("matchLabels") or {}).items()]
    for term in asked.get("matchExpressions") or ():
        values = f" ({','.join(term.get('values') or ())})" if term.get("values") else ""
        terms.append(f"{term.get('key')} {str(term.get('operator')).lower()}{values}")
    return ",".join(terms)


def deployment(obj: Object, owned: Sequence[Object], now: datetime) -> list[str]:
    """`owned` are its ReplicaSets."""
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    counts = (
        f"{spec.get('replicas', 1)} desired | {state.get('updatedReplicas', 0)} updated | "
        f"{state.get('replicas', 0)} total | {state.get('availableReplicas', 0)} available | "
        f"{state.get('unavailableReplicas', 0)} unavailable"
    )
    strategy = spec.get("strategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    limits = f", max unavailable {rolling.get('maxUnavailable', '25%')}, max surge {rolling.get('maxSurge', '25%')}"
    kind = str(strategy.get("type", "RollingUpdate"))
    lines = [
        field("Status", status.workload_status(obj).word),
        field("Selector", selector(spec)),
        field("Replicas", counts),
        field("Strategy", kind + (limits if kind == "RollingUpdate" else "")),
        field("Min Ready", f"{spec.get('minReadySeconds', 0)} s"),
        field("Revision", revision(obj) or None),
        *template(spec.get("template") or {}),
        *conditions(obj, now),
    ]
    return lines + _revisions(owned)


def _revisions(owned: Sequence[Object]) -> list[str]:
    """What is kept to go back to: `owned` are ReplicaSets or ControllerRevisions."""
    rows = [
        (
            str(revision(item)),
            meta.name(item),
            str(item["spec"].get("replicas", 0)) if "spec" in item else "-",
            columns.images({"spec": {"template": rollout.Revision(0, "", item).template}}),
        )
        for item in sorted(owned, key=revision)
    ]
    return ["Revisions:", *table(("REVISION", "KEPT IN", "REPLICAS", "IMAGE"), rows)] if rows else []


def statefulset(obj: Object, owned: Sequence[Object], now: datetime) -> list[str]:
    """`owned` are its ControllerRevisions."""
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    counts = (
        f"{spec.get('replicas', 1)} desired | {state.get('updatedReplicas', 0)} updated | "
        f"{state.get('replicas', 0)} total | {state.get('availableReplicas', 0)} available"
    )
    kind, rolling = rollout.update_strategy(obj)
    limits = f", partition {rolling.get('partition', 0)}, max unavailable {rolling.get('maxUnavailable', 1)}"
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    lines = [
        field("Status", status.workload_status(obj).word),
        field("Selector", selector(spec)),
        field("Service", spec.get("serviceName")),
        field("Replicas", counts),
        field("First Ordinal", (spec.get("ordinals") or {}).get("start", 0)),
        field("Pod Order", spec.get("podManagementPolicy", "OrderedReady")),
        field("Update Strategy", kind + (limits if kind == "RollingUpdate" else "")),
        field("Min Ready", f"{spec.get('minReadySeconds', 0)} s"),
        *template(spec.get("template") or {}),
    ]
    claims = [_claim(claim) for claim in spec.get("volumeClaimTemplates") or ()]
    if claims:
        lines += ["Claims of each pod:", *table(("NAME", "SIZE", "CLASS", "ACCESS"), claims)]
        kept = f"{retention.get('whenScaled', 'Retain')} when scaled, {retention.get('whenDeleted', 'Retain')} when"
        lines.append(field("Claim Retention", f"{kept} deleted"))
    return [*lines, *conditions(obj, now), *_revisions(owned)]


def _claim(claim: Object) -> tuple[str, str, str, str]:
    spec = claim.get("spec") or {}
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "-")
    return (
        meta.name(claim),
        str(size),
        str(spec.get("storageClassName") or "-"),
        ",".join(spec.get("accessModes") or ()),
    )


def daemonset(obj: Object, owned: Sequence[Object], now: datetime) -> list[str]:
    """`owned` are its ControllerRevisions."""
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    counts = (
        f"{state.get('desiredNumberScheduled', 0)} desired | {state.get('currentNumberScheduled', 0)} current | "
        f"{state.get('updatedNumberScheduled', 0)} updated | {state.get('numberAvailable', 0)} available | "
        f"{state.get('numberMisscheduled', 0)} misscheduled"
    )
    kind, rolling = rollout.update_strategy(obj)
    limits = f", max unavailable {rolling.get('maxUnavailable', 1)}, max surge {rolling.get('maxSurge', 0)}"
    chosen = ((spec.get("template") or {}).get("spec") or {}).get("nodeSelector") or {}
    return [
        field("Status", status.workload_status(obj).word),
        field("Selector", selector(spec)),
        *pairs("Node Selector", chosen),
        field("Nodes", counts),
        field("Update Strategy", kind + (limits if kind == "RollingUpdate" else "")),
        field("Min Ready", f"{spec.get('minReadySeconds', 0)} s"),
        *template(spec.get("template") or {}),
        *conditions(obj, now),
        *_revisions(owned),
    ]


def controllerrevision(obj: Object) -> list[str]:
    owner = meta.controller_of(obj) or {}
    return [
        field("Controller", f"{owner.get('kind', '-')}/{owner.get('name', '-')}"),
        field("Revision", revision(obj)),
        *template(rollout.Revision(0, "", obj).template),
    ]


def replicaset(obj: Object, now: datetime) -> list[str]:
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    counts = (
        f"{state.get('replicas', 0)} current / {spec.get('replicas', 1)} desired, {state.get('readyReplicas', 0)} ready"
    )
    return [
        field("Selector", selector(spec)),
        field("Replicas", counts),
        field("Revision", revision(obj) or None),
        *template(spec.get("template") or {}),
        *conditions(obj, now),
    ]


_SERVICE_FIELDS = (
    ("External Name", "externalName"),
    ("Inside Traffic", "internalTrafficPolicy"),
    ("Outside Traffic", "externalTrafficPolicy"),
    ("Prefers", "trafficDistribution"),
)


def _affinity(service: Object) -> str:
    if service.get("sessionAffinity", "None") != "ClientIP":
        return "None"
    config = (service.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return f"ClientIP for {config.get('timeoutSeconds', 10800)} s"


def _external_addresses(obj: Object) -> list[str]:
    balancers = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    found = [str(item.get("ip") or item.get("hostname")) for item in balancers]
    return [*found, *((obj.get("spec") or {}).get("externalIPs") or ())]


def service(obj: Object, slices: Sequence[Object]) -> list[str]:
    """`slices` are its EndpointSlices."""
    spec = obj.get("spec") or {}
    lines = [
        *pairs("Selector", spec.get("selector") or {}),
        field("Type", spec.get("type", "ClusterIP")),
        field("IP Families", ", ".join(spec.get("ipFamilies") or ())),
        field("Family Policy", spec.get("ipFamilyPolicy")),
        field("IPs", ", ".join(spec.get("clusterIPs") or ()) or spec.get("clusterIP")),
        field("Session Affinity", _affinity(spec)),
        *(field(title, spec[name]) for title, name in _SERVICE_FIELDS if spec.get(name)),
        field("External IPs", ", ".join(_external_addresses(obj)) or None),
    ]
    rows = [
        (
            str(port.get("name") or "-"),
            f"{port.get('port')}/{port.get('protocol', 'TCP')}",
            str(port.get("targetPort", port.get("port"))),
            str(port.get("nodePort") or "-"),
        )
        for port in spec.get("ports") or ()
    ]
    if rows:
        lines += ["Ports:", *table(("NAME", "PORT", "TARGET", "NODE PORT"), rows)]
    return lines + endpoints(slices)


def endpoints(slices: Sequence[Object]) -> list[str]:
    """Every address behind a service, ready or not."""
    rows = [
        (
            str(address),
            _endpoint_state(endpoint.get("conditions") or {}),
            str(endpoint.get("nodeName") or "-"),
            str((endpoint.get("targetRef") or {}).get("name") or "-"),
        )
        for item in slices
        for endpoint in item.get("endpoints") or ()
        for address in endpoint.get("addresses") or ()
    ]
    if not rows:
        return [field("Endpoints", None)]
    return ["Endpoints:", *table(("ADDRESS", "STATE", "NODE", "POD"), rows)]


def _endpoint_state(state: Object) -> str:
    if state.get("ready", True):
        return "ready"
    return "terminating" if state.get("terminating") else "not ready"


def endpointslice(obj: Object) -> list[str]:
    ports = ", ".join(
        f"{p.get('name') or 'unnamed'} {p.get('port')}/{p.get('protocol', 'TCP')}" for p in obj.get("ports") or ()
    )
    return [field("Address Type", obj.get("addressType")), field("Ports", ports), *endpoints([obj])]


def pods_table(found: Sequence[Object]) -> list[str]:
    """Pods of a node or workload, with what they ask for."""
    if not found:
        return [field("Pods", None)]
    rows = []
    for item in sorted(found, key=meta.key):
        asked = pods.requests(item)
        rows.append(
            (
                meta.namespace(item),
                meta.name(item),
                status.pod_status(item).word,
                amounts.amount("cpu", asked.get("cpu")),
                amounts.amount("memory", asked.get("memory")),
            )
        )
    return [f"Pods ({len(rows)}):", *table(("NAMESPACE", "NAME", "STATUS", "CPU", "MEMORY"), rows)]
