"""The `Client` protocol: Kubernetes' verbs on plain objects. All methods raise `common.errors.ApiError` types."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from common.api.kinds import Resource
from common.api.meta import Object

READ_ONLY = "Quarterdeck-Read-Only"
"""The header by which a client binds its requests to reading (`true`); the API refuses any other with it."""


class PatchType(StrEnum):
    """The media types of the four kinds of patch."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class ObjectList:
    """A consistent snapshot. `resource_version` is where a watch may start; `next_page` is empty on the last page."""

    items: list[Object]
    resource_version: str
    next_page: str = ""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """`type` is ADDED, MODIFIED, DELETED or BOOKMARK. Objects are shared between watchers: never change one."""

    type: str
    object: Object


class Client(Protocol):
    """Objects that come out may be shared: copy before changing. `namespace` is None for cluster-scoped kinds and,
    in list and watch, for all namespaces."""

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str = ""
    ) -> Object:
        """The object, or the document of a subresource (`scale`)."""
        ...

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        page: str = "",
    ) -> ObjectList: ...

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        """Changes after `resource_version`, until closed. Raises Expired when that is no longer known, and ends
        without error when the server ends the watch: list again from where it stopped."""
        ...

    async def create(self, resource: Resource, obj: Object, namespace: str | None = None) -> Object: ...

    async def update(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        """Replace; a `resourceVersion` in the object makes it conditional (Conflict when it is not the latest)."""
        ...

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        namespace: str | None = None,
        *,
        kind: PatchType = PatchType.MERGE,
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> Object: ...

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        grace_period_seconds: int | None = None,
        propagation_policy: str | None = None,
    ) -> Object:
        """Ask for deletion. `uid` guards against deleting a namesake. `propagation_policy`: Foreground, Background
        or Orphan."""
        ...

    async def post(
        self, resource: Resource, name: str, subresource: str, body: Object, namespace: str | None = None
    ) -> Object:
        """POST to a subresource: `pods/binding`, `pods/eviction`, `serviceaccounts/token`, `hosts/adopt`."""
        ...
