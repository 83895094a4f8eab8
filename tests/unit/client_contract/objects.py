"""Objects for tests of the API."""

from __future__ import annotations

from typing import Any

from common.api.meta import Object


def configmap(name: str = "settings", namespace: str = "default", **data: str) -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "data": data}


def pod(name: str = "web", namespace: str = "default", **spec: Any) -> Object:
    containers = [{"name": "main", "image": "registry.local/web:1"}]
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"containers": containers, **spec}}


def deployment(name: str = "web", namespace: str = "default", replicas: int = 3) -> Object:
    labels = {"app": name}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod()["spec"]},
        },
    }
