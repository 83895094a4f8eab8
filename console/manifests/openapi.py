"""The server's OpenAPI v3 document as places in a schema, for `threeway`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from common.api.kinds import Resource
from common.api.meta import Object

from .threeway import Schema, Unknown


class SchemaNeeded(Exception):
    """A patch asks how a list merges, and the server's document is not there yet."""


class Unread:
    """The schema of a kind before its document was fetched: most applies change no list and need none."""

    def child(self, _field: str) -> Unread:
        return self

    def element(self) -> Unread:
        return self

    @property
    def merge_key(self) -> str:
        raise SchemaNeeded

    merges_values = False  # asked after `merge_key`, which has raised by then


class _Document:
    """Components of one group and version."""

    def __init__(self, document: Object) -> None:
        self.components: dict[str, Object] = (document.get("components") or {}).get("schemas") or {}

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
    """A lazy place: `find` is asked for its node when somebody wants to know something of it."""

    def __init__(self, document: _Document, find: Callable[[], Object]) -> None:
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


def path(resource: Resource) -> str:
    """Where the server has the document of a kind."""
    group = f"apis/{resource.group}" if resource.group else "api"
    return f"/openapi/v3/{group}/{resource.version}"


def takes_strategic(resource: Resource) -> bool:
    """Whether a kind takes strategic merge patches: those that are not Kubernetes' own do not."""
    return "." not in resource.group or resource.group.endswith(".k8s.io")


def schema_of(document: Object, resource: Resource) -> Schema:
    """The schema of a kind, by the document at `path`; of an empty one every list is replaced as a whole."""
    if not takes_strategic(resource):
        return Unknown()
    read = _Document(document)
    return _Place(read, lambda: read.of_kind(resource))
