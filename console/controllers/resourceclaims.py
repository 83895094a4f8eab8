"""Claims to devices: those that pods want from templates are made, reservations of pods that are through taken back.

Who allocates devices is none of this: an external scheduler or a driver of the user's, by the claim's status. What is
here keeps claims from outliving their use, as Kubernetes' controller of the same name does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from common.api.kinds import PODS, RESOURCECLAIMS, RESOURCECLAIMTEMPLATES
from common.api.meta import (
    Key,
    Object,
    controller_of,
    controller_reference,
    is_controlled_by,
    is_deleting,
    key,
    metadata,
    name,
    namespace,
    resource_version,
    uid,
)
from common.api.meta import annotations as annotations_of
from common.api.pods import is_terminal
from common.errors import NotFound
from console.controllers.base import BY_CONTROLLER, Controller, Kit, controller_index

POD_CLAIM = "resource.kubernetes.io/pod-claim-name"
"""Annotation of a claim made from a template: what the pod calls it."""
PROTECTION = "resource.kubernetes.io/delete-protection"
"""Finalizer of a claim whose devices are allocated by a scheduler."""
_LONGEST = 57  # of a generated name's beginning, which leaves a hyphen and five characters of a label


def templated(pod: Object) -> Iterable[tuple[str, str]]:
    """The pod's names for the claims that it wants made, each with the template."""
    for entry in (pod.get("spec") or {}).get("resourceClaims") or ():
        if entry.get("resourceClaimTemplateName"):
            yield str(entry.get("name")), str(entry["resourceClaimTemplateName"])


def claim_for(pod: Object, title: str, template: Object) -> Object:
    """The claim that a pod gets from a template under its own `title`."""
    spec = template.get("spec") or {}
    given = spec.get("metadata") or {}
    start = f"{name(pod)}-{title}"
    if len(start) > _LONGEST:
        start = f"{name(pod)[: (_LONGEST - 1) // 2]}-{title[: (_LONGEST - 1) // 2]}"
    meta: Object = {
        "generateName": f"{start}-",
        "namespace": namespace(pod),
        "annotations": {**(given.get("annotations") or {}), POD_CLAIM: title},
        "ownerReferences": [controller_reference(pod, "v1", "Pod")],
    }
    if given.get("labels"):
        meta["labels"] = dict(given["labels"])
    return {
        "apiVersion": RESOURCECLAIMS.api_version,
        "kind": RESOURCECLAIMS.kind,
        "metadata": meta,
        "spec": spec.get("spec") or {},
    }


class PodClaimController(Controller[Key]):
    """Keys are pods."""

    name: ClassVar[str] = "resource-claim-controller"
    component: ClassVar[str] = "resource_claim"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.index(RESOURCECLAIMS, BY_CONTROLLER, controller_index)
        self._claims = self.follow(RESOURCECLAIMS, _owner)
        self._templates = self.mirror(RESOURCECLAIMTEMPLATES)
        self._templates.listen(self._template_changed)
        self._pods = self.follow(PODS, lambda pod: [key(pod)] if any(templated(pod)) else [])

    def _template_changed(self, _old: Object | None, new: Object | None) -> None:
        for pod in self._pods.items() if new is not None else ():
            if namespace(pod) == namespace(new or {}) and name(new or {}) in dict(templated(pod)).values():
                self.queue.add(key(pod))

    async def sync(self, key: Key) -> None:
        pod = self._pods.get(key)
        if pod is None or is_deleting(pod) or is_terminal(pod):
            return
        own = [item for item in self._claims.by_index(BY_CONTROLLER, uid(pod)) if is_controlled_by(item, pod)]
        made = {annotations_of(item).get(POD_CLAIM): name(item) for item in own}
        known = {
            entry.get("name"): entry.get("resourceClaimName")
            for entry in (pod.get("status") or {}).get("resourceClaimStatuses") or ()
        }
        statuses = dict(known)
        for title, template in templated(pod):
            if title not in known:
                found = made.get(title) or await self._make(pod, title, template)
                if not found:
                    return  # the template's coming, or the next try, brings the key back
                statuses[title] = found
        if statuses != known:
            entries = [{"name": title, "resourceClaimName": claim} for title, claim in statuses.items()]
            patch = {"metadata": {"uid": uid(pod)}, "status": {"resourceClaimStatuses": entries}}
            await self.client.patch(PODS, key.name, patch, key.namespace, subresource="status")

    async def _make(self, pod: Object, title: str, template_name: str) -> str:
        """The name of the new claim; empty when there is no template to make it from."""
        template = self._templates.get(Key(namespace(pod), template_name))
        if template is None:
            why = f'resourceclaimtemplates.resource.k8s.io "{template_name}" not found'
            self.events.warning(
                PODS, pod, "FailedResourceClaimCreation",
                f'PodResourceClaim {title}: resource claim template "{template_name}": {why}',
            )  # fmt: skip
            return ""
        claim = await self.client.create(RESOURCECLAIMS, claim_for(pod, title, template), namespace(pod))
        return name(claim)


class ClaimReservationController(Controller[Key]):
    """Keys are claims."""

    name: ClassVar[str] = "resource-claim-reservation-controller"
    component: ClassVar[str] = "resource_claim"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._pods = self.follow(PODS, _claims_of)
        self._claims = self.follow(RESOURCECLAIMS, lambda claim: [key(claim)])

    async def sync(self, key: Key) -> None:
        claim = self._claims.get(key)
        if claim is None:
            return
        status = claim.get("status") or {}
        reserved = status.get("reservedFor") or []
        valid = [consumer for consumer in reserved if await self._uses(key.namespace, consumer)]
        protected = PROTECTION in _finalizers(claim)
        if len(valid) < len(reserved) or (protected and is_deleting(claim) and not valid):
            await self._release(claim, valid, protected=protected)
        elif not valid:
            await self._remove(claim)

    async def _uses(self, namespace: str, consumer: Object) -> bool:
        """Whether a consumer still is one; of what is no pod nothing is known."""
        if consumer.get("apiGroup") or consumer.get("resource") != "pods":
            return True
        title = str(consumer.get("name"))
        pod = self._pods.get(Key(namespace, title))
        if pod is None or uid(pod) != consumer.get("uid"):
            # The mirror may be behind whoever reserved the claim for a pod of this moment.
            try:
                pod = await self.client.get(PODS, title, namespace)
            except NotFound:
                return False
        return uid(pod) == consumer.get("uid") and not _is_done(pod)

    async def _release(self, claim: Object, valid: list[Object], *, protected: bool) -> None:
        """Take back what nobody uses; devices of a scheduler's go with the last who used them."""
        status = {field: value for field, value in (claim.get("status") or {}).items() if field != "reservedFor"}
        if valid:
            status["reservedFor"] = valid
        elif protected:
            status.pop("allocation", None)
        if status != (claim.get("status") or {}):
            wanted = {**claim, "status": status}
            claim = await self.client.update(RESOURCECLAIMS, wanted, subresource="status")
        if protected and not (claim.get("status") or {}).get("allocation"):
            rest = [item for item in _finalizers(claim) if item != PROTECTION]
            meta = {"finalizers": rest or None, "uid": uid(claim), "resourceVersion": resource_version(claim)}
            await self.client.patch(RESOURCECLAIMS, name(claim), {"metadata": meta}, namespace(claim))

    async def _remove(self, claim: Object) -> None:
        """A claim that was made for a pod goes when the pod is through; one whose pod is gone is garbage."""
        owner = controller_of(claim)
        if is_deleting(claim) or owner is None or owner.get("kind") != PODS.kind:
            return
        pod = self._pods.get(Key(namespace(claim), str(owner.get("name"))))
        if pod is None or uid(pod) != owner.get("uid") or not _is_done(pod):
            return
        try:
            await self.client.delete(RESOURCECLAIMS, name(claim), namespace(claim), uid=uid(claim))
        except NotFound:
            return


def _finalizers(claim: Object) -> list[str]:
    return list(metadata(claim).get("finalizers") or ())


def _is_done(pod: Object) -> bool:
    """Whether the pod runs no more, or never will."""
    return is_terminal(pod) or (is_deleting(pod) and not (pod.get("spec") or {}).get("nodeName"))


def _owner(claim: Object) -> list[Key]:
    owner = controller_of(claim)
    return [Key(namespace(claim), str(owner.get("name")))] if owner and owner.get("kind") == PODS.kind else []


def _claims_of(pod: Object) -> list[Key]:
    """The claims that a pod names, and those that were made for it."""
    direct = [entry.get("resourceClaimName") for entry in (pod.get("spec") or {}).get("resourceClaims") or ()]
    made = [entry.get("resourceClaimName") for entry in (pod.get("status") or {}).get("resourceClaimStatuses") or ()]
    return [Key(namespace(pod), str(claim)) for claim in (*direct, *made) if claim]
