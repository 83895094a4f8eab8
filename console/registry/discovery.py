"""Discovery documents: which groups, versions and resources are served, and what can be done with each."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from common.api.kinds import Resource
from common.api.meta import Object

from .catalog import Registry
from .row import Row

AGGREGATED = "apidiscovery.k8s.io/v2"

# The kind that a subresource takes and gives, where that is not the resource's own: group, version, kind.
_SUBRESOURCE_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "exec": ("", "v1", "PodExecOptions"),
    "attach": ("", "v1", "PodAttachOptions"),
    "portforward": ("", "v1", "PodPortForwardOptions"),
    "why": ("quarterdeck.io", "v1", "Explanation"),
    "usage": ("quarterdeck.io", "v1", "VolumeUsage"),
    "adopt": ("quarterdeck.io", "v1", "Host"),
    "shell": ("quarterdeck.io", "v1", "NodeShellOptions"),
}
_SUBRESOURCE_VERBS = {
    "log": ("get",),
    "why": ("get",),
    "usage": ("get",),
    "exec": ("create", "get"),
    "attach": ("create", "get"),
    "portforward": ("create", "get"),
    "shell": ("create", "get"),
    "binding": ("create",),
    "eviction": ("create",),
    "token": ("create",),
    "adopt": ("create",),
    "images": ("create", "get", "update"),
    "finalize": ("update",),
    "proxy": ("create", "delete", "get", "patch", "update"),
}
_STATE_VERBS = ("get", "patch", "update")


def subresource_kind(row: Row, subresource: str) -> tuple[str, str, str]:
    """Group, version and kind that a subresource speaks."""
    own = (row.resource.group, row.resource.version, row.resource.kind)
    if subresource == "proxy":
        return "", "v1", f"{row.resource.kind}ProxyOptions"
    return _SUBRESOURCE_KINDS.get(subresource, own)


def subresource_verbs(subresource: str) -> tuple[str, ...]:
    return _SUBRESOURCE_VERBS.get(subresource, _STATE_VERBS)


def _rows_of(registry: Registry, group: str, version: str) -> list[Row]:
    return [row for row in registry.rows() if (row.resource.group, row.resource.version) == (group, version)]


def aggregated(registry: Registry, *, core: bool) -> Object:
    """`APIGroupDiscoveryList`: of the core group for /api, of all others for /apis."""
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": AGGREGATED,
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group, "creationTimestamp": None},
                "versions": [_aggregated_version(registry, group, version) for version in versions],
            }
            for group, versions in registry.groups().items()
            if (group == "") is core
        ],
    }


def _aggregated_version(registry: Registry, group: str, version: str) -> Object:
    resources = [_aggregated_resource(row) for row in _rows_of(registry, group, version)]
    return {"version": version, "resources": resources, "freshness": "Current"}


def _aggregated_resource(row: Row) -> Object:
    resource = row.resource
    found: Object = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": row.singular,
        "verbs": list(row.verbs),
    }
    if row.short_names:
        found["shortNames"] = list(row.short_names)
    if row.categories:
        found["categories"] = list(row.categories)
    if row.subresources:
        found["subresources"] = [_aggregated_subresource(row, name) for name in sorted(row.subresources)]
    return found


def _aggregated_subresource(row: Row, subresource: str) -> Object:
    group, version, kind = subresource_kind(row, subresource)
    return {
        "subresource": subresource,
        "responseKind": {"group": group, "version": version, "kind": kind},
        "verbs": list(subresource_verbs(subresource)),
    }


def api_versions(server_address: str = "") -> Object:
    """`APIVersions` of /api."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def api_group(group: str, versions: list[str]) -> Object:
    """`APIGroup` of /apis/GROUP."""
    known = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": group,
        "versions": known,
        "preferredVersion": known[0],
    }


def api_group_list(groups: Mapping[str, list[str]]) -> Object:
    """`APIGroupList` of /apis; `groups` are the versions of each, the preferred first."""
    listed = [api_group(group, versions) for group, versions in groups.items() if group]
    for item in listed:
        del item["kind"], item["apiVersion"]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def api_resource_list(registry: Registry, group: str, version: str) -> Object:
    """`APIResourceList` of /api/v1 or /apis/GROUP/VERSION."""
    resources: list[Object] = []
    for row in _rows_of(registry, group, version):
        resources.append(_resource(row))
        resources += [_subresource(row, name) for name in sorted(row.subresources)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": resources,
    }


def _resource(row: Row) -> Object:
    resource = row.resource
    found: Object = {
        "name": resource.plural,
        "singularName": row.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(row.verbs),
    }
    if row.short_names:
        found["shortNames"] = list(row.short_names)
    if row.categories:
        found["categories"] = list(row.categories)
    if "update" in row.verbs:
        found["storageVersionHash"] = _storage_hash(row.stored.resource)
    return found


def _storage_hash(resource: Resource) -> str:
    """Tells clients that migrate stored objects in which version these are; the same in every Kubernetes."""
    kind = f"{resource.group}/{resource.version}/{resource.kind}"
    return base64.b64encode(hashlib.sha256(kind.encode()).digest()[:8]).decode()


def _subresource(row: Row, subresource: str) -> Object:
    group, version, kind = subresource_kind(row, subresource)
    found: Object = {
        "name": f"{row.resource.plural}/{subresource}",
        "singularName": "",
        "namespaced": row.resource.namespaced,
        "kind": kind,
        "verbs": list(subresource_verbs(subresource)),
    }
    if (group, version) != (row.resource.group, row.resource.version):
        found["group"], found["version"] = group, version
    return found
