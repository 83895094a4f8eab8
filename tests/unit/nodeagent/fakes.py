"""Stand-ins for what the agent's parts are given."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from common.api import meta
from common.api.meta import Object


class Objects:
    """Where environment and volumes find ConfigMaps, Secrets and Services."""

    def __init__(self, **objects: list[Object]) -> None:
        self.all = objects

    def find(self, resource: str, namespace: str, name: str) -> Object | None:
        wanted = meta.Key(namespace, name)
        return next((item for item in self.objects(resource) if meta.key(item) == wanted), None)

    def objects(self, resource: str) -> list[Object]:
        return self.all.get(resource, [])


class Mounter:
    """Remembers what it would have mounted."""

    def __init__(self) -> None:
        self.mounted: dict[Path, int | None] = {}

    def tmpfs(self, path: Path, size: int | None) -> None:
        self.mounted[path] = size

    def unmount(self, path: Path) -> None:
        del self.mounted[path]


def config_map(name: str = "cm", **data: str) -> Object:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": "default", "uid": name}, "data": data}


def secret(name: str = "sec", **data: str) -> Object:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"name": name, "namespace": "default", "uid": name}, "data": encoded}


def service(name: str, address: str, *ports: Object, namespace: str = "default") -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": address, "ports": list(ports)}}


def pod(container: Object | None = None, **spec: Any) -> Object:
    return {
        "metadata": {"name": "web-1", "namespace": "default", "uid": "u1", "labels": {"app": "web", "a": 'q"x'}},
        "spec": {"containers": [{"name": "web", "image": "web:1", **(container or {})}], **spec},
    }
