"""The TARGETS of an autoscaler as kubectl prints them: `cpu: 12%/80%`, two metrics at most.

The API's tables and the console both show them.
"""

from __future__ import annotations

from typing import Any

from .meta import Object

UNKNOWN, SHOWN = "<unknown>", 2
_FIELDS = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}


def targets(obj: Object) -> str:
    """Current and wanted value of the metrics of a HorizontalPodAutoscaler (autoscaling/v2)."""
    specs = (obj.get("spec") or {}).get("metrics") or []
    statuses = (obj.get("status") or {}).get("currentMetrics") or []
    found = [_metric(spec, statuses[index] if index < len(statuses) else {}) for index, spec in enumerate(specs)]
    if not found:
        return "<none>"
    more = f" + {len(found) - SHOWN} more..." if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more


def _metric(spec: Object, status: Object) -> str:
    kind = spec.get("type", "")
    field = _FIELDS.get(kind, "")
    if not field or not spec.get(field):
        return "<unknown type>"
    source = spec[field]
    target = source.get("target") or {}
    current = (status.get(field) or {}).get("current") or {}
    if kind in {"Resource", "ContainerResource"}:
        return f"{source.get('name')}: {_resource(target, current)}"
    if kind == "Pods" or (kind == "Object" and target.get("averageValue") is None):
        name = "averageValue" if kind == "Pods" else "value"
        return f"{_known(current.get(name))}/{target.get(name)}"
    if target.get("averageValue") is not None:
        return f"{_known(current.get('averageValue'))}/{target['averageValue']} (avg)"
    return f"{_known(current.get('value'))}/{target.get('value')}"


def _resource(target: Object, current: Object) -> str:
    if target.get("averageValue") is not None:
        return f"{_known(current.get('averageValue'))}/{target['averageValue']}"
    used, wanted = current.get("averageUtilization"), target.get("averageUtilization")
    return f"{UNKNOWN if used is None else f'{used}%'}/{'<auto>' if wanted is None else f'{wanted}%'}"


def _known(value: Any) -> str:
    return UNKNOWN if value is None else str(value)
