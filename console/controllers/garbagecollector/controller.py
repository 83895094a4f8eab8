"""The garbage collector: acts on `plan` for objects of all resources that it is given.

Owners are known by uid: a namesake made later owns nothing. Before an object is deleted for want of an owner, the API
itself is asked: the mirror of the owner's resource may be behind that of the dependent's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from common.api.definitions import resources_of
from common.api.kinds import APISERVICES, CUSTOMRESOURCEDEFINITIONS, Resource
from common.api.meta import Key, Object, is_deleting, key, name, namespace, owner_references, resource_version, uid
from common.client import Client, Informer, SharedInformers
from common.errors import NotFound
from console.controllers.aggregated import Aggregated
from console.controllers.base import Controller, Kit

from .following import Following
from .plan import (
    Delete,
    DropFinalizer,
    OrphanDependents,
    Owner,
    SetOwners,
    Step,
    finalizers,
    is_waiting,
    plan,
    unblocked,
    without_owner,
)

_BY_OWNER = "owner"
_SOON = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Item:
    """An object of some resource, as the queue knows it."""

    resource: Resource
    key: Key

    def __str__(self) -> str:
        return f"{self.resource.group_resource} {self.key}"


class GarbageCollector(Controller[Item]):
    """Keys are objects that have an owner or whose dependents hold them. Kinds that are neither in `resources` nor
    defined by users, nor served by servers behind ours (`aggregated`), are left alone, and an owner of such a kind
    counts as present. `versions` leads from the other versions in which kinds are served to those in `resources`."""

    name: ClassVar[str] = "garbage-collector"
    component: ClassVar[str] = "garbage-collector-controller"
    workers: ClassVar[int] = 8

    def __init__(
        self,
        kit: Kit,
        resources: Sequence[Resource],
        aggregated: Aggregated | None = None,
        versions: Mapping[Resource, Resource] | None = None,
    ) -> None:
        super().__init__(kit)
        self._following: Following | None = None
        if aggregated is not None:
            watched = self.mirror(APISERVICES), self.clock
            self._following = Following(aggregated, *watched, self._collect_aggregated, self._forget_aggregated)
        self._informers: dict[Resource, Informer] = {}
        self._kinds = {(resource.api_version, resource.kind): resource for resource in resources}
        for other, kept in (versions or {}).items():
            self._kinds[other.api_version, other.kind] = kept
        self._uids: dict[str, Item] = {}
        self._defined: dict[str, list[Resource]] = {}
        for resource in resources:
            self._collect(resource)
            self.mirror(resource)
        self.mirror(CUSTOMRESOURCEDEFINITIONS).listen(self._define)

    async def begin(self) -> None:
        if self._following is not None:
            self._following.start()

    async def close(self) -> None:
        if self._following is not None:
            await self._following.close()
        await super().close()

    def _is_aggregated(self, resource: Resource) -> bool:
        return self._following is not None and resource in self._following.kinds

    def _client_of(self, resource: Resource) -> Client:
        return self._following.client if self._following and self._is_aggregated(resource) else self.client

    def _collect_aggregated(self, resource: Resource) -> None:
        self._kinds[resource.api_version, resource.kind] = resource
        self._collect(resource)

    def _forget_aggregated(self, resource: Resource) -> None:
        self._kinds.pop((resource.api_version, resource.kind), None)
        self._forget(resource)

    def _informers_of(self, resource: Resource) -> SharedInformers:
        return self._following.informers if self._following and self._is_aggregated(resource) else self.kit.informers

    def _collect(self, resource: Resource) -> None:
        informers = self._informers_of(resource)
        informers.index(resource, _BY_OWNER, _owner_uids)
        informer = self._informers[resource] = informers.get(resource)
        informer.listen(partial(self._changed, resource))

    def _define(self, old: Object | None, new: Object | None) -> None:
        """Collect the objects of the kind that a definition makes, for as long as it does."""
        title = name(new or old or {})
        before, after = self._defined.get(title, []), resources_of(new) if new is not None else []
        if before == after:
            return
        for resource in before:
            self._kinds.pop((resource.api_version, resource.kind), None)
        if before and before[:1] != after[:1]:
            self._forget(before[0])
        self._defined[title] = after
        # Every version may be named by a reference; one is enough to see all objects.
        self._kinds |= {(resource.api_version, resource.kind): after[0] for resource in after}
        if after and before[:1] != after[:1]:
            self._collect(after[0])
            self.kit.informers.start()

    def _forget(self, resource: Resource) -> None:
        del self._informers[resource]
        self._uids = {found: item for found, item in self._uids.items() if item.resource != resource}
        self.tasks.start(f"forget {resource.group_resource}", self._informers_of(resource).drop(resource))

    def _changed(self, resource: Resource, old: Object | None, new: Object | None) -> None:
        if old is not None and (new is None or uid(new) != uid(old)):
            self._uids.pop(uid(old), None)
            self._queue_dependents(old)
        if new is not None:
            item = Item(resource, key(new))
            self._uids[uid(new)] = item
            if old is None or uid(old) != uid(new) or _matters(old) != _matters(new):
                if owner_references(new) or is_deleting(new):
                    self.queue.add(item)
                if is_waiting(new):
                    self._queue_dependents(new)
        for obj in (old, new):
            self._queue_waiting_owners(obj, gone=new is None)

    def _queue_dependents(self, owner: Object) -> None:
        for resource, informer in self._informers.items():
            for dependent in informer.by_index(_BY_OWNER, uid(owner)):
                self.queue.add(Item(resource, key(dependent)))

    def _queue_waiting_owners(self, obj: Object | None, *, gone: bool) -> None:
        for owner_uid in _owner_uids(obj) if obj is not None else ():
            item = self._uids.get(owner_uid)
            owner = self._informers[item.resource].get(item.key) if item else None
            if item is not None and owner is not None and is_deleting(owner) and (gone or finalizers(owner)):
                self.queue.add(item)

    async def sync(self, key: Item) -> None:
        informer = self._informers.get(key.resource)
        obj = informer.get(key.key) if informer else None
        if obj is None:
            return
        if not all(one.synced.is_set() for kind, one in self._informers.items() if not self._is_aggregated(kind)):
            # Of a kind that was defined a moment ago not all dependents are known yet. A server behind ours that does
            # not answer must not keep others' objects.
            self.queue.add_after(key, _SOON)
            return
        dependents = [
            (resource, dependent)
            for resource, informer in self._informers.items()
            for dependent in informer.by_index(_BY_OWNER, uid(obj))
        ]
        asked: dict[str, Owner] = {}
        for reference in owner_references(obj):
            self._report_wrong_namespace(key.resource, obj, reference)
            if not is_deleting(obj) and self._mirrored(obj, reference) is None:
                asked[str(reference.get("uid"))] = await self._ask(obj, reference)

        def judge(reference: Object) -> Owner:
            owner = self._mirrored(obj, reference)
            if owner is not None:
                return Owner.WAITING if is_waiting(owner) else Owner.PRESENT
            return asked.get(str(reference.get("uid")), Owner.PRESENT)

        step = plan(obj, [dependent for _, dependent in dependents], judge)
        await self._act(key.resource, obj, step, dependents)

    def _mirrored(self, obj: Object, reference: Object) -> Object | None:
        """The owner, if it is what the reference says, and in the object's namespace or without one."""
        item = self._uids.get(str(reference.get("uid")))
        if item is None or item.key.namespace not in ("", namespace(obj)):
            return None
        if item.key.name != reference.get("name") or item.resource != self._named(reference):
            return None
        return self._informers[item.resource].get(item.key)

    def _named(self, reference: Object) -> Resource | None:
        return self._kinds.get((str(reference.get("apiVersion")), str(reference.get("kind"))))

    async def _ask(self, obj: Object, reference: Object) -> Owner:
        """What the API says of an owner that the mirrors do not know."""
        resource = self._named(reference)
        if resource is None:
            return Owner.PRESENT
        home = namespace(obj) if resource.namespaced else None
        if resource.namespaced and not home:
            return Owner.WRONG
        try:
            owner = await self._client_of(resource).get(resource, str(reference.get("name")), home)
        except NotFound:
            return Owner.ABSENT
        return Owner.PRESENT if uid(owner) == reference.get("uid") else Owner.ABSENT

    def _report_wrong_namespace(self, resource: Resource, obj: Object, reference: Object) -> None:
        """Tell of an owner that there is, but in another namespace than its dependent takes it to be."""
        item = self._uids.get(str(reference.get("uid")))
        if item is None or item.key.namespace in ("", namespace(obj)):
            return
        where = namespace(obj)
        owner = (
            f"[{reference.get('apiVersion')}/{reference.get('kind')}, namespace: {where}, "
            f"name: {reference.get('name')}, uid: {reference.get('uid')}]"
        )
        self.events.warning(
            resource, obj, "OwnerRefInvalidNamespace", f'ownerRef {owner} does not exist in namespace "{where}"'
        )

    async def _act(
        self, resource: Resource, obj: Object, step: Step, dependents: list[tuple[Resource, Object]]
    ) -> None:
        try:
            match step:
                case Delete(policy, unblock):
                    if unblock:
                        await self._patch(resource, obj, {"ownerReferences": unblocked(obj)})
                    await self._client_of(resource).delete(
                        resource, name(obj), _home(resource, obj), uid=uid(obj), propagation_policy=policy
                    )
                case SetOwners(references):
                    await self._patch(resource, obj, {"ownerReferences": references})
                case DropFinalizer(finalizer):
                    await self._drop(resource, obj, finalizer)
                case OrphanDependents():
                    for kind, dependent in dependents:
                        await self._orphan(kind, dependent, obj)
                    await self._drop(resource, obj, "orphan")
        except NotFound:
            return

    async def _orphan(self, resource: Resource, dependent: Object, owner: Object) -> None:
        try:
            await self._patch(resource, dependent, {"ownerReferences": without_owner(dependent, owner) or None})
        except NotFound:
            return

    async def _drop(self, resource: Resource, obj: Object, finalizer: str) -> None:
        left = [entry for entry in finalizers(obj) if entry != finalizer]
        await self._patch(resource, obj, {"finalizers": left or None})

    async def _patch(self, resource: Resource, obj: Object, meta: Object) -> None:
        guard = {"uid": uid(obj), "resourceVersion": resource_version(obj)}
        await self._client_of(resource).patch(
            resource, name(obj), {"metadata": {**meta, **guard}}, _home(resource, obj)
        )


def _home(resource: Resource, obj: Object) -> str | None:
    return namespace(obj) if resource.namespaced else None


def _owner_uids(obj: Object) -> list[str]:
    return [str(reference.get("uid")) for reference in owner_references(obj)]


def _matters(obj: Object) -> tuple[object, ...]:
    """What the collector decides by; other changes (status, mostly) need no look."""
    return owner_references(obj), is_deleting(obj), finalizers(obj)
