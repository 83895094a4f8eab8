"""The loop around the plans: keys are claims and volumes, actions are writes and events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from common.api import storage
from common.api.kinds import NODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, STORAGECLASSES
from common.api.meta import Key, Object, key, name, namespace, resource_version, uid
from common.errors import AlreadyExists, NotFound
from console.controllers.base import BY_CLAIM, Controller, Kit, claim_index

from . import claims, volumes
from .actions import Action, Create, Look, Patch, Say

LAG_SECONDS = 0.1  # until a mirror that is known to lag is looked at again


@dataclass(frozen=True, slots=True)
class Item:
    """A claim, or (without namespace) a volume."""

    claim: bool
    key: Key


class PersistentVolumeController(Controller[Item]):
    """One worker: two claims that look for a volume at once would choose the same."""

    name: ClassVar[str] = "persistentvolume-controller"
    workers: ClassVar[int] = 1

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.index(PODS, BY_CLAIM, claim_index)
        self._claims = self.follow(PERSISTENTVOLUMECLAIMS, _of_claim)
        self._volumes = self.follow(PERSISTENTVOLUMES, _of_volume)
        self._pods = self.follow(PODS, lambda pod: [Item(True, item) for item in storage.claim_keys(pod)])
        self._nodes = self.mirror(NODES)
        self._classes = self.mirror(STORAGECLASSES)
        self._classes.listen(self._class_changed)

    def _class_changed(self, _old: Object | None, _new: Object | None) -> None:
        for claim in self._claims.items():
            if storage.phase(claim) != "Bound":
                self.queue.add(Item(True, key(claim)))

    async def sync(self, key: Item) -> None:
        if key.claim:
            claim = self._claims.get(key.key)
            if claim is not None and not await self._is_behind_volume(claim):
                await self._carry_out(claims.plan(claim, self))
            return
        volume = self._volumes.get(key.key)
        if volume is not None and not await self._is_behind_claim(volume):
            await self._carry_out(volumes.plan(volume, self._claims.get))
            if storage.phase(volume) == "Available":
                self._offer(volume)

    # A mirror that lags must not make a claim lost or a volume released: data would go. So the API is asked before.

    async def _is_behind_volume(self, claim: Object) -> bool:
        title = str(storage.spec(claim).get("volumeName") or "")
        if not title or self.volume(title) is not None:
            return False
        try:
            await self.client.get(PERSISTENTVOLUMES, title)
        except NotFound:
            return False
        self.queue.add_after(Item(True, key(claim)), LAG_SECONDS)
        return True

    async def _is_behind_claim(self, volume: Object) -> bool:
        ref = storage.spec(volume).get("claimRef") or {}
        if not ref.get("uid"):
            return False
        owner = Key(str(ref.get("namespace") or ""), str(ref.get("name") or ""))
        mirrored = self._claims.get(owner)
        if mirrored is not None and uid(mirrored) == ref["uid"]:
            return False
        try:
            found = await self.client.get(PERSISTENTVOLUMECLAIMS, owner.name, owner.namespace)
        except NotFound:
            return False
        if uid(found) != ref["uid"]:
            return False
        self.queue.add_after(Item(False, key(volume)), LAG_SECONDS)
        return True

    def _offer(self, volume: Object) -> None:
        """A free volume: somebody may be waiting for one like it."""
        for claim in self._claims.items():
            if not storage.is_fully_bound(claim) and storage.class_of(claim) == storage.class_of(volume):
                self.queue.add(Item(True, key(claim)))

    # claims.World

    def volume(self, name: str) -> Object | None:
        return self._volumes.get(Key("", name))

    def volumes(self) -> Iterable[Object]:
        return self._volumes.items()

    def classes(self) -> Iterable[Object]:
        return self._classes.items()

    def storage_class(self, name: str) -> Object | None:
        return self._classes.get(Key("", name))

    def node(self, name: str) -> Object | None:
        return self._nodes.get(Key("", name))

    def users(self, claim: Key) -> Sequence[Object]:
        return self._pods.by_index(BY_CLAIM, str(claim))

    # Acting

    async def _carry_out(self, actions: Iterable[Action]) -> None:
        fresh: dict[str, str] = {}
        for action in actions:
            match action:
                case Say(resource, obj, warning, reason, message):
                    (self.events.warning if warning else self.events.normal)(resource, obj, reason, message)
                case Create(volume, _):
                    await self._create(volume, fresh)
                case Look(space, title):
                    self.queue.add(Item(True, Key(space, title)))
                case Patch():
                    await self._patch(action, fresh)

    async def _create(self, volume: Object, fresh: dict[str, str]) -> None:
        try:
            made = await self.client.create(PERSISTENTVOLUMES, volume)
        except AlreadyExists:
            # By an earlier try whose answer was lost: the name has the claim's uid.
            made = await self.client.get(PERSISTENTVOLUMES, name(volume))
        fresh[name(volume)] = uid(made)

    async def _patch(self, action: Patch, fresh: dict[str, str]) -> None:
        obj = action.obj
        guard: Object = {"uid": fresh.get(name(obj)) or uid(obj)}
        if action.resource is PERSISTENTVOLUMES and "claimRef" in (action.change.get("spec") or {}):
            # Somebody else may have taken the volume since we looked.
            guard["resourceVersion"] = resource_version(obj)
        change = {**action.change, "metadata": {**(action.change.get("metadata") or {}), **guard}}
        try:
            await self.client.patch(
                action.resource, name(obj), change, namespace(obj) or None, subresource=action.subresource
            )
        except NotFound:
            return


def _of_claim(claim: Object) -> list[Item]:
    volume = storage.spec(claim).get("volumeName")
    return [Item(True, key(claim)), *([Item(False, Key("", str(volume)))] if volume else [])]


def _of_volume(volume: Object) -> list[Item]:
    ref = storage.spec(volume).get("claimRef") or {}
    items = [Item(False, key(volume))]
    if ref.get("name"):
        items.append(Item(True, Key(str(ref.get("namespace") or ""), str(ref["name"]))))
    return items
