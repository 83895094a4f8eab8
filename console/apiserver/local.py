"""The `Client` of the control plane's own components: the verbs of the API server without the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

import orjson

from common.api import meta
from common.api.kinds import PODDISRUPTIONBUDGETS, Resource
from common.api.meta import Object
from common.client.base import ObjectList, PatchType, WatchEvent
from common.errors import NotFound, unserved
from console.registry.admission import clone
from console.registry.catalog import Registry
from console.registry.patch import apply_patch, merge
from console.registry.row import Row

from . import subresources
from .caller import Caller
from .eviction import evict
from .identity.accounts import ServiceAccountTokens
from .identity.tokenrequest import request_token
from .options import DeleteOptions, ListOptions, WriteOptions
from .selection import Selection
from .verbs import Verbs
from .watching import open_watch


class Posts(Protocol):
    """POSTs to subresources that leave the API server (adoption of hosts)."""

    async def post_host(self, name: str, subresource: str, body: Object) -> Object: ...


class LocalClient:
    """A client for one identity. Its objects come from the store itself: never change one.

    Objects that components send are of this program's own making and are not checked against the schema; defaults,
    rules and everything else hold for them as for anybody's. Lists and watches of a kind that a webhook converts have
    its objects as they are stored: components need their metadata alone, and a webhook that is away must not hold them
    up.
    """

    def __init__(
        self, verbs: Verbs, registry: Registry, caller: Caller, posts: Posts, tokens: ServiceAccountTokens
    ) -> None:
        self._verbs = verbs
        self._registry = registry
        self._caller = caller
        self._posts = posts
        self._tokens = tokens

    def _row(self, resource: Resource) -> Row:
        return self._registry.row_for(resource)

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str = ""
    ) -> Object:
        row = self._row(resource)
        if subresource and subresource not in row.subresources:
            raise unserved()
        if subresource == "scale":
            return await subresources.get_scale(self._verbs, row.stored, namespace or "", name)
        return await self._verbs.shown(row, self._verbs.get(row.stored, namespace or "", name).obj)

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        page: str = "",
    ) -> ObjectList:
        row = self._row(resource)
        selection = Selection.parse(row, namespace, label_selector, field_selector)
        found = self._verbs.page(row.stored, selection, ListOptions(limit=limit, page=page))
        revision = str(found.metadata().get("resourceVersion", ""))
        return ObjectList([row.show(entry.obj) for entry in found.entries], revision, found.page)

    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        row = self._row(resource)
        selection = Selection.parse(row, namespace, label_selector, field_selector)
        found = open_watch(self._verbs.store, row.stored, selection, ListOptions(resource_version=resource_version))
        try:
            for event in found.initial:
                yield WatchEvent(event.type, row.show(event.entry.obj))
            while batch := await found.watcher.batch():
                for event in batch:
                    yield WatchEvent(event.type, row.show(event.entry.obj))
        finally:
            found.watcher.close()

    async def create(self, resource: Resource, obj: Object, namespace: str | None = None) -> Object:
        row = self._row(resource)
        kept = row.keep(self._typed(resource, obj))
        entry = await self._verbs.create(self._caller, row.stored, namespace or meta.namespace(obj), kept)
        return row.show(entry.obj)

    async def update(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        row = self._row(resource)
        name, namespace = meta.name(obj), meta.namespace(obj)
        if subresource == "scale":
            return await subresources.put_scale(
                self._verbs, self._caller, row.stored, namespace, name, obj, WriteOptions()
            )
        if subresource == "finalize":
            return (await subresources.finalize(self._verbs, self._caller, row.stored, name, obj)).obj
        kept = row.keep(self._typed(resource, _as_sent(obj, subresource)))
        return row.show((await self._verbs.update(self._caller, row.stored, namespace, name, kept, subresource)).obj)

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
    ) -> Object:
        row = self._row(resource)
        options = WriteOptions(field_manager=field_manager, force=force)
        if subresource == "scale":
            return await subresources.patch_scale(
                self._verbs, self._caller, row.stored, namespace or "", name, orjson.dumps(patch), kind, options
            )

        if kind is PatchType.APPLY:
            config = self._typed(resource, patch)
            entry, _ = await self._verbs.apply(self._caller, row, namespace or "", name, config, subresource, options)
            return row.show(entry.obj)

        body = _as_sent(patch, subresource)

        def change(old: Object) -> Object:
            if kind is PatchType.MERGE:
                merged: Object = merge(row.show(old), body)
                return row.keep(merged)
            return row.keep(apply_patch(row, row.show(old), orjson.dumps(body), kind))

        entry = await self._verbs.modify(
            self._caller, "patch", row.stored, namespace or "", name, change, subresource, options
        )
        return row.show(entry.obj)

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
        row = self._row(resource)
        options = DeleteOptions(grace_period_seconds, propagation_policy, uid)
        entry, _ = await self._verbs.delete(self._caller, row.stored, namespace or "", name, options)
        return row.show(entry.obj)

    async def post(
        self, resource: Resource, name: str, subresource: str, body: Object, namespace: str | None = None
    ) -> Object:
        row = self._row(resource)
        if subresource not in row.subresources:
            raise NotFound(f"the server could not find the requested resource {resource.plural}/{subresource}")
        if subresource == "binding":
            await subresources.bind(self._verbs, self._caller, row, namespace or "", name, body)
            return subresources.success(row, name, code=201)
        if subresource == "eviction":
            rows = (row, self._row(PODDISRUPTIONBUDGETS))
            await evict(self._verbs, self._caller, rows, namespace or "", name, body)
            return subresources.success(row, name, code=201)
        if subresource == "token":
            context = self._verbs.context(self._caller)
            return request_token(self._tokens, self._verbs.store, context, namespace or "", name, body)
        return await self._posts.post_host(name, subresource, body)

    def _typed(self, resource: Resource, obj: Object) -> Object:
        """The object with apiVersion and kind, which our own code may leave out."""
        return {**obj, "apiVersion": resource.api_version, "kind": resource.kind}


def _as_sent(body: Any, subresource: str) -> Any:
    """What a component sends, as it would come over the wire. Of all but a status the API server makes a copy
    anyway."""
    return clone(body) if subresource == "status" else body
