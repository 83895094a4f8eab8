"""Claims and volumes: what binds them, which volume fits a claim, and the words that Kubernetes has for both.

Pure functions that API server, controllers, scheduler and agent share, so that all of them mean the same by "bound".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import meta, quantity, selectors
from .meta import Key, Object, is_deleting, labels, metadata, name, namespace, uid

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
BETA_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
BETA_DEFAULT_CLASS = "storageclass.beta.kubernetes.io/is-default-class"
CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
DELETION_FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer"

LOCAL, SSHFS, DOCKER = "quarterdeck.io/local", "quarterdeck.io/sshfs", "quarterdeck.io/docker"
DRIVERS = {LOCAL: "local.quarterdeck.io", SSHFS: "sshfs.quarterdeck.io", DOCKER: "docker.quarterdeck.io"}
"""Built-in provisioners and the CSI drivers of their volumes (a driver's name has no slash). They run in the agents."""

SECRET_FIELDS = ("nodePublishSecretRef", "nodeStageSecretRef")
"""Where a volume's CSI source names the Secret that its node needs, the first that is there counts."""
PERSISTENT_SOURCES = ("persistentVolumeClaim", "ephemeral", "nfs", "csi")
"""Volumes of a pod that are more than a folder of the pod's own."""
WAIT_FOR_FIRST_CONSUMER = "WaitForFirstConsumer"
ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def modes_text(modes: Iterable[str] | None) -> str:
    """Access modes as kubectl shortens them: `RWO,ROX`, each once, in Kubernetes' order."""
    present = set(modes or ())
    return ",".join(short for mode, short in ACCESS_MODES.items() if mode in present)


def spec(obj: Object) -> Object:
    found: Object = obj.get("spec") or {}
    return found


def phase(obj: Object) -> str:
    return str((obj.get("status") or {}).get("phase") or "")


def class_of(obj: Object) -> str:
    """The name of the class of a claim or volume; empty for none."""
    return str(meta.annotations(obj).get(BETA_CLASS) or spec(obj).get("storageClassName") or "")


def names_class(claim: Object) -> bool:
    """Whether the claim says which class it wants, be it none: then no default is filled in."""
    return BETA_CLASS in meta.annotations(claim) or spec(claim).get("storageClassName") is not None


def mode_of(obj: Object) -> str:
    return str(spec(obj).get("volumeMode") or "Filesystem")


def requested(claim: Object) -> int:
    """Bytes that the claim asks for."""
    return amount((spec(claim).get("resources") or {}).get("requests"))


def capacity(volume: Object) -> int:
    """Bytes that the volume has."""
    return amount(spec(volume).get("capacity"))


def amount(resources: Any) -> int:
    return quantity.whole((resources or {}).get("storage", 0))


def is_default_class(storage_class: Object) -> bool:
    found = meta.annotations(storage_class)
    return found.get(DEFAULT_CLASS) == "true" or found.get(BETA_DEFAULT_CLASS) == "true"


def default_class(classes: Iterable[Object]) -> Object | None:
    """The default class; of several the newest, of those the first by name, as Kubernetes' admission has it."""
    defaults = sorted((item for item in classes if is_default_class(item)), key=name)
    newest = max((str(metadata(item).get("creationTimestamp") or "") for item in defaults), default="")
    return next((item for item in defaults if str(metadata(item).get("creationTimestamp") or "") == newest), None)


def waits_for_consumer(storage_class: Object | None) -> bool:
    return storage_class is not None and storage_class.get("volumeBindingMode") == WAIT_FOR_FIRST_CONSUMER


def is_claimed_by(volume: Object, claim: Object) -> bool:
    """Whether the volume's claimRef names this claim; one without uid was bound beforehand by a user."""
    ref = spec(volume).get("claimRef") or {}
    if (ref.get("name"), ref.get("namespace")) != (name(claim), namespace(claim)):
        return False
    return not ref.get("uid") or ref["uid"] == uid(claim)


def is_fully_bound(claim: Object) -> bool:
    return bool(spec(claim).get("volumeName")) and BIND_COMPLETED in meta.annotations(claim)


def claim_reference(claim: Object) -> Object:
    """What a volume's claimRef says of the claim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": namespace(claim),
        "name": name(claim),
        "uid": uid(claim),
        "resourceVersion": str(metadata(claim).get("resourceVersion") or ""),
    }


def mismatch(volume: Object, claim: Object) -> str:
    """Why a volume that the claim names cannot be its, in Kubernetes' words; empty when it can."""
    if capacity(volume) < requested(claim):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if mode_of(volume) != mode_of(claim):
        return "incompatible volumeMode"
    if not _has_modes(volume, claim):
        return "incompatible accessMode"
    return ""


def _has_modes(volume: Object, claim: Object) -> bool:
    return set(spec(claim).get("accessModes") or ()) <= set(spec(volume).get("accessModes") or ())


def find_volume(
    claim: Object, volumes: Iterable[Object], reachable: Callable[[Object], bool] = lambda _volume: True
) -> Object | None:
    """The volume for an unbound claim: one that is reserved for it, else the smallest free one that fits.

    `reachable` says whether a volume can be had on the node in question.
    """
    wanted = selectors.from_label_selector(spec(claim).get("selector"))
    best: Object | None = None
    for volume in volumes:
        if is_deleting(volume) or mode_of(volume) != mode_of(claim) or capacity(volume) < requested(claim):
            continue
        if not reachable(volume):
            continue
        if is_claimed_by(volume, claim):
            return volume
        if spec(volume).get("claimRef") or phase(volume) != "Available" or class_of(volume) != class_of(claim):
            continue
        if spec(claim).get("selector") and not wanted.matches(labels(volume)):
            continue
        if _has_modes(volume, claim) and (best is None or capacity(volume) < capacity(best)):
            best = volume
    return best


def claim_names(pod: Object) -> dict[str, str]:
    """The claims of a pod by the names of its volumes; those of generic ephemeral volumes have names of their own."""
    found: dict[str, str] = {}
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
            found[str(volume.get("name"))] = str(claim)
        elif volume.get("ephemeral") is not None:
            found[str(volume.get("name"))] = f"{name(pod)}-{volume.get('name')}"
    return found


def claim_keys(pod: Object) -> list[Key]:
    """The pod's claims, for indexes and queues."""
    return [Key(namespace(pod), title) for title in claim_names(pod).values()]


def is_ephemeral(pod: Object, volume_name: str) -> bool:
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return any(item.get("name") == volume_name and item.get("ephemeral") is not None for item in volumes)


def uses_claim(pod: Object, claim: Object) -> bool:
    return namespace(pod) == namespace(claim) and name(claim) in claim_names(pod).values()
