"""The StatefulSet controller: acts on `plan` and keeps the status.

Neighbours: the scheduler places the pods, the EndpointSlice controller publishes their host names, the garbage
collector takes claims away with their owners. A pod's name is its identity, so a create that is tried twice finds the
first one, and the API itself keeps two pods of one ordinal from existing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from common.api.kinds import CONTROLLERREVISIONS, PERSISTENTVOLUMECLAIMS, PODS, STATEFULSETS
from common.api.meta import (
    Key,
    Object,
    is_controlled_by,
    key,
    name,
    namespace,
    resource_version,
    uid,
)
from common.api.revisions import ordered
from common.api.selectors import from_label_selector
from common.errors import AlreadyExists, ApiError, InternalError, NotFound
from console.controllers import revisions
from console.controllers.base import BY_CONTROLLER, ORPHANS, Controller, Kit, controller_index, namespace_ends
from console.controllers.ownership import claim, concerned, settle

from .identity import claim_names, ordinal_of, revision_name
from .model import Action, CreateClaim, CreatePod, DeletePod, LabelPod, OwnClaim, Spec, World
from .plan import Plan, plan


class StatefulSetController(Controller[Key]):
    """Keys are StatefulSets."""

    name: ClassVar[str] = "statefulset-controller"
    workers: ClassVar[int] = 5

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        for resource in (PODS, CONTROLLERREVISIONS):
            self.index(resource, BY_CONTROLLER, controller_index)
        self._sets = self.follow(STATEFULSETS, lambda obj: [key(obj)])
        self._pods = self.follow(PODS, self._owners)
        self._revisions = self.follow(CONTROLLERREVISIONS, self._owners)
        self._claims = self.follow(PERSISTENTVOLUMECLAIMS, self._users)

    def _owners(self, obj: Object) -> Iterable[Key]:
        return concerned(obj, STATEFULSETS, self._sets.items())

    def _users(self, claim_object: Object) -> Iterable[Key]:
        """StatefulSets whose pods use claims of that name: TEMPLATE-SET-ORDINAL."""
        for owner in self._sets.items():
            middle = f"-{name(owner)}-"
            if namespace(owner) == namespace(claim_object) and middle in name(claim_object):
                yield key(owner)

    async def sync(self, key: Key) -> None:
        owner = self._sets.get(key)
        if owner is None:
            return
        orphans = self._revisions.by_index(BY_CONTROLLER, ORPHANS + key.namespace)
        if await revisions.adopt(self.client, owner, STATEFULSETS, orphans):
            return  # the mirror will show them and bring the key back
        known = ordered(owner, self._revisions.by_index(BY_CONTROLLER, uid(owner)))
        collisions = int((owner.get("status") or {}).get("collisionCount") or 0)
        try:
            update = await revisions.newest(self.client, owner, STATEFULSETS, known, collisions)
        except revisions.Collision:
            await self._write_status(owner, {**(owner.get("status") or {}), "collisionCount": collisions + 1})
            return
        pods = await self._own_pods(owner)
        if pods is None:
            return  # the mirror will show the change and bring the key back
        current = self._current(owner, known) or update
        world = World(owner, current, update, pods, self._claims_of(owner, pods), self.clock.now())
        await self._carry_out(owner, plan(world, collisions))
        live = {name(current), name(update), *(revision_name(pod) for pod in pods)}
        await revisions.forget(self.client, revisions.forgotten(owner, known, live))

    @staticmethod
    def _current(owner: Object, known: list[Object]) -> Object | None:
        noted = (owner.get("status") or {}).get("currentRevision")
        return next((revision for revision in known if name(revision) == noted), None)

    async def _own_pods(self, owner: Object) -> list[Object] | None:
        """The pods that belong to the StatefulSet; None while some are being adopted or released."""
        selector = from_label_selector(owner["spec"].get("selector"))
        candidates = self._pods.by_index(BY_CONTROLLER, uid(owner))
        candidates += self._pods.by_index(BY_CONTROLLER, ORPHANS + namespace(owner))
        named = [pod for pod in candidates if ordinal_of(owner, pod) is not None]
        claimed = claim(owner, selector, named)
        if await settle(self.client, claimed, owner, STATEFULSETS, PODS):
            return None
        return claimed.owned

    def _claims_of(self, owner: Object, pods: list[Object]) -> dict[str, Object]:
        ordinals = {*Spec.of(owner).ordinals, *(ordinal_of(owner, pod) for pod in pods)}
        names = [text for ordinal in ordinals if ordinal is not None for text in claim_names(owner, ordinal)]
        found = ((text, self._claims.get(Key(namespace(owner), text))) for text in names)
        return {text: obj for text, obj in found if obj is not None}

    async def _carry_out(self, owner: Object, todo: Plan) -> None:
        failure: Exception | None = None
        for action in todo.actions:
            try:
                await self._act(owner, action)
            except (ApiError, TimeoutError, OSError) as error:
                failure = error
                break  # what follows may rest on it
        if todo.status != (owner.get("status") or {}):
            await self._write_status(owner, todo.status)
        if todo.again_in is not None:
            self.queue.add_after(key(owner), todo.again_in + 0.001)
        if failure is not None:
            raise InternalError(str(failure))

    async def _act(self, owner: Object, action: Action) -> None:
        home = namespace(owner)
        match action:
            case CreateClaim(made, pod):
                await self._create_claim(owner, made, pod)
            case OwnClaim(obj, references):
                patch = {"metadata": {**_guard(obj), "ownerReferences": references or None}}
                await self.client.patch(PERSISTENTVOLUMECLAIMS, name(obj), patch, home)
            case CreatePod(pod):
                await self._create_pod(owner, pod)
            case LabelPod(pod, wanted):
                await self.client.patch(PODS, name(pod), {"metadata": {**_guard(pod), "labels": wanted}}, home)
            case DeletePod():
                await self._delete_pod(owner, action)

    async def _create_claim(self, owner: Object, made: Object, pod: str) -> None:
        what = f"Claim {name(made)} Pod {pod} in StatefulSet {name(owner)}"
        try:
            await self.client.create(PERSISTENTVOLUMECLAIMS, made, namespace(owner))
        except AlreadyExists:
            return
        except (ApiError, TimeoutError, OSError) as error:
            self.events.warning(STATEFULSETS, owner, "FailedCreate", f"create {what} failed error: {error}")
            raise
        self.events.normal(STATEFULSETS, owner, "SuccessfulCreate", f"create {what} success")

    async def _create_pod(self, owner: Object, pod: Object) -> None:
        what = f"Pod {name(pod)} in StatefulSet {name(owner)}"
        try:
            await self.client.create(PODS, pod, namespace(owner))
        except AlreadyExists as error:
            there = await self.client.get(PODS, name(pod), namespace(owner))
            if not is_controlled_by(there, owner):
                # Somebody else's pod has the name; it stays, and this ordinal waits for it to go.
                self.events.warning(STATEFULSETS, owner, "FailedCreate", f"create {what} failed error: {error}")
                raise
            return
        except (ApiError, TimeoutError, OSError) as error:
            if not namespace_ends(error):
                self.events.warning(STATEFULSETS, owner, "FailedCreate", f"create {what} failed error: {error}")
            raise
        self.events.normal(STATEFULSETS, owner, "SuccessfulCreate", f"create {what} successful")

    async def _delete_pod(self, owner: Object, action: DeletePod) -> None:
        pod = action.pod
        if action.ended:
            text = f"StatefulSet {key(owner)} is recreating terminated Pod {name(pod)}"
            self.events.warning(STATEFULSETS, owner, "RecreatingTerminatedPod", text)
        what = f"Pod {name(pod)} in StatefulSet {name(owner)}"
        try:
            await self.client.delete(PODS, name(pod), namespace(pod), uid=uid(pod))
        except NotFound:
            return
        except (ApiError, TimeoutError, OSError) as error:
            self.events.warning(STATEFULSETS, owner, "FailedDelete", f"delete {what} failed error: {error}")
            raise
        self.events.normal(STATEFULSETS, owner, "SuccessfulDelete", f"delete {what} successful")

    async def _write_status(self, owner: Object, status: Object) -> None:
        """Conditional on the revision that was planned from, so that a newer status is never overwritten."""
        try:
            await self.client.update(STATEFULSETS, {**owner, "status": status}, subresource="status")
        except NotFound:
            return


def _guard(obj: Object) -> Object:
    return {"uid": uid(obj), "resourceVersion": resource_version(obj)}
