"""Extended resources: what operators say that a node has, such as `example.com/gpu`, by a patch of its capacity. Pure.

Agents count what they know and nothing of this, so their reports must not take it away; and pods are placed by what is
allocatable, which only the writer of the node's status keeps. As kubelet does: all of the capacity is allocatable, and
what is no longer in the capacity is gone from there too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.api.meta import Object

_NATIVE = "kubernetes.io/"


def is_extended(name: str) -> bool:
    """Whether a resource is none of Kubernetes' own."""
    return "/" in name and _NATIVE not in name


def kept(status: Mapping[str, Any], reported: Mapping[str, Any]) -> Object:
    """Capacity and allocatable of a node with `status` whose agent reports something new."""
    before, now = status.get("capacity") or {}, reported.get("capacity", status.get("capacity")) or {}
    capacity = {**{name: amount for name, amount in before.items() if is_extended(name)}, **now}
    known = reported.get("allocatable", status.get("allocatable")) or {}
    own = {name: amount for name, amount in known.items() if not is_extended(name)}
    allocatable = {**own, **{name: amount for name, amount in capacity.items() if is_extended(name)}}
    found = {"capacity": capacity, "allocatable": allocatable}
    return {field: amounts for field, amounts in found.items() if amounts}


def is_due(node: Object) -> bool:
    """Whether the capacity of a node was changed and what is allocatable does not follow yet."""
    status = node.get("status") or {}
    wanted, found = kept(status, {}).get("allocatable") or {}, status.get("allocatable") or {}
    return bool(wanted != found)
