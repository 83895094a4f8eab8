"""The answers behind ComponentStatuses: scheduler, controllers and store, under the names that clients know.

Asked through `backends.Computed`, like all objects that are kept nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from common.api.kinds import Resource
from common.api.meta import Object

_STORE = "etcd-0"
_NAMES = ("scheduler", "controller-manager", _STORE)


class Components:
    """`fault` says what is wrong with the store, and is empty when nothing is."""

    def __init__(self, fault: Callable[[], str]) -> None:
        self._fault = fault

    def one(self, resource: Resource, _namespace: str, name: str, _query: Mapping[str, str]) -> Object | None:
        return self._status(resource, name) if name in _NAMES else None

    def every(self, resource: Resource, _namespace: str, _query: Mapping[str, str]) -> list[Object]:
        return [self._status(resource, name) for name in _NAMES]

    def _status(self, resource: Resource, name: str) -> Object:
        fault = self._fault() if name == _STORE else ""
        condition: Object = {"type": "Healthy", "status": "False", "error": fault}
        if not fault:
            condition = {"type": "Healthy", "status": "True", "message": "ok"}
        return {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name, "creationTimestamp": None},
            "conditions": [condition],
        }
