"""The server's OpenAPI v3 document as places in a schema, read only as far as a patch asks."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from common.api.kinds import Resource
from common.api.meta import Object
from common.blocking import Api
from common.errors import NotFound

from .threeway import Schema, Unknown


class _Document:
    """Components of one group and version; fetched on first use, because most applies change no list."""

    def __init__(self, api: Api, resource: Resource) -> None:
        self._api = api
        self._path = f"apis/{resource.group}/{resource.version}" if resource.group else f"api/{resource.version}"

    @cached_property
    def components(self) -> dict[str, Object]:
        try:
            document = self._api.get(f"/openapi/v3/{self._path}")
        except NotFound:
            return {}
        found: dict[str, Object] = (document.get("components") or {}).get("schemas") or {}
        return found

    def resolve(self, node: Object) -> Object:
        """Follow `$ref`, also where `allOf` wraps it to add a default; what stands beside it stays."""
        reference = node.get("$ref") or next((part["$ref"] for part in node.get("allOf") or () if "$ref" in part), None)
        if not isinstance(reference, str):
            return node
        target = self.components.get(reference.rpartition("/")[2]) or {}
        return {**target, **{key: value for key, value in node.items() if key not in {"$ref", "allOf"}}}

    def of_kind(self, resource: Resource) -> Object:
        wanted = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        return next(
            (
                node
                for node in self.components.values()
                if wanted in (node.get("x-kubernetes-group-version-kind") or ())
            ),
            {},
        )


class _Place:
    """A lazy place: `node` is looked up when asked for its properties."""

    def __init__(self, document: _Document, find: Any) -> None:
        self._document = document
        self._find = find

    @cached_property
    def _node(self) -> Object:
        return self._document.resolve(self._find())

    def child(self, field: str) -> _Place:
        def find() -> Object:
            properties = self._node.get("properties") or {}
            extra = self._node.get("additionalProperties")
            found: Object = properties.get(field) or (extra if isinstance(extra, dict) else {})
            return found

        return _Place(self._document, find)

    def element(self) -> _Place:
        return _Place(self._document, lambda: self._node.get("items") or {})

    @property
    def merge_key(self) -> str:
        return str(self._node.get("x-kubernetes-patch-merge-key") or "") if self._merges else ""

    @property
    def merges_values(self) -> bool:
        return self._merges and not self._node.get("x-kubernetes-patch-merge-key")

    @property
    def _merges(self) -> bool:
        return "merge" in str(self._node.get("x-kubernetes-patch-strategy") or "").split(",")


def of_server(api: Api, resource: Resource) -> Schema:
    """The schema of a kind; kinds that are not Kubernetes' own take no strategic merge patch."""
    if "." in resource.group and not resource.group.endswith(".k8s.io"):
        return Unknown()
    document = _Document(api, resource)
    return _Place(document, lambda: document.of_kind(resource))
