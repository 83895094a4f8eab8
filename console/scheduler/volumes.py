"""The claims of pods that are being scheduled: mirrors of claims, volumes and classes, and binding them to a node.

A pod is bound to its node only when its claims are bound to volumes there: the chosen free volume gets the claim's
reference, a claim without one gets the node's name (`volume.kubernetes.io/selected-node`) for its provisioner. The
volume controller does the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from common.api import meta, storage
from common.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, STORAGECLASSES
from common.api.meta import Key, Object
from common.client import Client, SharedInformers
from common.clock import Clock

from .core import volumes as core
from .core.volumes import VolumeNeeds

BIND_SECONDS = 600.0  # Kubernetes' bindTimeoutSeconds: a provisioner may have to make the volume first


class VolumesNotBound(Exception):
    """The claims of a pod cannot be bound on the chosen node (any more); it is scheduled anew."""


class VolumeBinder:
    """`informers` are the scheduler's, `where` tells the node of a pod by uid, `changed` is called when needs
    may have changed."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        informers: SharedInformers,
        where: Callable[[str], str | None],
        changed: Callable[[], None],
    ) -> None:
        self._client = client
        self._clock = clock
        self._pods = informers.get(PODS)
        self._where = where
        self._changed = changed
        self._claims = informers.get(PERSISTENTVOLUMECLAIMS)
        self._volumes = informers.get(PERSISTENTVOLUMES)
        self._classes = informers.get(STORAGECLASSES)
        self._waiting: dict[Key, set[asyncio.Event]] = {}  # one for each pod that waits for the claim
        informers.index(PODS, "claim", lambda pod: [str(key) for key in storage.claim_keys(pod)])

    def start(self) -> None:
        self._claims.listen(self._claim_changed)
        for informer in (self._volumes, self._classes):
            informer.listen(lambda _old, _new: self._changed())

    async def synced(self) -> None:
        for informer in (self._claims, self._volumes, self._classes):
            await informer.synced.wait()

    def _claim_changed(self, old: Object | None, new: Object | None) -> None:
        obj = new if new is not None else old
        for event in self._waiting.get(meta.key(obj), ()) if obj is not None else ():
            event.set()
        self._changed()

    def needs(self, pod: Object) -> VolumeNeeds:
        return core.needs_of(pod, self)

    # core.World

    def claim(self, key: Key) -> Object | None:
        return self._claims.get(key)

    def volume(self, name: str) -> Object | None:
        return self._volumes.get(Key("", name))

    def volumes(self) -> Iterable[Object]:
        return self._volumes.items()

    def storage_class(self, name: str) -> Object | None:
        return self._classes.get(Key("", name))

    def users(self, claim: Key, but: str) -> Iterable[str]:
        for pod in self._pods.by_index("claim", str(claim)):
            node = self._where(meta.uid(pod))
            if node and meta.uid(pod) != but:
                yield node

    # Binding

    async def bind(self, pod: Object, labels: Mapping[str, str], node: str) -> None:
        """Return when every claim of the pod is bound. VolumesNotBound or ApiError when they cannot be."""
        needs = self.needs(pod)
        if needs.blocked:
            raise VolumesNotBound(needs.blocked)
        picked = core.pick(needs, labels, node)
        if picked is None:
            raise VolumesNotBound(core.BIND_CONFLICT)
        for key, volume in picked.items():
            await self._assign(key, volume, node)
        deadline = self._clock.monotonic() + BIND_SECONDS
        for key, volume in picked.items():
            await self._wait(key, None if volume else node, deadline)

    async def _assign(self, key: Key, volume_name: str, node: str) -> None:
        claim = self._claims.get(key)
        if claim is None:
            raise VolumesNotBound(f'persistentvolumeclaim "{key.name}" not found')
        if not volume_name:
            if meta.annotations(claim).get(storage.SELECTED_NODE) != node:
                # With the version that was looked at: another pod may have chosen a node for the claim meanwhile.
                version = meta.resource_version(claim)
                patch = {"metadata": {"resourceVersion": version, "annotations": {storage.SELECTED_NODE: node}}}
                await self._client.patch(PERSISTENTVOLUMECLAIMS, key.name, patch, key.namespace)
            return
        volume = self._volumes.get(Key("", volume_name))
        if volume is None:
            raise VolumesNotBound(f'persistentvolume "{volume_name}" not found')
        # With the version that the choice was made on: a volume that somebody else got meanwhile is a conflict.
        patch = {
            "metadata": {
                "resourceVersion": meta.resource_version(volume),
                "annotations": {storage.BOUND_BY_CONTROLLER: "yes"},
            },
            "spec": {"claimRef": storage.claim_reference(claim)},
        }
        await self._client.patch(PERSISTENTVOLUMES, volume_name, patch)

    async def _wait(self, key: Key, selected: str | None, deadline: float) -> None:
        """`selected` is the node that a provisioner was told; it takes that back when it cannot make the volume."""
        event = asyncio.Event()
        waiting = self._waiting.setdefault(key, set())
        waiting.add(event)
        told = False
        try:
            while True:
                event.clear()
                claim = self._claims.get(key)
                if claim is None:
                    raise VolumesNotBound(f'persistentvolumeclaim "{key.name}" not found')
                if storage.is_fully_bound(claim):
                    return
                present = meta.annotations(claim).get(storage.SELECTED_NODE) == selected
                if selected and told and not present:
                    raise VolumesNotBound(f'provisioning failed for PVC "{key.name}"')
                told = told or present
                async with asyncio.timeout(max(deadline - self._clock.monotonic(), 0.0)):
                    await event.wait()
        finally:
            waiting.discard(event)
            if not waiting and self._waiting.get(key) is waiting:
                del self._waiting[key]
