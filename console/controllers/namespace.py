"""Namespaces that end: deletes all that is in them, then lets them go.

The API takes nothing new into a terminating namespace; what is left after a pass is looked at again, because pods take
their grace period and finalizers their time. The conditions say what a namespace is waiting for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from common.api.conditions import set_condition
from common.api.definitions import resources_of
from common.api.kinds import CUSTOMRESOURCEDEFINITIONS, NAMESPACES, Resource
from common.api.meta import Key, Object, is_deleting, metadata, name, uid
from common.errors import ApiError, Conflict, NotFound
from console.controllers.base import Controller, Kit, finish_all

FINALIZER = "kubernetes"
AGAIN_SECONDS = 1.0  # between passes over a namespace that still holds something


@dataclass(slots=True)
class Leftover:
    """What a pass over a namespace found: objects that are still there, and what went wrong."""

    remaining: Counter[str] = field(default_factory=Counter)
    finalizers: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.remaining and not self.errors


def conditions(namespace: Object, left: Leftover, now: datetime) -> list[Object]:
    """Kubernetes' conditions of a terminating namespace."""
    result = list((namespace.get("status") or {}).get("conditions") or ())
    errors = "; ".join(sorted(left.errors))
    content = "All content successfully deleted, may be waiting on finalization"
    content = f"Failed to delete all resource types, {len(left.errors)} remaining: {errors}" if errors else content
    result = set_condition(
        result, "NamespaceDeletionContentFailure", str(bool(errors)),
        "ContentDeletionFailed" if errors else "ContentDeleted", content, now,
    )  # fmt: skip
    remaining = ", ".join(f"{kind} has {count} resource instances" for kind, count in sorted(left.remaining.items()))
    text = f"Some resources are remaining: {remaining}" if remaining else "All content successfully removed"
    reason = "SomeResourcesRemain" if remaining else "ContentRemoved"
    result = set_condition(result, "NamespaceContentRemaining", str(bool(remaining)), reason, text, now)
    held = ", ".join(
        f"{finalizer} in {count} resource instances" for finalizer, count in sorted(left.finalizers.items())
    )
    text = (
        f"Some content in the namespace has finalizers remaining: {held}"
        if held
        else "All content-preserving finalizers finished"
    )
    reason = "SomeFinalizersRemain" if held else "ContentHasNoFinalizers"
    return set_condition(result, "NamespaceFinalizersRemaining", str(bool(held)), reason, text, now)


class NamespaceController(Controller[str]):
    """Keys are names of namespaces; `resources` are the namespaced ones that there are, those that are defined by
    users aside."""

    name: ClassVar[str] = "namespace-controller"

    def __init__(self, kit: Kit, resources: Sequence[Resource]) -> None:
        super().__init__(kit)
        self._resources = [resource for resource in resources if resource.namespaced]
        self._definitions = self.mirror(CUSTOMRESOURCEDEFINITIONS)
        self._namespaces = self.follow(NAMESPACES, lambda obj: [name(obj)] if is_deleting(obj) else [])

    async def sync(self, key: str) -> None:
        namespace = self._namespaces.get(Key("", key))
        if namespace is None or not is_deleting(namespace):
            return
        finalizers = list((namespace.get("spec") or {}).get("finalizers") or ())
        if FINALIZER not in finalizers:
            return
        left = Leftover()
        for resource in (*self._resources, *self._defined()):
            await self._empty(resource, key, left)
        if not left.is_empty:
            await self._report(namespace, left)
            self.queue.add_after(key, AGAIN_SECONDS)
            return
        rest = [finalizer for finalizer in finalizers if finalizer != FINALIZER]
        try:
            await self.client.update(
                NAMESPACES, {**namespace, "spec": {**namespace["spec"], "finalizers": rest}}, subresource="finalize"
            )
        except NotFound:
            return

    def _defined(self) -> list[Resource]:
        found = [resources_of(definition)[:1] for definition in self._definitions.items()]
        return [resource for resources in found for resource in resources if resource.namespaced]

    async def _empty(self, resource: Resource, namespace: str, left: Leftover) -> None:
        try:
            found = (await self.client.list(resource, namespace)).items
            await finish_all(self._delete(resource, namespace, obj) for obj in found if not is_deleting(obj))
            found = (await self.client.list(resource, namespace)).items if found else []
        except NotFound:
            return  # a kind whose definition has just gone, and all its objects with it
        except ApiError as error:
            left.errors.append(f"{resource.group_resource}: {error}")
            return
        if found:
            left.remaining[f"{resource.group_resource}."] += len(found)
        for obj in found:
            left.finalizers.update(metadata(obj).get("finalizers") or ())

    async def _delete(self, resource: Resource, namespace: str, obj: Object) -> None:
        try:
            await self.client.delete(resource, name(obj), namespace, uid=uid(obj), propagation_policy="Background")
        except (NotFound, Conflict):
            return

    async def _report(self, namespace: Object, left: Leftover) -> None:
        wanted = conditions(namespace, left, self.clock.now())
        status = namespace.get("status") or {}
        if wanted == (status.get("conditions") or []):
            return
        try:
            await self.client.update(
                NAMESPACES, {**namespace, "status": {**status, "conditions": wanted}}, subresource="status"
            )
        except NotFound:
            return
