"""Claims that pods use and volumes that are bound stay until they are let go (finalizers pvc- and pv-protection)."""

from __future__ import annotations

from typing import ClassVar

from common.api import storage
from common.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, Resource
from common.api.meta import Key, Object, is_deleting, key, metadata, name, namespace, resource_version, uid
from common.api.pods import is_terminal, node_name
from common.client import Client
from common.errors import NotFound
from console.controllers.base import BY_CLAIM, Controller, Kit, claim_index


def finalizers(obj: Object, finalizer: str, *, needed: bool) -> list[str] | None:
    """The finalizers that the object is to have; None when it has them."""
    present = list(metadata(obj).get("finalizers") or ())
    if is_deleting(obj):
        if needed or finalizer not in present:
            return None
        return [item for item in present if item != finalizer]
    return None if finalizer in present else [*present, finalizer]


async def _write(client: Client, resource: Resource, obj: Object, wanted: list[str] | None) -> None:
    if wanted is None:
        return
    guard = {"uid": uid(obj), "resourceVersion": resource_version(obj)}
    try:
        await client.patch(
            resource, name(obj), {"metadata": {**guard, "finalizers": wanted or None}}, namespace(obj) or None
        )
    except NotFound:
        return


def holds(pod: Object) -> bool:
    """Whether the pod keeps its claims from going: its node knows of it and it has not ended."""
    return bool(node_name(pod)) and not is_terminal(pod)


class ClaimProtection(Controller[Key]):
    """Keys are claims."""

    name: ClassVar[str] = "persistentvolumeclaim-protection-controller"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.index(PODS, BY_CLAIM, claim_index)
        self._claims = self.follow(PERSISTENTVOLUMECLAIMS, lambda obj: [key(obj)])
        self._pods = self.follow(PODS, storage.claim_keys)

    async def sync(self, key: Key) -> None:
        claim = self._claims.get(key)
        if claim is None:
            return
        used = any(holds(pod) for pod in self._pods.by_index(BY_CLAIM, str(key)))
        if is_deleting(claim) and not used:
            # The mirror may lag behind a pod that was bound a moment ago: its node must not lose the claim under it.
            answer = await self.client.list(PODS, namespace=key.namespace)
            used = any(holds(pod) and storage.uses_claim(pod, claim) for pod in answer.items)
        await _write(
            self.client, PERSISTENTVOLUMECLAIMS, claim, finalizers(claim, storage.CLAIM_PROTECTION, needed=used)
        )


class VolumeProtection(Controller[Key]):
    """Keys are volumes."""

    name: ClassVar[str] = "persistentvolume-protection-controller"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._volumes = self.follow(PERSISTENTVOLUMES, lambda obj: [key(obj)])

    async def sync(self, key: Key) -> None:
        volume = self._volumes.get(key)
        if volume is not None:
            wanted = finalizers(volume, storage.VOLUME_PROTECTION, needed=storage.phase(volume) == "Bound")
            await _write(self.client, PERSISTENTVOLUMES, volume, wanted)
