"""Which resources a CustomResourceDefinition makes, for parts that follow kinds they cannot know beforehand."""

from __future__ import annotations

from .conditions import is_true
from .kinds import Resource
from .meta import Object


def resources_of(definition: Object) -> list[Resource]:
    """The resource in each version that is served, the stored version first; none while the definition is not
    established."""
    if not is_true(definition, "Established"):
        return []
    spec = definition["spec"]
    names = (definition.get("status") or {}).get("acceptedNames") or spec["names"]
    served = [version for version in spec["versions"] if version.get("served")]
    return [
        Resource(
            spec["group"], version["name"], names["plural"], names["kind"], namespaced=spec["scope"] == "Namespaced"
        )
        for version in sorted(served, key=lambda version: not version.get("storage"))
    ]
