"""The few lines that matter about an object, for the pane beside a table: (field, value, tone)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from common.api import ages, changes, jobs, meta, pods, storage
from common.api.meta import Object

from . import amounts, columns, rollouts, status
from .capacity import Usage, usage
from .status import Status, Tone

WHOLE = ">"
Entry = tuple[str, str | Status | Usage, Tone]
"""An empty field continues the one above; an empty value makes the field a heading, below which values of the field
WHOLE take the whole width."""


def summary(obj: Object, on_it: Sequence[Object], now: datetime) -> list[Entry]:
    """`on_it` are the pods of a node."""
    kind = str(obj.get("kind"))
    if kind == "Node":
        return _node(obj, on_it)
    make = _KINDS.get(kind)
    return make(obj, now) if make else _by_columns(obj, now)


def _by_columns(obj: Object, now: datetime) -> list[Entry]:
    """What the table of its kind shows, whole: a narrow table has dropped and cut most of it."""
    entries: list[Entry] = []
    for column in columns.columns_of(obj):
        if column.title not in {"NS", "NAME", "AGE", "LABELS"}:
            tone = column.tone(obj) if column.tone else Tone.TEXT
            values = column.value(obj, now)
            parts = values.split(",") if isinstance(values, str) else ()
            title = column.title.capitalize()
            if isinstance(values, Status):
                entries.append((title, values, tone))
            entries += [(title if index == 0 else "", part, tone) for index, part in enumerate(parts)]
    return entries + _metadata(obj, now)


def _metadata(obj: Object, now: datetime) -> list[Entry]:
    entries: list[Entry] = [("Age", ages.age(obj, now), Tone.TEXT)]
    return entries + _labels(obj)


def _labels(obj: Object) -> list[Entry]:
    listed = [f"{key}={value}" for key, value in sorted(meta.labels(obj).items())]
    return [("Labels", "", Tone.KEY), *((WHOLE, text, Tone.DIM) for text in listed)] if listed else []


def _pod(pod: Object, now: datetime) -> list[Entry]:
    asked = pods.requests(pod)
    entries: list[Entry] = [
        ("Status", status.pod_status(pod), Tone.TEXT),
        ("Node", pods.node_name(pod) or "none yet", Tone.LINK),
        *[("IP" if index == 0 else "", ip, Tone.TEXT) for index, ip in enumerate(pods.ips(pod))],
        (
            "Asks",
            f"cpu {amounts.amount('cpu', asked.get('cpu'))}  mem {amounts.amount('memory', asked.get('memory'))}",
            Tone.TEXT,
        ),
    ]
    owner = meta.controller_of(pod)
    if owner:
        entries.append(("Owner", f"{owner['kind']}/{owner['name']}", Tone.LINK))
    message = (pod.get("status") or {}).get("message") or _condition_message(pod)
    if message:
        entries.append(("Why", str(message), Tone.WARN))
    return [*entries, *_containers(pod, now), *_metadata(pod, now)]


def _condition_message(pod: Object) -> str:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("status") == "False" and condition.get("message"):
            return str(condition["message"])
    return ""


def _containers(pod: Object, now: datetime) -> list[Entry]:
    entries: list[Entry] = []
    statuses = {item.get("name"): item for item in (pod.get("status") or {}).get("containerStatuses") or ()}
    for container in (pod.get("spec") or {}).get("containers") or ():
        found = statuses.get(container.get("name")) or {}
        state = found.get("state") or {}
        entries += [
            (f"{container.get('name')}", "", Tone.KEY),
            ("  State", status.container_status(state), Tone.TEXT),
            ("  Image", str(container.get("image")), Tone.DIM),
        ]
        if found.get("restartCount"):
            entries.append(("  Restarts", f"{found['restartCount']}{_last_end(found, now)}", Tone.WARN))
        note = (state.get("waiting") or {}).get("message")
        if note:
            entries.append(("  Message", str(note), Tone.WARN))
    return entries


def _last_end(found: Object, now: datetime) -> str:
    last = (found.get("lastState") or {}).get("terminated")
    if not last:
        return ""
    return f", last {status.container_status({'terminated': last}).word} {ages.since(last.get('finishedAt'), now)} ago"


def _workload(obj: Object, now: datetime) -> list[Entry]:
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    entries: list[Entry] = [
        ("Status", status.workload_status(obj), Tone.TEXT),
        *((title, str(state.get(figure) or 0), Tone.TEXT) for title, figure in _FIGURES.get(str(obj.get("kind")), ())),
    ]
    if "replicas" in spec:
        entries.insert(1, ("Wanted", str(spec["replicas"]), Tone.BRIGHT))
    entries += _strategy(obj)
    number = rollouts.revision(obj)
    if number:
        entries.append(("Revision", str(number), Tone.TEXT))
    for container in ((spec.get("template") or {}).get("spec") or {}).get("containers") or ():
        entries += [(str(container.get("name")), "", Tone.KEY), ("  Image", str(container.get("image")), Tone.TEXT)]
    for condition in state.get("conditions") or ():
        if condition.get("message"):
            tone = Tone.DIM if condition.get("status") == "True" else Tone.WARN
            entries += [(str(condition.get("type")), "", Tone.KEY), (WHOLE, str(condition["message"]), tone)]
    return [*entries, *_metadata(obj, now)]


_REPLICAS = (("Ready", "readyReplicas"), ("Updated", "updatedReplicas"), ("Available", "availableReplicas"))
_FIGURES = {
    "Deployment": _REPLICAS,
    "StatefulSet": _REPLICAS,
    "ReplicaSet": (_REPLICAS[0], _REPLICAS[2]),
    "ReplicationController": (_REPLICAS[0], _REPLICAS[2]),
    "DaemonSet": (
        ("Wanted", "desiredNumberScheduled"),
        ("Ready", "numberReady"),
        ("Updated", "updatedNumberScheduled"),
        ("Available", "numberAvailable"),
        ("Misplaced", "numberMisscheduled"),
    ),
}


def _strategy(obj: Object) -> list[Entry]:
    spec = obj.get("spec") or {}
    found = spec.get("strategy") or spec.get("updateStrategy")
    if not found:
        return []
    rolling = found.get("rollingUpdate") or {}
    words = {"maxSurge": "surge", "maxUnavailable": "unavailable", "partition": "partition"}
    limits = ", ".join(f"{words[name]} {rolling[name]}" for name in words if name in rolling)
    entries: list[Entry] = [("Strategy", str(found.get("type", "RollingUpdate")), Tone.TEXT)]
    return [*entries, ("", limits, Tone.DIM)] if limits else entries


def _job(obj: Object, now: datetime) -> list[Entry]:
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    entries: list[Entry] = [
        ("Status", status.job_status(obj), Tone.TEXT),
        ("Done", jobs.completions(obj), Tone.BRIGHT),
        ("Active", f"{state.get('active', 0)} of {spec.get('parallelism', 1)} at once", Tone.TEXT),
        ("Failed", f"{state.get('failed', 0)}", Tone.WARN if state.get("failed") else Tone.TEXT),
    ]
    if state.get("completedIndexes"):
        entries.append(("Indexes", str(state["completedIndexes"]), Tone.TEXT))
    if state.get("failedIndexes"):
        entries.append(("Failed idx", str(state["failedIndexes"]), Tone.BAD))
    took = jobs.duration(obj, now)
    if took is not None:
        entries.append(("Took", ages.duration(took.total_seconds()), Tone.TEXT))
    owner = meta.controller_of(obj)
    if owner:
        entries.append(("Owner", f"{owner['kind']}/{owner['name']}", Tone.LINK))
    return [*entries, *_messages(obj), *_metadata(obj, now)]


def _messages(obj: Object) -> list[Entry]:
    entries: list[Entry] = []
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition.get("message") and condition.get("status") == "True":
            entries += [(str(condition.get("type")), "", Tone.KEY), (WHOLE, str(condition["message"]), Tone.DIM)]
    return entries


def _cronjob(obj: Object, now: datetime) -> list[Entry]:
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    following = status.next_run(obj, now)
    entries: list[Entry] = [
        ("Status", status.cronjob_status(obj), Tone.TEXT),
        ("Schedule", str(spec.get("schedule", "")), Tone.BRIGHT),
        ("Zone", str(spec.get("timeZone") or "UTC"), Tone.TEXT),
        ("Overlap", str(spec.get("concurrencyPolicy", "Allow")), Tone.TEXT),
        ("Last", ages.since(state.get("lastScheduleTime"), now) if state.get("lastScheduleTime") else "-", Tone.TEXT),
        ("Success", str(state.get("lastSuccessfulTime") or "-"), Tone.TEXT),
        ("Next", meta.format_time(following) if following else "-", Tone.TEXT),
    ]
    entries += [("Active", str(ref.get("name")), Tone.LINK) for ref in state.get("active") or ()]
    return [*entries, *_metadata(obj, now)]


def _service(obj: Object, now: datetime) -> list[Entry]:
    spec = obj.get("spec") or {}
    ips = spec.get("clusterIPs") or [spec.get("clusterIP") or "-"]
    entries: list[Entry] = [
        ("Type", str(spec.get("type", "ClusterIP")), Tone.BRIGHT),
        *[("IP" if index == 0 else "", str(ip), Tone.TEXT) for index, ip in enumerate(ips)],
        ("Families", str(spec.get("ipFamilyPolicy", "SingleStack")), Tone.TEXT),
    ]
    for index, port in enumerate(spec.get("ports") or ()):
        node_port = f", node port {port['nodePort']}" if port.get("nodePort") else ""
        text = (
            f"{port.get('port')}/{port.get('protocol', 'TCP')} to {port.get('targetPort', port.get('port'))}{node_port}"
        )
        entries.append(("Ports" if index == 0 else "", text, Tone.TEXT))
    selector = [f"{key}={value}" for key, value in (spec.get("selector") or {}).items()]
    entries += [("Selector" if index == 0 else "", text, Tone.LINK) for index, text in enumerate(selector)]
    return [*entries, *_metadata(obj, now)]


def _node(node: Object, on_it: Sequence[Object]) -> list[Entry]:
    state = node.get("status") or {}
    info = state.get("nodeInfo") or {}
    entries: list[Entry] = [
        ("Status", status.node_status(node), Tone.TEXT),
        ("IPv4", columns.address(node, 4), Tone.TEXT),
        ("IPv6", columns.address(node, 6), Tone.TEXT),
    ]
    names = {"cpu": "CPU asked", "memory": "MEM asked", "pods": "Pods"}
    entries += [(names[item.resource], item, Tone.TEXT) for item in usage(node, on_it)]
    entries += [
        ("Agent", str(info.get("kubeletVersion", "-")), Tone.DIM),
        ("Engine", str(info.get("containerRuntimeVersion", "-")), Tone.DIM),
        ("System", str(info.get("osImage", "-")), Tone.DIM),
    ]
    for taint in (node.get("spec") or {}).get("taints") or ():
        entries.append(("Taint", f"{taint.get('key')}:{taint.get('effect')}", Tone.WARN))
    for condition in state.get("conditions") or ():
        wrong = (condition.get("status") == "True") is not (condition.get("type") == "Ready")
        if wrong:
            entries.append(
                (str(condition.get("type")), str(condition.get("message") or condition.get("reason")), Tone.WARN)
            )
    return entries + _labels(node)


def _event(event: Object, now: datetime) -> list[Entry]:
    return [
        ("Object", columns.involved(event), Tone.LINK),
        ("Reason", str(event.get("reason", "")), Tone.BRIGHT),
        ("Count", str(columns.event_count(event)), Tone.TEXT),
        ("Last", f"{ages.since(columns.event_time(event) or None, now)} ago", Tone.TEXT),
        (
            "From",
            str((event.get("source") or {}).get("component") or event.get("reportingController") or "-"),
            Tone.DIM,
        ),
        ("Message", columns.event_message(event), Tone.WARN if event.get("type") == "Warning" else Tone.TEXT),
    ]


def _change(change: Object, now: datetime) -> list[Entry]:
    entries: list[Entry] = [
        ("Object", changes.about(change), Tone.LINK),
        ("Verb", str(change.get("verb", "")), Tone.BRIGHT),
        ("User", str(change.get("user", "")), Tone.TEXT),
        ("From", str(change.get("source", "")), Tone.DIM),
        ("When", f"{ages.since(change.get('time'), now)} ago", Tone.TEXT),
    ]
    for item in change.get("differences") or ():
        entries += [(WHOLE, changes.difference(item), Tone.KEY)]
    return entries


def _host(host: Object, now: datetime) -> list[Entry]:
    state = host.get("status") or {}
    addresses = [str(a) for a in state.get("addresses") or ()]
    return [
        ("Phase", status.host_status(host), Tone.TEXT),
        *[("Address" if index == 0 else "", text, Tone.TEXT) for index, text in enumerate(addresses)],
        ("CPU", str(state.get("cpu", "-")), Tone.TEXT),
        ("Memory", amounts.amount("memory", amounts.parsed(state.get("memory"))), Tone.TEXT),
        ("Engine", str(state.get("engine", "-")), Tone.TEXT),
        ("Agent", str(state.get("agentVersion", "-")), Tone.TEXT),
        ("Seen", f"{ages.since(state.get('lastSeen'), now)} ago", Tone.TEXT),
        ("Fingerprint", str(state.get("fingerprint", "-")), Tone.DIM),
    ]


def _keyed(obj: Object, now: datetime) -> list[Entry]:
    keys = sorted((obj.get("data") or {}).keys())
    entries: list[Entry] = [("Keys", str(len(keys)), Tone.BRIGHT)]
    return [*entries, *[("", key, Tone.TEXT) for key in keys], *_metadata(obj, now)]


def _container(row: Object, _now: datetime) -> list[Entry]:
    return [
        ("Status", status.container_status(row.get("state")), Tone.TEXT),
        ("Kind", str(row["role"]), Tone.TEXT),
        ("Restarts", str(row["restartCount"]), Tone.TEXT),
        ("Image", str(row["image"]), Tone.TEXT),
        ("Ports", str(row["ports"]), Tone.TEXT),
    ]


def _claim(claim: Object, now: datetime) -> list[Entry]:
    spec = storage.spec(claim)
    asked = (spec.get("resources") or {}).get("requests") or {}
    return [
        ("Status", status.claim_status(claim), Tone.TEXT),
        ("Size", str(((claim.get("status") or {}).get("capacity") or asked).get("storage", "-")), Tone.TEXT),
        ("Class", storage.class_of(claim) or "none", Tone.LINK),
        ("Volume", str(spec.get("volumeName") or "none yet"), Tone.LINK),
        ("Modes", storage.modes_text(spec.get("accessModes")), Tone.TEXT),
        *_metadata(claim, now),
    ]


def _volume(volume: Object, now: datetime) -> list[Entry]:
    spec, state = storage.spec(volume), volume.get("status") or {}
    ref = spec.get("claimRef") or {}
    entries: list[Entry] = [
        ("Status", status.volume_status(volume), Tone.TEXT),
        ("Size", str((spec.get("capacity") or {}).get("storage", "-")), Tone.TEXT),
        ("Claim", f"{ref['namespace']}/{ref['name']}" if ref.get("name") else "none", Tone.LINK),
        ("Class", storage.class_of(volume) or "none", Tone.LINK),
        ("Reclaim", str(spec.get("persistentVolumeReclaimPolicy") or "-"), Tone.TEXT),
    ]
    if state.get("message"):
        entries.append(("Why", str(state["message"]), Tone.WARN))
    return [*entries, *_metadata(volume, now)]


_KINDS: dict[str, Callable[[Object, datetime], list[Entry]]] = {
    "Pod": _pod,
    "Deployment": _workload,
    "ReplicaSet": _workload,
    "StatefulSet": _workload,
    "DaemonSet": _workload,
    "ReplicationController": _workload,
    "Job": _job,
    "CronJob": _cronjob,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume,
    "Service": _service,
    "Event": _event,
    "Change": _change,
    "Host": _host,
    "ConfigMap": _keyed,
    "Secret": _keyed,
    "Container": _container,
}
