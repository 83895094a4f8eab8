"""The conditions of a namespace that ends: what was found in it, as Kubernetes says it. Pure.

Programs read from their being there that the namespace was looked at, so all are written with each look.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from common.api.conditions import set_condition
from common.api.kinds import Resource
from common.api.meta import Object

_FINE = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


@dataclass(slots=True)
class Leftover:
    """What a look at a namespace found: objects that are still there, and what went wrong. `silent` are the groups and
    versions whose servers cannot be asked what they have."""

    remaining: Counter[Resource] = field(default_factory=Counter)
    finalizers: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.remaining and not self.errors and not self.silent


def conditions(namespace: Object, left: Leftover, now: datetime) -> list[Object]:
    """The namespace's conditions with what was found."""
    wrong = _wrong(left)
    result = list((namespace.get("status") or {}).get("conditions") or ())
    for kind, fine in _FINE.items():
        reason, message = wrong.get(kind, fine)
        result = set_condition(result, kind, str(kind in wrong), reason, message, now)
    return result


def _wrong(left: Leftover) -> dict[str, tuple[str, str]]:
    """Reason and message of the conditions that are True."""
    found: dict[str, tuple[str, str]] = {}
    if left.silent:
        listed = ", ".join(f"{name}: stale GroupVersion discovery: {name}" for name in sorted(left.silent))
        text = (
            f"Discovery failed for some groups, {len(left.silent)} failing: unable to retrieve the complete list of "
            f"server APIs: {listed}"
        )
        found["NamespaceDeletionDiscoveryFailure"] = ("DiscoveryFailed", text)
    if left.errors:
        text = f"Failed to delete all resource types, {len(left.errors)} remaining: {', '.join(sorted(left.errors))}"
        found["NamespaceDeletionContentFailure"] = ("ContentDeletionFailed", text)
    if left.remaining:
        # The dot is there without a group too: Kubernetes writes "pods. has 1 resource instances".
        parts = sorted(
            f"{kind.plural}.{kind.group} has {count} resource instances" for kind, count in left.remaining.items()
        )
        text = f"Some resources are remaining: {', '.join(parts)}"
        found["NamespaceContentRemaining"] = ("SomeResourcesRemain", text)
    if left.finalizers:
        parts = sorted(f"{finalizer} in {count} resource instances" for finalizer, count in left.finalizers.items())
        text = f"Some content in the namespace has finalizers remaining: {', '.join(parts)}"
        found["NamespaceFinalizersRemaining"] = ("SomeFinalizersRemain", text)
    return found
