"""What is to be done for a claim: find it a volume, have one made, finish its binding, or say that its volume is lost.

Pure, after Kubernetes' volume controller. A claim and its volume name each other; each half of a binding is written on
its own, so that a crash between two of them leaves nothing that the next look does not finish.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from common.api import meta, pods, storage
from common.api.meta import Key, Object
from common.api.storage import spec

from . import provision
from .actions import Action, Create, claim_patch, say, volume_patch

EXTERNAL = (
    "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system "
    "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
    "registered."
)


class World(Protocol):
    """What there is besides the claim."""

    def volume(self, name: str) -> Object | None: ...

    def volumes(self) -> Iterable[Object]: ...

    def classes(self) -> Iterable[Object]: ...

    def storage_class(self, name: str) -> Object | None: ...

    def node(self, name: str) -> Object | None: ...

    def users(self, claim: Key) -> Sequence[Object]:
        """The pods that name the claim."""
        ...


def plan(claim: Object, world: World) -> list[Action]:
    if storage.BIND_COMPLETED in meta.annotations(claim):
        return _bound(claim, world)
    if meta.is_deleting(claim):
        return []
    if spec(claim).get("volumeName"):
        return _requested(claim, world)
    return _unbound(claim, world)


# Without a volume


def _unbound(claim: Object, world: World) -> list[Action]:
    if not storage.names_class(claim):
        default = storage.default_class(world.classes())
        if default is not None:
            return [claim_patch(claim, {"spec": {"storageClassName": meta.name(default)}})]
    class_name = storage.class_of(claim)
    storage_class = world.storage_class(class_name) if class_name else None
    waits = storage.waits_for_consumer(storage_class)
    volumes = (item for item in world.volumes() if not waits or storage.is_claimed_by(item, claim))
    volume = storage.find_volume(claim, volumes)
    if volume is not None:
        return bind(volume, claim)
    node = meta.annotations(claim).get(storage.SELECTED_NODE, "")
    if waits and not node:
        return [_waiting(claim, world)]
    if class_name:
        return _provision(claim, class_name, storage_class, node, world)
    return [
        say(claim, "FailedBinding", "no persistent volumes available for this claim and no storage class is set")
    ]  # fmt: skip


def _waiting(claim: Object, world: World) -> Action:
    unscheduled = [
        meta.name(pod) for pod in world.users(meta.key(claim)) if not pods.node_name(pod) and not pods.is_terminal(pod)
    ]
    if unscheduled:
        return say(claim, "WaitForPodScheduled", f"waiting for pod {min(unscheduled)} to be scheduled")
    return say(claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")


def _provision(claim: Object, class_name: str, storage_class: Object | None, node: str, world: World) -> list[Action]:
    if storage_class is None:
        text = f'storageclass.storage.k8s.io "{class_name}" not found'
        return [say(claim, "ProvisioningFailed", text, warning=True)]
    provisioner = str(storage_class.get("provisioner") or "")
    marks = {storage.STORAGE_PROVISIONER: provisioner, storage.BETA_STORAGE_PROVISIONER: provisioner}
    done: list[Action] = []
    if not marks.items() <= meta.annotations(claim).items():
        done.append(claim_patch(claim, {"metadata": {"annotations": marks}}))
    if provisioner not in storage.DRIVERS:
        if provisioner.startswith("kubernetes.io/"):
            text = f"no volume plugin matched name: {provisioner}"
            return [*done, say(claim, "ProvisioningFailed", text, warning=True)]
        return [*done, say(claim, "ExternalProvisioning", EXTERNAL.format(provisioner))]
    try:
        volume = provision.volume_for(claim, storage_class, world.node(node) if node else None)
    except provision.CannotProvision as error:
        text = f'failed to provision volume with StorageClass "{class_name}": {error}'
        return [*done, say(claim, "ProvisioningFailed", text, warning=True)]
    begun = f'External provisioner is provisioning volume for claim "{meta.key(claim)}"'
    ended = f"Successfully provisioned volume {meta.name(volume)}"
    return [
        *done,
        say(claim, "Provisioning", begun),
        Create(volume, claim),
        say(claim, "ProvisioningSucceeded", ended),
        *bind(volume, claim),
    ]


# With a volume that a user chose


def _requested(claim: Object, world: World) -> list[Action]:
    name = str(spec(claim)["volumeName"])
    volume = world.volume(name)
    if volume is None:
        return []
    if not spec(volume).get("claimRef"):
        if why := storage.mismatch(volume, claim):
            return [say(claim, "VolumeMismatch", f'Cannot bind to requested volume "{name}": {why}', warning=True)]
        return bind(volume, claim)
    if storage.is_claimed_by(volume, claim):
        return bind(volume, claim)
    return [say(claim, "FailedBinding", f'volume "{name}" already bound to a different claim.', warning=True)]


# Bound


def _bound(claim: Object, world: World) -> list[Action]:
    name = str(spec(claim).get("volumeName") or "")
    if not name:
        text = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
        return _lost(claim, "ClaimLost", text)
    volume = world.volume(name)
    if volume is None:
        return _lost(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
    ref = spec(volume).get("claimRef")
    if ref and ref.get("uid") != meta.uid(claim) and not storage.is_claimed_by(volume, claim):
        text = "Two claims are bound to the same volume, this one is bound incorrectly"
        return _lost(claim, "ClaimMisbound", text)
    return _expand(volume, claim) or bind(volume, claim)


def _lost(claim: Object, reason: str, text: str) -> list[Action]:
    if storage.phase(claim) == "Lost":
        return []
    return [claim_patch(claim, {"status": {"phase": "Lost"}}, "status"), say(claim, reason, text, warning=True)]


def _expand(volume: Object, claim: Object) -> list[Action]:
    """A claim that asks for more than its volume has: folders grow by being said to."""
    if storage.requested(claim) <= storage.capacity(volume):
        return []
    if provision.driver_of(volume) not in storage.DRIVERS.values():
        text = "waiting for an external controller to expand this PVC"
        return [say(claim, "ExternalExpanding", text)]
    wanted = spec(claim)["resources"]["requests"]["storage"]
    return [
        volume_patch(volume, {"spec": {"capacity": {"storage": wanted}}}),
        claim_patch(claim, {"status": {"capacity": {"storage": wanted}}}, "status"),
        say(claim, "VolumeResizeSuccessful", "Resize volume succeeded"),
    ]


def bind(volume: Object, claim: Object) -> list[Action]:
    """The halves of a binding that are missing: none for a pair that is bound."""
    actions: list[Action] = []
    ref = spec(volume).get("claimRef") or {}
    if ref.get("uid") != meta.uid(claim):
        marks = {} if ref else {"annotations": {storage.BOUND_BY_CONTROLLER: "yes"}}
        reference = storage.claim_reference(claim)
        actions.append(volume_patch(volume, {"metadata": marks, "spec": {"claimRef": reference}}))
    if storage.phase(volume) != "Bound":
        status: Object = {"phase": "Bound", "reason": None, "message": None}
        actions.append(volume_patch(volume, {"status": status}, "status"))
    actions += _claim_half(volume, claim)
    return actions


def _claim_half(volume: Object, claim: Object) -> list[Action]:
    actions: list[Action] = []
    notes = {}
    if storage.BIND_COMPLETED not in meta.annotations(claim):
        notes[storage.BIND_COMPLETED] = "yes"
    if not spec(claim).get("volumeName"):
        notes[storage.BOUND_BY_CONTROLLER] = "yes"
    if notes:
        change: Object = {"metadata": {"annotations": notes}, "spec": {"volumeName": meta.name(volume)}}
        actions.append(claim_patch(claim, change))
    status = claim.get("status") or {}
    wanted: Object = {"phase": "Bound", "accessModes": spec(volume).get("accessModes")}
    if status.get("phase") != "Bound" or not status.get("capacity"):
        wanted["capacity"] = {"storage": (spec(volume).get("capacity") or {}).get("storage")}
    if any(status.get(field) != value for field, value in wanted.items()):
        actions.append(claim_patch(claim, {"status": wanted}, "status"))
    return actions
