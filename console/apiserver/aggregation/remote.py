"""What is known of aggregated API servers, and their part in the discovery documents. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from common.api.meta import Object
from console.registry.catalog import version_order
from console.registry.openapi_v2 import Others


@dataclass(frozen=True, slots=True)
class Remote:
    """One group and version of another server. `resources` is what its `APIResourceList` has, `openapi` its document
    of OpenAPI v3, `swagger` its part of v2; all as they were when it last answered. `available`: whether that was just
    now, and with the right certificate."""

    group: str
    version: str
    group_priority: int
    version_priority: int
    available: bool = False
    resources: tuple[Object, ...] = ()
    openapi: bytes = b""
    swagger: Object = field(default_factory=dict)


def resources_of(body: bytes) -> tuple[Object, ...]:
    """What an `APIResourceList` lists. What is no resource is left out: no answer of a stranger's server may spoil the
    documents of others."""
    listed = _decoded(body).get("resources")
    return tuple(item for item in listed if _is_resource(item)) if isinstance(listed, list) else ()


def swagger_of(body: bytes) -> Object:
    """Paths and definitions of a document of OpenAPI v2."""
    document = _decoded(body)
    return {name: found for name in ("paths", "definitions") if isinstance(found := document.get(name), dict)}


def is_object(body: bytes) -> bool:
    """Whether a document is a JSON object, and not an empty one."""
    return bool(_decoded(body))


def _decoded(body: bytes) -> Object:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_resource(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get("verbs"), list | None)


def with_groups(groups: dict[str, list[str]], remotes: Iterable[Remote]) -> dict[str, list[str]]:
    """Versions by group, the preferred first: those that are served here, and behind them those of others by their
    priority."""
    found = dict(groups)
    by_group: dict[str, list[Remote]] = {}
    for remote in sorted(remotes, key=lambda item: (-item.group_priority, item.group)):
        by_group.setdefault(remote.group, []).append(remote)
    for group, items in by_group.items():
        ranked = sorted(items, key=lambda item: (-item.version_priority, version_order(item.version)))
        versions = [item.version for item in ranked]
        found[group] = [*(one for one in found.get(group, []) if one not in versions), *versions]
    return found


def aggregated(document: Object, remotes: Iterable[Remote], groups: dict[str, list[str]]) -> Object:
    """An `APIGroupDiscoveryList` with the groups of others."""
    local = {item["metadata"]["name"]: {entry["version"]: entry for entry in item["versions"]}
             for item in document["items"]}  # fmt: skip
    theirs = {(remote.group, remote.version): _version(remote) for remote in remotes}
    items = [
        {
            "metadata": {"name": group, "creationTimestamp": None},
            "versions": [theirs.get((group, one)) or local[group][one] for one in versions],
        }
        for group, versions in groups.items()
        if group
    ]
    return {**document, "items": items}


def _version(remote: Remote) -> Object:
    resources: list[Object] = []
    by_name: dict[str, Object] = {}
    for item in remote.resources:
        name, _, subresource = str(item.get("name", "")).partition("/")
        if not subresource:
            by_name[name] = _resource(remote, item)
            resources.append(by_name[name])
        elif name in by_name:
            by_name[name].setdefault("subresources", []).append(
                {"subresource": subresource, "responseKind": _kind(remote, item), "verbs": item.get("verbs") or []}
            )
    freshness = "Current" if remote.available else "Stale"
    return {"version": remote.version, "resources": resources, "freshness": freshness}


def _resource(remote: Remote, item: Object) -> Object:
    found: Object = {
        "resource": item["name"],
        "responseKind": _kind(remote, item),
        "scope": "Namespaced" if item.get("namespaced") else "Cluster",
        "singularResource": item.get("singularName", ""),
        "verbs": item.get("verbs") or [],
    }
    for field_name in ("shortNames", "categories"):
        if item.get(field_name):
            found[field_name] = item[field_name]
    return found


def _kind(remote: Remote, item: Object) -> dict[str, Any]:
    return {
        "group": item.get("group") or remote.group,
        "version": item.get("version") or remote.version,
        "kind": item.get("kind", ""),
    }


def swaggers(remotes: Iterable[Remote]) -> list[Others]:
    """What others say in OpenAPI v2 of their own paths."""
    return [Others(remote.swagger, f"/apis/{remote.group}/{remote.version}/") for remote in remotes if remote.swagger]
