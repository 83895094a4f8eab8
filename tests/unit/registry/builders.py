"""Objects and contexts for the tests of the registry."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from common.api.kinds import DEPLOYMENTS, PODS, SERVICES, Resource
from common.api.meta import Key, Object, key
from common.errors import BadRequest, Invalid
from common.settings import ClusterConfig
from console.registry.admission import admit_create, admit_update, decode
from console.registry.catalog import default_registry
from console.registry.row import Context, Row

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
REGISTRY = default_registry()
DUAL = ClusterConfig(
    pod_cidrs=("10.42.0.0/16", "fd00:42::/56"), service_cidrs=("10.43.0.0/16", "fd00:43::/112"), uid="u"
)
SINGLE = ClusterConfig(uid="u")
YAML, JSON = "application/yaml", "application/json"


class Objects:
    """A lookup over a plain dictionary."""

    def __init__(self) -> None:
        self._found: dict[tuple[Resource, Key], Object] = {}

    def get(self, resource: Resource, wanted: Key) -> Object | None:
        return self._found.get((resource, wanted))

    def items(self, resource: Resource) -> Iterable[Object]:
        return [obj for (kind, _), obj in self._found.items() if kind == resource]

    def put(self, resource: Resource, obj: Object) -> Object:
        self._found[resource, key(obj)] = obj
        return obj


def context(lookup: Objects | None = None, config: ClusterConfig = DUAL) -> Context:
    return Context(NOW, lookup or Objects(), config)


def row(resource: Resource) -> Row:
    return REGISTRY.row_for(resource)


def created(resource: Resource, obj: Object, where: Context | None = None) -> Object:
    return admit_create(row(resource), obj, where or context())


def updated(
    resource: Resource, new: Object, old: Object, subresource: str = "", where: Context | None = None
) -> Object:
    return admit_update(row(resource), new, old, where or context(), subresource)


def causes(resource: Resource, obj: Object, where: Context | None = None) -> list[str]:
    """What is wrong with a new object, as `field: message`."""
    try:
        created(resource, obj, where)
    except Invalid as error:
        return [f"{cause.field}: {cause.message}" for cause in error.causes]
    return []


def update_causes(resource: Resource, new: Object, old: Object, subresource: str = "") -> list[str]:
    try:
        updated(resource, new, old, subresource)
    except Invalid as error:
        return [f"{cause.field}: {cause.message}" for cause in error.causes]
    return []


def named(name: str, **fields: Any) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}, **fields}


def container(**fields: Any) -> Object:
    return {"name": "main", "image": "app:1", **fields}


def pod(**spec: Any) -> Object:
    return named("p", spec={"containers": [container()], **spec})


def pod_of(**fields: Any) -> Object:
    """A pod whose only container has these fields."""
    return pod(containers=[container(**fields)])


def deployment(**spec: Any) -> Object:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container()]}}
    return named("web", spec={"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec})


def service(name: str = "web", **spec: Any) -> Object:
    return named(name, spec={"selector": {"app": "web"}, "ports": [{"port": 80}], **spec})


def changed(obj: Object, path: str, value: Any) -> Object:
    """A copy with one field set (or removed, by None); list positions are numbers in the path."""
    copy: Any = _copy(obj)
    target = copy
    *parts, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parts:
        target = target[part] if isinstance(target, list) else target.setdefault(part, {})
    if value is None:
        del target[last]
    else:
        target[last] = value
    result: Object = copy
    return result


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


__all__ = [
    "DEPLOYMENTS", "DUAL", "NOW", "PODS", "REGISTRY", "SERVICES", "SINGLE", "Objects", "causes", "changed", "container",
    "context", "created", "deployment", "named", "pod", "pod_of", "row", "service", "update_causes", "updated",
]  # fmt: skip


def undecodable(resource: Resource, body: object, validation: str = "Strict", media_type: str = JSON) -> str:
    """What is said of a body; one that is no bytes goes as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(BadRequest) as caught:
        decode(row(resource), raw, media_type, validation)
    return caught.value.message
