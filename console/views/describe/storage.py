"""Claims, volumes and storage classes in words."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from common.api import meta, storage
from common.api.meta import Object
from console.views import amounts, status
from console.views.yaml_text import to_yaml

from .lines import field, pairs

_COMMON = frozenset({
    "accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity", "persistentVolumeReclaimPolicy",
    "storageClassName", "volumeMode",
})  # fmt: skip


def claim(obj: Object, pods: Sequence[Object], usage: Object | None) -> list[str]:
    """`pods` are those that use the claim, `usage` a VolumeUsage (docs/architecture.md)."""
    spec, state = storage.spec(obj), obj.get("status") or {}
    return [
        field("Status", status.claim_status(obj).word),
        field("Class", storage.class_of(obj)),
        field("Volume", spec.get("volumeName")),
        field("Asks For", ((spec.get("resources") or {}).get("requests") or {}).get("storage")),
        field("Capacity", (state.get("capacity") or {}).get("storage")),
        field("Used", used(usage)),
        field("Access Modes", storage.modes_text(state.get("accessModes") or spec.get("accessModes"))),
        field("Volume Mode", storage.mode_of(obj)),
        field("Used By", ", ".join(sorted(meta.name(pod) for pod in pods))),
    ]


def used(usage: Object | None) -> str:
    """How full the volume is, or why nobody knows."""
    if not usage or usage.get("used") is None:
        return f"unknown: {(usage or {}).get('message') or 'no pod uses the claim'}"
    amount, room = (amounts.size(Fraction(int(usage.get(name) or 0))) for name in ("used", "available"))
    return f"{amount}, {room} free on {usage.get('node')}"


def volume(obj: Object) -> list[str]:
    spec, state = storage.spec(obj), obj.get("status") or {}
    ref = spec.get("claimRef") or {}
    source: dict[str, Any] = {name: value for name, value in spec.items() if name not in _COMMON}
    required = (spec.get("nodeAffinity") or {}).get("required")
    return [
        field("Status", status.volume_status(obj).word),
        *([field("Reason", f"{state['reason']}: {state.get('message', '')}")] if state.get("reason") else []),
        field("Claim", f"{ref.get('namespace')}/{ref.get('name')}" if ref else None),
        field("Class", storage.class_of(obj)),
        field("Reclaim Policy", spec.get("persistentVolumeReclaimPolicy")),
        field("Access Modes", storage.modes_text(spec.get("accessModes"))),
        field("Volume Mode", storage.mode_of(obj)),
        field("Capacity", (spec.get("capacity") or {}).get("storage")),
        *_block("Node Affinity", required),
        *_block("Source", source),
    ]


def storage_class(obj: Object) -> list[str]:
    return [
        field("Default", "yes" if storage.is_default_class(obj) else "no"),
        field("Provisioner", obj.get("provisioner")),
        *pairs("Parameters", obj.get("parameters") or {}),
        field("Reclaim Policy", obj.get("reclaimPolicy")),
        field("Binding Mode", obj.get("volumeBindingMode")),
        field("Expansion", "allowed" if obj.get("allowVolumeExpansion") else "not allowed"),
        field("Mount Options", ", ".join(obj.get("mountOptions") or ())),
    ]


def _block(name: str, value: Object | None) -> list[str]:
    if not value:
        return [field(name, None)]
    return [f"{name}:", *(f"  {line}" for line in to_yaml(value).splitlines())]
