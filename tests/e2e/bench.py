"""Pods side by side in a namespace of their own, asked afterwards what each printed and how it ended.

Starting them together is what makes dozens of small pods affordable: the engines are busy all the time, and each test
only looks at its own pod.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from tests.e2e import manifests
from tests.e2e.cluster import Cluster

IMAGE = "qd-test/web:1"
SECONDS = 90.0


class Bench:
    """One namespace and the pods in it."""

    def __init__(self, cluster: Cluster, space: str) -> None:
        self.cluster = cluster
        self.space = space
        self.log = cache(self._log)

    def start(self, *objects: dict[str, Any]) -> None:
        for obj in objects:
            obj["metadata"].setdefault("namespace", self.space)
        self.cluster.apply(*objects)

    def get(self, name: str, kind: str = "pod") -> dict[str, Any]:
        return self.cluster.get(kind, name, self.space)

    def wait(self, name: str, holds: Callable[[dict[str, Any]], bool], what: str, seconds: float = SECONDS) -> Any:
        """The pod once that holds of it."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found[:] = [self.get(name)]
            return holds(found[0])

        self.cluster.wait(look, f"pod {name} {what}", seconds, lambda: json.dumps(found[0]["status"], indent=1))
        return found[0]

    def ended(self, name: str) -> dict[str, Any]:
        """The pod once it has Succeeded or Failed."""
        return dict(self.wait(name, lambda pod: pod["status"]["phase"] in {"Succeeded", "Failed"}, "to end"))

    def running(self, name: str) -> dict[str, Any]:
        return dict(self.wait(name, lambda pod: is_ready(pod), "to be Ready"))

    def _log(self, name: str, container: str = "main") -> str:
        """What a container of a pod that has ended printed."""
        self.ended(name)
        return self.cluster.kubectl("logs", name, "-c", container, "-n", self.space)

    def lines(self, name: str, container: str = "main") -> list[str]:
        return self.log(name, container).splitlines()

    def exec(self, name: str, *words: str, container: str = "main", check: bool = True) -> str:
        return self.cluster.kubectl("exec", name, "-n", self.space, "-c", container, "--", *words, check=check)


@contextmanager
def opened(cluster: Cluster, space: str) -> Iterator[Bench]:
    """A bench that is cleared away at the end."""
    cluster.apply(manifests.namespace(space))
    try:
        yield Bench(cluster, space)
    finally:
        cluster.kubectl("delete", "namespace", space, "--timeout=90s", timeout=120)


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def container(script: str, name: str = "main", **fields: Any) -> dict[str, Any]:
    """A shell of the test image; an empty script leaves the image's own command."""
    command = {"command": ["sh", "-c", script]} if script else {}
    return {"name": name, "image": IMAGE, "imagePullPolicy": "IfNotPresent", **command, **fields}


def pod(name: str, *containers: dict[str, Any], metadata: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """It runs once unless `restartPolicy` says otherwise, and goes quickly when it is deleted."""
    whole = {
        "restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False,
        "containers": list(containers), **spec,
    }  # fmt: skip
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **(metadata or {})}, "spec": whole}


def config_map(name: str, data: dict[str, str], **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data, **fields}


def secret(name: str, data: dict[str, str], **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data, **fields}
