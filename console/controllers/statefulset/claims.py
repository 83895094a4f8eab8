"""Claims of a StatefulSet's pods: which are missing, and whose deletion takes them along. Pure.

`persistentVolumeClaimRetentionPolicy` works through owner references. What is to go with the StatefulSet is owned by
it; what is to go when its pod is scaled away is owned by that pod once it is condemned, so that a pod that is merely
replaced keeps its data.
"""

from __future__ import annotations

from common.api.kinds import PODS, STATEFULSETS
from common.api.meta import Object, controller_reference, is_deleting, name, owner_references, uid

from .identity import claim_names, claim_templates, new_claim, pod_name
from .model import CreateClaim, OwnClaim, World


def missing(world: World, ordinal: int) -> list[CreateClaim]:
    """The claims that the pod of an ordinal lacks."""
    found = []
    for template in claim_templates(world.owner):
        claim = new_claim(world.owner, template, ordinal)
        if name(claim) not in world.claims:
            owned = _references(world.owner, claim, None, condemned=False)
            if owned:
                claim["metadata"]["ownerReferences"] = owned
            found.append(CreateClaim(claim, pod_name(world.owner, ordinal)))
    return found


def is_stale(world: World, ordinal: int) -> bool:
    """Whether a claim is on its way out, with an earlier pod of the same name: the next pod must not get it."""
    wanted = pod_name(world.owner, ordinal)
    for claim_name in claim_names(world.owner, ordinal):
        claim = world.claims.get(claim_name)
        if claim is None:
            continue
        left = any(ref.get("kind") == PODS.kind and ref.get("name") == wanted for ref in owner_references(claim))
        if is_deleting(claim) or left:
            return True
    return False


def to_own(world: World, ordinal: int, pod: Object, *, condemned: bool) -> list[OwnClaim]:
    """The claims of a pod whose owners are not what the policy asks for."""
    found = []
    for claim_name in claim_names(world.owner, ordinal):
        claim = world.claims.get(claim_name)
        if claim is None or is_deleting(claim):
            continue
        references = _references(world.owner, claim, pod, condemned=condemned)
        if references != owner_references(claim):
            found.append(OwnClaim(claim, references))
    return found


def _references(owner: Object, claim: Object, pod: Object | None, *, condemned: bool) -> list[Object]:
    """The claim's owners: others' as they are, ours as the policy has it."""
    ours = {uid(owner)} | ({uid(pod)} if pod is not None else set())
    others = [ref for ref in owner_references(claim) if ref.get("uid") not in ours]
    if any(ref.get("controller") for ref in others):
        return others  # it has a controller that is not ours
    policy = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    if condemned and pod is not None and policy.get("whenScaled") == "Delete":
        return [*others, controller_reference(pod, PODS.api_version, PODS.kind)]
    if policy.get("whenDeleted") == "Delete":
        return [*others, controller_reference(owner, STATEFULSETS.api_version, STATEFULSETS.kind)]
    return others
