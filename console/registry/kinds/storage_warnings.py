"""What Kubernetes warns of in volumes and claims, though it accepts them; in its words and order."""

from __future__ import annotations

from collections.abc import Iterator

from common.api import meta, quantity
from common.api.meta import Object
from console.registry import validation

from .pod_warnings import label_warning, term_warnings

_CLASS = "volume.beta.kubernetes.io/storage-class"
_OLD_CLASS = f'metadata.annotations[{_CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead'
_RECYCLE = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."
_SOURCES = {
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}
"""Volumes that are no longer mounted: the name that the warning has for the field, and what it says."""


def volume_warnings(volume: Object) -> list[str]:
    spec = volume["spec"]
    found = [_OLD_CLASS] if _CLASS in meta.annotations(volume) else []
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(f"spec.persistentVolumeReclaimPolicy: {_RECYCLE}")
    required = (spec.get("nodeAffinity") or {}).get("required") or {}
    for index, term in enumerate(required.get("nodeSelectorTerms") or ()):
        found += term_warnings(term, f"spec.nodeAffinity.required.nodeSelectorTerms[{index}]")
    return found + [f"spec.{shown}: {text}" for field, (shown, text) in _SOURCES.items() if spec.get(field) is not None]


def class_warnings(obj: Object) -> list[str]:
    """Of a StorageClass: labels that nodes have under another name now."""
    return [
        told
        for index, term in enumerate(obj.get("allowedTopologies") or ())
        for place, expression in enumerate(term.get("matchLabelExpressions") or ())
        for told in label_warning(
            f"allowedTopologies[{index}].matchLabelExpressions[{place}].key", expression.get("key")
        )
    ]


def capacity_warnings(obj: Object) -> list[str]:
    return [*term_warnings(obj.get("nodeTopology") or {}, "nodeTopology")]


def claim_warnings(claim: Object) -> list[str]:
    found = [_OLD_CLASS] if _CLASS in meta.annotations(claim) else []
    return [*found, *spec_warnings(claim["spec"], "spec")]


def spec_warnings(spec: Object, path: str) -> Iterator[str]:
    """Of a claim or a template of claims; `path` is where Kubernetes says that its spec is."""
    for kind in ("requests", "limits"):
        amount = ((spec.get("resources") or {}).get(kind) or {}).get("storage")
        if amount is not None and quantity.parse(amount).denominator != 1:
            shown = validation.shown(str(amount))
            yield f"{path}.resources.{kind}[storage]: fractional byte value {shown} is invalid, must be an integer"
