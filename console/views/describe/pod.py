"""Pods in words, and the pod templates of workloads."""

from __future__ import annotations

from datetime import datetime

from common.api import ages, pods
from common.api.meta import Object
from console.views import status

from .lines import COLUMN, conditions, field, pairs, tolerated

_PROBES = (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe"))


def pod(obj: Object, now: datetime) -> list[str]:
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    lines = [
        field("Status", status.pod_status(obj).word),
        field("Node", _node(obj)),
        field("Start Time", state.get("startTime")),
        field("IPs", ", ".join(pods.ips(obj))),
        field("Service Account", spec.get("serviceAccountName")),
        field("Restart Policy", spec.get("restartPolicy", "Always")),
        field("QoS Class", state.get("qosClass")),
    ]
    if state.get("message"):
        lines.append(field("Message", state["message"]))
    for title, key, status_key in (
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
        ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
    ):
        if spec.get(key):
            statuses = {item.get("name"): item for item in state.get(status_key) or ()}
            lines.append(f"{title}:")
            for container in spec[key]:
                lines += _container(container, statuses.get(container.get("name")), now)
    lines += conditions(obj, now)
    lines += _volumes(spec.get("volumes") or ())
    lines += pairs("Node-Selectors", spec.get("nodeSelector") or {})
    listed = tolerated(spec.get("tolerations") or ())
    lines.append(field("Tolerations", listed[0] if listed else None))
    lines += [" " * COLUMN + text for text in listed[1:]]
    return lines


def _node(obj: Object) -> str:
    name = pods.node_name(obj)
    host = (obj.get("status") or {}).get("hostIP")
    return f"{name}/{host}" if name and host else name


def template(spec: Object) -> list[str]:
    """The pod template of a workload."""
    template_metadata, pod_spec = spec.get("metadata") or {}, spec.get("spec") or {}
    lines = ["Pod Template:", *pairs("Labels", template_metadata.get("labels") or {}, indent=2)]
    if template_metadata.get("annotations"):
        lines += pairs("Annotations", template_metadata["annotations"], ": ", indent=2)
    for title, key in (("Init Containers", "initContainers"), ("Containers", "containers")):
        if pod_spec.get(key):
            lines.append(f"  {title}:")
            for container in pod_spec[key]:
                lines += ["  " + line for line in _container(container, None, None)]
    lines += ["  " + line for line in _volumes(pod_spec.get("volumes") or ())]
    return lines


def _container(container: Object, state: Object | None, now: datetime | None) -> list[str]:
    lines = [f"  {container.get('name')}:", field("Image", container.get("image"), 4)]
    if state is not None and now is not None:
        lines += _state(state, now)
    ports = ", ".join(f"{p.get('containerPort')}/{p.get('protocol', 'TCP')}" for p in container.get("ports") or ())
    if ports:
        lines.append(field("Ports", ports, 4))
    for title, key in (("Command", "command"), ("Args", "args")):
        if container.get(key):
            lines.append(field(title, " ".join(container[key]), 4))
    resources = container.get("resources") or {}
    for title, key in (("Requests", "requests"), ("Limits", "limits")):
        if resources.get(key):
            lines.append(field(title, ", ".join(f"{name} {value}" for name, value in resources[key].items()), 4))
    for title, key in _PROBES:
        if container.get(key):
            lines.append(field(title, _probe(container[key]), 4))
    lines += _environment(container)
    mounts = container.get("volumeMounts") or ()
    for index, mount in enumerate(mounts):
        access = "ro" if mount.get("readOnly") else "rw"
        text = f"{mount.get('mountPath')} from {mount.get('name')} ({access})"
        lines.append(field("Mounts", text, 4) if index == 0 else " " * COLUMN + text)
    return lines


def _state(state: Object, now: datetime) -> list[str]:
    lines = [field("State", _state_text(state.get("state") or {}, now), 4)]
    last = (state.get("lastState") or {}).get("terminated")
    if last:
        lines.append(field("Last State", _state_text({"terminated": last}, now), 4))
    lines.append(field("Ready", state.get("ready", False), 4))
    lines.append(field("Restarts", state.get("restartCount", 0), 4))
    if state.get("containerID"):
        lines.append(field("Container ID", state["containerID"], 4))
    return lines


def _state_text(state: Object, now: datetime) -> str:
    word = status.container_status(state).word
    if "running" in state:
        return f"Running for {ages.since((state['running'] or {}).get('startedAt'), now)}"
    if "terminated" in state:
        ended = state["terminated"] or {}
        ago = ages.since(ended.get("finishedAt"), now)
        message = f": {ended['message']}" if ended.get("message") else ""
        return f"{word}, exit code {ended.get('exitCode', 0)}, {ago} ago{message}"
    note = (state.get("waiting") or {}).get("message")
    return f"Waiting: {word}" + (f": {note}" if note else "")


def _probe(probe: Object) -> str:
    if "httpGet" in probe:
        get = probe["httpGet"]
        what = f"{str(get.get('scheme', 'HTTP')).lower()}-get :{get.get('port')}{get.get('path', '/')}"
    elif "tcpSocket" in probe:
        what = f"tcp-socket :{probe['tcpSocket'].get('port')}"
    elif "grpc" in probe:
        what = f"grpc :{probe['grpc'].get('port')}"
    else:
        what = f"exec [{' '.join((probe.get('exec') or {}).get('command') or ())}]"
    times = (("delay", "initialDelaySeconds", 0), ("timeout", "timeoutSeconds", 1), ("period", "periodSeconds", 10))
    listed = " ".join(f"{name}={probe.get(key, default)}s" for name, key, default in times)
    return f"{what} {listed} failures={probe.get('failureThreshold', 3)}"


def _environment(container: Object) -> list[str]:
    listed = []
    for variable in container.get("env") or ():
        source = variable.get("valueFrom")
        listed.append(f"{variable.get('name')}={_source(source) if source else variable.get('value', '')}")
    for group in container.get("envFrom") or ():
        kind = "ConfigMap" if "configMapRef" in group else "Secret"
        ref = group.get("configMapRef") or group.get("secretRef") or {}
        listed.append(f"all keys of {kind} {ref.get('name')}")
    if not listed:
        return []
    return [field("Environment", listed[0], 4), *(" " * COLUMN + text for text in listed[1:])]


def _source(source: Object) -> str:
    for key, text in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        if key in source:
            return f"<key {source[key].get('key')} of {text} {source[key].get('name')}>"
    if "fieldRef" in source:
        return f"<{source['fieldRef'].get('fieldPath')}>"
    return f"<{(source.get('resourceFieldRef') or {}).get('resource', 'unknown source')}>"


def _volumes(volumes: list[Object] | tuple[()]) -> list[str]:
    if not volumes:
        return []
    lines = ["Volumes:"]
    for volume in volumes:
        kind = next((key for key in volume if key != "name"), "emptyDir")
        source = volume.get(kind) or {}
        named = source.get("name") or source.get("secretName") or source.get("claimName") or source.get("path") or ""
        lines.append(field(str(volume.get("name")), f"{kind} {named}".strip(), 2))
    return lines
