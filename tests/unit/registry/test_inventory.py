"""Which kinds are served, beside all stable ones that Kubernetes publishes, and what is known of each in protobuf."""

from __future__ import annotations

import re
from typing import Any

from console.registry import protobuf_fields
from console.registry.schema import definition, published, referenced, schema

from .builders import REGISTRY

# What is published beside the kinds that are resources: parts of requests and answers.
_NO_RESOURCES = {
    "APIGroup", "APIVersions", "DeleteOptions", "Status", "WatchEvent",
    "Binding", "Eviction", "Scale", "TokenRequest",  # each the body of a subresource
}  # fmt: skip
# Fields of features that are off in 1.36: they are dropped, here as by Kubernetes.
_OFF = {
    "core.v1.NodeAllocatableResourceClaimStatus": None,
    "core.v1.PodSchedulingGroup": None,
    "core.v1.VolumeStatus": None,
    "resource.v1.NodeAllocatableResourceMapping": None,
    "core.v1.PodSpec": {"schedulingGroup"},
    "core.v1.PodStatus": {"allocatedResources", "nodeAllocatableResourceClaimStatuses", "resources"},
    "core.v1.ResourceHealth": {"message"},
    "core.v1.VolumeMountStatus": {"volumeStatus"},
    "resource.v1.Device": {"nodeAllocatableResourceMappings"},
    "resource.v1.DeviceAttribute": {"bools", "ints", "strings", "versions"},
    "storage.v1.CSIDriverSpec": {"preventPodSchedulingIfMissing"},
}
_KINDS = "x-kubernetes-group-version-kind"


def _stable() -> set[tuple[str, str, str]]:
    found = {
        (kind["group"], kind["version"], kind["kind"])
        for source in published().values()
        for kind in source.get(_KINDS, ())
    }
    return {
        kind
        for kind in found
        if re.fullmatch("v[0-9]+", kind[1]) and kind[2] not in _NO_RESOURCES and not kind[2].endswith("List")
    }


def test_every_stable_kind_of_kubernetes_is_served() -> None:
    resources = [row.resource for row in REGISTRY.rows()]
    served = {(resource.group, resource.version, resource.kind) for resource in resources}
    assert _stable() - served == set()
    more = {group for group, _, _ in served - _stable() - {("", "v1", "Binding")}}
    assert more == {"metrics.k8s.io", "quarterdeck.io"}


def _known(message: str) -> set[str]:
    found: set[str] = set()
    for field in protobuf_fields.fields_of(message).values():
        found |= _known(field.inlined) if field.inlined else {field.name}
    return found


def _unknown(message: str, properties: set[str]) -> set[str] | None:
    """Fields without a number; None when the whole message has none."""
    try:
        known = _known(message)
    except KeyError:
        return None
    assert known <= properties, message
    return properties - known


def test_every_field_of_every_kind_that_is_written_has_its_number_in_protobuf() -> None:
    written = [row for row in REGISTRY.rows() if row.schema.startswith("io.k8s.") and not row.computed]
    names = {name for row in written for name in referenced(row.schema)}
    missing: dict[str, Any] = {}
    for name in names:
        kind = schema(name)
        if kind.shape != "object":
            continue
        of_request = {"apiVersion", "kind"} if _KINDS in definition(name) else set()
        message = ".".join(name.split(".")[-3:])
        unknown = _unknown(message, set(kind.properties) - of_request)
        if unknown is None or unknown:
            missing[message] = unknown
    assert missing == _OFF


def test_a_kind_in_several_versions_is_known_by_each() -> None:
    found = {other.api_version: kept.api_version for other, kept in REGISTRY.versions().items()}
    assert found["autoscaling/v1"] == "autoscaling/v2"
