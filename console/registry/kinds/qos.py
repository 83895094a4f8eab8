"""The quality-of-service class of a pod, which follows from its requests and limits."""

from __future__ import annotations

from common.api import quantity
from common.api.meta import Object

_COUNTED = ("cpu", "memory")


def qos_class(spec: Object) -> str:
    """Guaranteed: every container limits cpu and memory and requests just that. BestEffort: none asks for anything."""
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    asked = [_amounts(container, name) for container in containers for name in ("requests", "limits")]
    if not any(amount for amounts in asked for amount in amounts.values()):
        return "BestEffort"
    return "Guaranteed" if all(map(_is_guaranteed, containers)) else "Burstable"


def _is_guaranteed(container: Object) -> bool:
    limits = _amounts(container, "limits")
    requests = {**limits, **_amounts(container, "requests")}
    return all(limits.get(name) and limits[name] == requests[name] for name in _COUNTED)


def _amounts(container: Object, name: str) -> dict[str, object]:
    found = (container.get("resources") or {}).get(name) or {}
    return {key: quantity.parse(value) for key, value in found.items() if key in _COUNTED}
