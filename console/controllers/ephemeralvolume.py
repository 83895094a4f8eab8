"""Generic ephemeral volumes: each gets a claim that the pod owns, and that goes with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from common.api.kinds import PERSISTENTVOLUMECLAIMS, PODS
from common.api.meta import Key, Object, controller_reference, is_deleting, key, name, namespace
from common.api.pods import is_terminal
from common.errors import AlreadyExists
from console.controllers.base import Controller, Kit


def claims_for(pod: Object) -> Iterable[Object]:
    """The claims that the pod's ephemeral volumes need."""
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
        if template is None:
            continue
        metadata = template.get("metadata") or {}
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": f"{name(pod)}-{volume['name']}",
                "namespace": namespace(pod),
                "labels": dict(metadata.get("labels") or {}),
                "annotations": dict(metadata.get("annotations") or {}),
                "ownerReferences": [controller_reference(pod, "v1", "Pod")],
            },
            "spec": template.get("spec") or {},
        }


class EphemeralVolumeController(Controller[Key]):
    """Keys are pods. A claim of that name that is not the pod's is left alone; the scheduler says what is wrong."""

    name: ClassVar[str] = "ephemeral-volume-controller"
    component: ClassVar[str] = "ephemeral_volume"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._claims = self.follow(PERSISTENTVOLUMECLAIMS, _owner)
        self._pods = self.follow(PODS, lambda pod: [key(pod)] if any(True for _ in claims_for(pod)) else [])

    async def sync(self, key: Key) -> None:
        pod = self._pods.get(key)
        if pod is None or is_deleting(pod) or is_terminal(pod):
            return
        for claim in claims_for(pod):
            if self._claims.get(Key(key.namespace, name(claim))) is None:
                try:
                    await self.client.create(PERSISTENTVOLUMECLAIMS, claim, key.namespace)
                except AlreadyExists:
                    continue


def _owner(claim: Object) -> list[Key]:
    owners = (claim.get("metadata") or {}).get("ownerReferences") or ()
    return [Key(namespace(claim), str(ref.get("name"))) for ref in owners if ref.get("kind") == "Pod"]
