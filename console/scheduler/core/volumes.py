"""What a pod's claims ask of a node, and the volumes that they would get there.

Pure: the claims, volumes and classes come in as a `World`. The answer is part of what makes pods of one class, so that
filters stay functions of class and node. Words and order are those of Kubernetes' VolumeBinding and VolumeRestrictions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from common.api import meta, storage
from common.api.affinity import Term
from common.api.meta import Key, Object

NO_PROVISIONER = "kubernetes.io/no-provisioner"
UNBOUND_IMMEDIATE = "pod has unbound immediate PersistentVolumeClaims"
NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind"
MISSING_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
ONE_POD_CONFLICT = (
    "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
)  # fmt: skip
NO_DEVICES = "cannot allocate all claims"
ONE_NODE_CONFLICT = "node(s) had no available disk"
_SHARED_MODES = frozenset({"ReadWriteMany", "ReadOnlyMany"})


class World(Protocol):
    """What there is. `users` gives the nodes of the pods that use a claim, those just decided included."""

    def claim(self, key: Key) -> Object | None: ...

    def volume(self, name: str) -> Object | None: ...

    def volumes(self) -> Iterable[Object]: ...

    def storage_class(self, name: str) -> Object | None: ...

    def users(self, claim: Key, but: str) -> Iterable[str]:
        """Names of nodes; `but` is the uid of a pod that does not count."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A free volume that fits a claim; without affinity it can be had on every node."""

    volume: str
    affinity: tuple[Term, ...] | None


@dataclass(frozen=True, slots=True)
class Unbound:
    """A claim that waits for its first consumer: candidates with the smallest first, else a volume that is made
    where `topologies` allow (None: nowhere, empty: everywhere)."""

    claim: Key
    candidates: tuple[Candidate, ...]
    topologies: tuple[Term, ...] | None


@dataclass(frozen=True, slots=True)
class VolumeNeeds:
    """`blocked` says why no node will do whatever it is like. `only` are nodes outside of which a claim cannot be."""

    blocked: str = ""
    affinities: tuple[tuple[Term, ...], ...] = ()
    unbound: tuple[Unbound, ...] = ()
    missing: bool = False
    one_pod: bool = False
    only: frozenset[str] | None = None
    selected: str = ""  # a node that volumes are being made on already
    devices: bool = False  # the pod claims devices as well, which no node has to give


NONE = VolumeNeeds()


def needs_of(pod: Object, world: World) -> VolumeNeeds:
    """What the pod's claims ask. Devices nobody gives out here: a pod that claims some waits for a scheduler that
    does."""
    needs = _needs_of_volumes(pod, world)
    return replace(needs, devices=True) if (pod.get("spec") or {}).get("resourceClaims") else needs


def _needs_of_volumes(pod: Object, world: World) -> VolumeNeeds:
    names = storage.claim_names(pod)
    if not names:
        return NONE
    found = []
    for volume, claim_name in names.items():
        key = Key(meta.namespace(pod), claim_name)
        claim = world.claim(key)
        if blocked := _blocked(pod, volume, claim_name, claim):
            return VolumeNeeds(blocked=blocked)
        if claim is not None:
            found.append(claim)
    return _combined(pod, found, world)


def _blocked(pod: Object, volume: str, claim_name: str, claim: Object | None) -> str:
    ephemeral = storage.is_ephemeral(pod, volume)
    if claim is None:
        if ephemeral:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{claim_name}"'
        return f'persistentvolumeclaim "{claim_name}" not found'
    if storage.phase(claim) == "Lost":
        volume_name = storage.spec(claim).get("volumeName", "")
        return f'persistentvolumeclaim "{claim_name}" bound to non-existent persistentvolume "{volume_name}"'
    if meta.is_deleting(claim):
        return f'persistentvolumeclaim "{claim_name}" is being deleted'
    if ephemeral and not meta.is_controlled_by(claim, pod):
        return f"PVC {meta.key(claim)} was not created for pod {meta.key(pod)} (pod is not owner)"
    return ""


def _combined(pod: Object, claims: list[Object], world: World) -> VolumeNeeds:
    affinities: list[tuple[Term, ...]] = []
    unbound: list[Unbound] = []
    missing = one_pod = False
    only: frozenset[str] | None = None
    selected = ""
    for claim in claims:
        modes = set(storage.spec(claim).get("accessModes") or ())
        users = frozenset(world.users(meta.key(claim), meta.uid(pod)))
        one_pod = one_pod or ("ReadWriteOncePod" in modes and bool(users))
        if not storage.is_fully_bound(claim):
            if not storage.waits_for_consumer(world.storage_class(storage.class_of(claim))):
                return VolumeNeeds(blocked=UNBOUND_IMMEDIATE)
            unbound.append(_unbound(claim, world))
            selected = selected or str(meta.annotations(claim).get(storage.SELECTED_NODE) or "")
            continue
        volume = world.volume(str(storage.spec(claim).get("volumeName")))
        if volume is None or not storage.is_claimed_by(volume, claim):
            missing = True
            continue
        terms = affinity_of(volume)
        if terms is not None:
            affinities.append(terms)
        elif users and not modes & _SHARED_MODES:
            # Nothing of the volume itself keeps it to one node: the pods that write to it do.
            only = users if only is None else only & users
    return VolumeNeeds("", tuple(affinities), tuple(unbound), missing, one_pod, only, selected)


def _unbound(claim: Object, world: World) -> Unbound:
    fitting = []
    free = list(world.volumes())
    while (volume := storage.find_volume(claim, free)) is not None:
        fitting.append(Candidate(meta.name(volume), affinity_of(volume)))
        free.remove(volume)
    storage_class = world.storage_class(storage.class_of(claim)) or {}
    return Unbound(meta.key(claim), tuple(fitting), _topologies(storage_class))


def _topologies(storage_class: Object) -> tuple[Term, ...] | None:
    if str(storage_class.get("provisioner") or NO_PROVISIONER) == NO_PROVISIONER:
        return None
    return tuple(
        Term.of(
            {
                "matchExpressions": [
                    {"key": item.get("key", ""), "operator": "In", "values": item.get("values")}
                    for item in term.get("matchLabelExpressions") or ()
                ]
            }
        )
        for term in storage_class.get("allowedTopologies") or ()
    )


def affinity_of(volume: Object) -> tuple[Term, ...] | None:
    """Where the volume can be had; None for everywhere."""
    required = (storage.spec(volume).get("nodeAffinity") or {}).get("required")
    return tuple(Term.of(term) for term in required.get("nodeSelectorTerms") or ()) if required else None


def _allows(terms: tuple[Term, ...] | None, labels: Mapping[str, str], node: str) -> bool:
    return terms is None or any(term.matches(labels, node) for term in terms)


def pick(needs: VolumeNeeds, labels: Mapping[str, str], node: str) -> dict[Key, str] | None:
    """Which free volume each unbound claim gets on the node, empty for one to be made; None when one gets none.
    Claims with the fewest candidates choose first, so that one does not take the only volume of another."""
    picked: dict[Key, str] = {}
    for item in sorted(needs.unbound, key=lambda one: len(one.candidates)):
        free = (
            candidate.volume
            for candidate in item.candidates
            if candidate.volume not in picked.values() and _allows(candidate.affinity, labels, node)
        )
        volume = next(free, "")
        if not volume:
            if item.topologies is None or (item.topologies and not _allows(item.topologies, labels, node)):
                return None
            if needs.selected and needs.selected != node:
                return None
        picked[item.claim] = volume
    return picked


def restrictions(needs: VolumeNeeds, node: str) -> tuple[str, ...]:
    """Why the pod may not use its claims on the node beside the pods that use them already."""
    if needs.one_pod:
        return (ONE_POD_CONFLICT,)
    return (ONE_NODE_CONFLICT,) if needs.only is not None and node not in needs.only else ()


def binding(needs: VolumeNeeds, labels: Mapping[str, str], node: str) -> tuple[str, ...]:
    """Why the pod's claims cannot be had on the node."""
    if needs is NONE:
        return ()
    reasons = []
    if needs.devices:
        return (NO_DEVICES,)
    if needs.missing:
        reasons.append(MISSING_VOLUME)
    if not all(_allows(terms, labels, node) for terms in needs.affinities):
        reasons.append(NODE_CONFLICT)
    if needs.unbound and pick(needs, labels, node) is None:
        reasons.append(BIND_CONFLICT)
    return tuple(reasons)
