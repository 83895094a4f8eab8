"""What a write through the `status` of a pod may say: addresses of both families, conditions, a node that is one.

Kubernetes asks the same of kubelets and of everybody else.
"""

from __future__ import annotations

from functools import lru_cache

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from . import address_forms
from .pod_annotations import validate_annotation_change, validate_annotations

_SYSTEM_CONDITIONS = frozenset({"PodScheduled", "Ready", "Initialized"})
_FAMILIES = "may specify no more than one IP for each IP family"


def agree_on_addresses(status: Object) -> None:
    """`podIP` is the first of `podIPs`. Of two that differ it counts: who sets it may be too old to know the others."""
    first, found = status.get("podIP") or "", _texts(status, "podIPs")
    if first and found[:1] != [first]:
        status["podIPs"] = [{"ip": first}]
    elif found and not first:
        status["podIP"] = found[0]


def validate_pod_status(new: Object, old: Object) -> list[Cause]:
    status, before = new.get("status") or {}, old.get("status") or {}
    causes = validate_annotation_change(new, old) + validate_annotations(new)
    nominated = status.get("nominatedNodeName") or ""
    if nominated and nominated != before.get("nominatedNodeName"):
        causes += validation.each("status.nominatedNodeName", nominated, validation.dns_subdomain(nominated))
    causes += _validate_addresses(status, before, "podIPs") + _validate_addresses(status, before, "hostIPs")
    hosts = status.get("hostIPs") or []
    if hosts and hosts[0].get("ip") != status.get("hostIP"):
        causes.append(validation.wrong("status.hostIPs[0].ip", hosts[0].get("ip"), "must be equal to `hostIP`"))
    if before.get("qosClass"):
        causes += validation.unchanged("status.qosClass", status.get("qosClass"), before["qosClass"])
    for index, condition in enumerate(status.get("conditions") or ()):
        kind = condition.get("type") or ""
        if kind not in _SYSTEM_CONDITIONS:
            causes += validation.each(f"status.conditions[{index}].Type", kind, validation.qualified_name(kind))
    return causes


def _validate_addresses(status: Object, before: Object, field: str) -> list[Cause]:
    """At most one address of each family, all of them addresses."""
    path = f"status.{field}"
    found, known = _texts(status, field), _texts(before, field)
    causes: list[Cause] = []
    for index, text in enumerate(found):
        if not _is_strict(text):
            causes += address_forms.ip(f"{path}[{index}]", text, known)
    if len(found) > 1:
        if not causes and len({address_forms.address(text).version for text in found}) != len(found):
            causes.append(validation.wrong(path, status[field], _FAMILIES))
        causes += [
            validation.duplicate(f"{path}[{index}]", {"ip": text})
            for index, text in enumerate(found)
            if text in found[:index]
        ]
    return causes


def _texts(status: Object, field: str) -> list[str]:
    return [str(entry.get("ip") or "") for entry in status.get(field) or ()]


@lru_cache(maxsize=4096)  # a pod's addresses come with every report of its status
def _is_strict(address: str) -> bool:
    return not address_forms.ip("", address)
