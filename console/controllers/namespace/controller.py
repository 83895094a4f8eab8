"""Deletes all that is in a namespace that ends, pods first, then lets it go.

The API takes nothing new into a terminating namespace; what is left after a pass is looked at again, because pods take
their grace period and finalizers their time. While pods are there nothing else goes: what they need of it (Secrets,
Services, NetworkPolicies) outlasts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from common.api.definitions import resources_of
from common.api.kinds import APISERVICES, CUSTOMRESOURCEDEFINITIONS, NAMESPACES, PODS, Resource
from common.api.meta import Key, Object, is_deleting, metadata, name, uid
from common.client import Client
from common.errors import ApiError, Conflict, MethodNotAllowed, NotFound
from console.controllers.aggregated import Aggregated, group_version, is_silent
from console.controllers.base import Controller, Kit, finish_all

from .conditions import Leftover, conditions

FINALIZER = "kubernetes"
AGAIN_SECONDS = 1.0  # between passes over a namespace that still holds something


class NamespaceController(Controller[str]):
    """Keys are names of namespaces; `resources` are the namespaced ones that there are, those that are defined by
    users aside. Without `aggregated` those of servers behind ours are left alone."""

    name: ClassVar[str] = "namespace-controller"

    def __init__(self, kit: Kit, resources: Sequence[Resource], aggregated: Aggregated | None = None) -> None:
        super().__init__(kit)
        self._aggregated = aggregated
        self._resources = [resource for resource in resources if resource.namespaced and resource != PODS]
        self._definitions = self.mirror(CUSTOMRESOURCEDEFINITIONS)
        self._services = self.mirror(APISERVICES)
        self._namespaces = self.follow(NAMESPACES, lambda obj: [name(obj)] if is_deleting(obj) else [])

    async def sync(self, key: str) -> None:
        namespace = self._namespaces.get(Key("", key))
        if namespace is None or not is_deleting(namespace):
            return
        finalizers = list((namespace.get("spec") or {}).get("finalizers") or ())
        if FINALIZER not in finalizers:
            return
        left = await self._look(key)
        try:
            namespace = await self._report(namespace, left)
            if not left.is_empty:
                self.queue.add_after(key, AGAIN_SECONDS)
                return
            rest = [finalizer for finalizer in finalizers if finalizer != FINALIZER]
            await self.client.update(
                NAMESPACES, {**namespace, "spec": {**namespace["spec"], "finalizers": rest}}, subresource="finalize"
            )
        except NotFound:
            return

    async def _look(self, namespace: str) -> Leftover:
        """Delete what there is, and tell what is left of it."""
        left = Leftover()
        await self._empty(self.client, PODS, namespace, left)
        if left.is_empty:
            for resource in (*self._resources, *self._defined()):
                await self._empty(self.client, resource, namespace, left)
            await self._empty_aggregated(namespace, left)
        left.silent += [group_version(service) for service in self._services.items() if is_silent(service)]
        return left

    async def _empty_aggregated(self, namespace: str, left: Leftover) -> None:
        if self._aggregated is None:
            return
        try:
            found = await self._aggregated.resources(self._services.items(), ("list", "delete"))
        except ApiError as error:
            left.errors.append(str(error))
            return
        for resource in found:
            if resource.namespaced:
                await self._empty(self._aggregated.client, resource, namespace, left)

    def _defined(self) -> list[Resource]:
        found = [resources_of(definition)[:1] for definition in self._definitions.items()]
        return [resource for resources in found for resource in resources if resource.namespaced]

    async def _empty(self, client: Client, resource: Resource, namespace: str, left: Leftover) -> None:
        try:
            found = (await client.list(resource, namespace)).items
            await finish_all(_delete(client, resource, namespace, obj) for obj in found if not is_deleting(obj))
            found = (await client.list(resource, namespace)).items if found else []
        except (NotFound, MethodNotAllowed):
            return  # a kind whose definition has just gone, and all its objects with it; one that nobody can delete
        except ApiError as error:
            left.errors.append(f"{resource.group_resource}: {error}")
            return
        if found:
            left.remaining[resource] += len(found)
        for obj in found:
            left.finalizers.update(metadata(obj).get("finalizers") or ())

    async def _report(self, namespace: Object, left: Leftover) -> Object:
        """The namespace with what was found in it. Raises NotFound when it is gone."""
        wanted = conditions(namespace, left, self.clock.now())
        status = namespace.get("status") or {}
        if wanted == (status.get("conditions") or []):
            return namespace
        changed = {**namespace, "status": {**status, "conditions": wanted}}
        return await self.client.update(NAMESPACES, changed, subresource="status")


async def _delete(client: Client, resource: Resource, namespace: str, obj: Object) -> None:
    try:
        await client.delete(resource, name(obj), namespace, uid=uid(obj), propagation_policy="Background")
    except (NotFound, Conflict):
        return
