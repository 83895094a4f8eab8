"""What leads to a node: from the pods that run there to the objects that they name, and so on. Pure.

It is looked for anew with each question: nodes of ours ask hardly any, and whoever stole a certificate may wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, Protocol

from common.api import meta
from common.api.kinds import (
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    RESOURCESLICES,
    VOLUMEATTACHMENTS,
    Resource,
)
from common.api.meta import Key, Object
from common.api.pods import node_name
from common.api.references import CONFIGMAPS, SECRETS, references

from .attributes import Attributes

_CSI_SECRETS = ("nodeStageSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef")


class Lookup(Protocol):
    def get(self, resource: Resource, key: Key) -> Object | None: ...

    def items(self, resource: Resource) -> Iterable[Object]: ...


class Reach:
    """What leads to a node."""

    def __init__(self, node: str, lookup: Lookup) -> None:
        self._node = node
        self._lookup = lookup

    def pods(self) -> Iterator[Object]:
        return (pod for pod in self._lookup.items(PODS) if node_name(pod) == self._node)

    def has(self, asked: Attributes) -> bool:
        """Whether the object that is asked for leads to the node."""
        return self._finders[asked.resource](self, Key(asked.namespace, asked.name))

    def _pod(self, key: Key) -> bool:
        pod = self._lookup.get(PODS, key)
        return pod is not None and node_name(pod) == self._node

    def _account(self, key: Key) -> bool:
        return any(
            meta.namespace(pod) == key.namespace and (pod.get("spec") or {}).get("serviceAccountName") == key.name
            for pod in self.pods()
        )

    def _configmap(self, key: Key) -> bool:
        return any((CONFIGMAPS, key.namespace, key.name) in references(pod) for pod in self.pods())

    def _secret(self, key: Key) -> bool:
        if any((SECRETS, key.namespace, key.name) in references(pod) for pod in self.pods()):
            return True
        return any(key in set(_secrets_of(volume)) for volume in map(self._volume_of, self._claims()))

    def _claims(self) -> Iterator[Key]:
        return (claim for pod in self.pods() for claim in _claims_of(pod))

    def _claim(self, key: Key) -> bool:
        return key in self._claims()

    def _volume_of(self, claim: Key) -> Object:
        found = self._lookup.get(PERSISTENTVOLUMECLAIMS, claim) or {}
        name = (found.get("spec") or {}).get("volumeName")
        return (self._lookup.get(PERSISTENTVOLUMES, Key("", str(name))) or {}) if name else {}

    def _volume(self, key: Key) -> bool:
        return any(meta.name(volume) == key.name for volume in map(self._volume_of, self._claims()) if volume)

    def _device_claim(self, key: Key) -> bool:
        return any(meta.namespace(pod) == key.namespace and key.name in _device_claims(pod) for pod in self.pods())

    def _attachment(self, key: Key) -> bool:
        return self._names_node(VOLUMEATTACHMENTS, key)

    def _slice(self, key: Key) -> bool:
        return self._names_node(RESOURCESLICES, key)

    def _names_node(self, resource: Resource, key: Key) -> bool:
        found = self._lookup.get(resource, key) or {}
        return (found.get("spec") or {}).get("nodeName") == self._node

    _finders: ClassVar[dict[str, Callable[[Reach, Key], bool]]] = {
        "pods": _pod, "serviceaccounts": _account, CONFIGMAPS: _configmap, SECRETS: _secret,
        "persistentvolumeclaims": _claim, "persistentvolumes": _volume, "resourceclaims": _device_claim,
        "volumeattachments": _attachment, "resourceslices": _slice,
    }  # fmt: skip


def _claims_of(pod: Object) -> Iterator[Key]:
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if volume.get("ephemeral"):
            name = f"{meta.name(pod)}-{volume.get('name')}"
        if name:
            yield Key(meta.namespace(pod), str(name))


def _secrets_of(volume: Object) -> Iterator[Key]:
    csi = (volume.get("spec") or {}).get("csi") or {}
    for reference in map(csi.get, _CSI_SECRETS):
        if reference:
            yield Key(str(reference.get("namespace", "")), str(reference.get("name", "")))


def _device_claims(pod: Object) -> set[str]:
    named = {str(claim.get("resourceClaimName")) for claim in (pod.get("spec") or {}).get("resourceClaims") or ()}
    made = (pod.get("status") or {}).get("resourceClaimStatuses") or ()
    return named | {str(claim.get("resourceClaimName")) for claim in made}
