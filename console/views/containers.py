"""The containers of a pod as rows of a table: specification and status side by side."""

from __future__ import annotations

from common.api.kinds import Resource
from common.api.meta import Object, namespace, resource_version

CONTAINERS = Resource("", "v1", "containers", "Container")
"""Not a resource of the API: the rows that a pod's containers make."""

_PROBES = (("startupProbe", "S"), ("livenessProbe", "L"), ("readinessProbe", "R"))


def rows(pod: Object) -> list[Object]:
    """One object per container, in the order they start."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    found: list[Object] = []
    for field, role in (("initContainers", "init"), ("containers", "app"), ("ephemeralContainers", "debug")):
        status_field = f"{field.removesuffix('s')}Statuses"
        statuses = {item.get("name"): item for item in status.get(status_field) or ()}
        containers = spec.get(field) or ()
        found += [_row(pod, item, statuses.get(item.get("name")) or {}, role) for item in containers]
    return found


def _row(pod: Object, container: Object, status: Object, role: str) -> Object:
    if role == "init" and container.get("restartPolicy") == "Always":
        role = "sidecar"
    ports = (f"{port.get('containerPort')}/{port.get('protocol', 'TCP')}" for port in container.get("ports") or ())
    return {
        "kind": "Container",
        "metadata": {
            "name": container.get("name"),
            "namespace": namespace(pod),
            "resourceVersion": resource_version(pod),
        },
        "role": role,
        "state": status.get("state"),
        "ready": status.get("ready", False),
        "restartCount": status.get("restartCount", 0),
        "probes": "".join(letter if probe in container else "-" for probe, letter in _PROBES),
        "ports": ",".join(ports) or "-",
        "image": container.get("image", ""),
    }
