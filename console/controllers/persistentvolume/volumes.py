"""What is to be done for a volume: its phase, and what becomes of it when its claim is gone. Pure."""

from __future__ import annotations

from collections.abc import Callable

from common.api import meta, storage
from common.api.kinds import PERSISTENTVOLUMES
from common.api.meta import Key, Object
from common.api.storage import spec

from . import provision
from .actions import Action, Look, Say, volume_patch

_DELETABLE = "/tmp/"  # noqa: S108 what Kubernetes' driver of host paths would delete; nothing is written there


def plan(volume: Object, claim_of: Callable[[Key], Object | None]) -> list[Action]:
    """`claim_of` finds claims by namespace and name."""
    ref = spec(volume).get("claimRef")
    if not ref:
        return _phase(volume, "Available")
    key = Key(str(ref.get("namespace") or ""), str(ref.get("name") or ""))
    claim = claim_of(key)
    if not ref.get("uid"):
        return [*_phase(volume, "Available"), Look(key.namespace, key.name)]
    if claim is None or meta.uid(claim) != ref["uid"]:
        return _released(volume)
    chosen = spec(claim).get("volumeName")
    if chosen == meta.name(volume):
        return _phase(volume, "Bound")
    if not chosen:
        return [Look(key.namespace, key.name)]
    return _passed_over(volume)


def _phase(volume: Object, phase: str, reason: str = "", message: str = "") -> list[Action]:
    status = volume.get("status") or {}
    wanted = {"phase": phase, "reason": reason or None, "message": message or None}
    if all(status.get(field) == value for field, value in wanted.items()):
        return []
    return [volume_patch(volume, {"status": wanted}, "status")]


def _released(volume: Object) -> list[Action]:
    """Nobody's any more. A volume of a built-in driver is removed by its node, which then deletes the object."""
    if storage.phase(volume) == "Failed":
        return []
    policy = spec(volume).get("persistentVolumeReclaimPolicy")
    driven = provision.driver_of(volume) or storage.PROVISIONED_BY in meta.annotations(volume)
    if policy == "Retain" or (policy == "Delete" and driven):
        return _phase(volume, "Released")
    if policy == "Delete":
        reason, message = "VolumeFailedDelete", _undeletable(volume)
    else:
        reason, message = "VolumeFailedRecycle", "No recycler plugin found for the volume!"
    told = Say(PERSISTENTVOLUMES, volume, True, reason, message)
    return [*_phase(volume, "Failed", reason, message), told]


def _undeletable(volume: Object) -> str:
    """Why a volume that nobody here made stays."""
    path = str((spec(volume).get("hostPath") or {}).get("path") or "")
    if path and not path.startswith(_DELETABLE):
        return f"host_path deleter only supports /tmp/.+ but received provided {path}"
    return f'error getting deleter volume plugin for volume "{meta.name(volume)}": no deletable volume plugin matched'


def _passed_over(volume: Object) -> list[Action]:
    """Its claim chose another volume."""
    marks = meta.annotations(volume)
    if storage.PROVISIONED_BY in marks and spec(volume).get("persistentVolumeReclaimPolicy") == "Delete":
        return _phase(volume, "Released")
    if storage.BOUND_BY_CONTROLLER in marks:
        change: Object = {"metadata": {"annotations": {storage.BOUND_BY_CONTROLLER: None}}, "spec": {"claimRef": None}}
    else:
        # What a user wrote stays, for a later claim of that name.
        change = {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}
    return [volume_patch(volume, change), *_phase(volume, "Available")]
