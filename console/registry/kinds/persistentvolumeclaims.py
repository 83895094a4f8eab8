"""PersistentVolumeClaims: what a user asks of storage, and the little that may change once it was asked."""

from __future__ import annotations

from typing import Any

from common.api import kinds, meta, storage
from common.api.meta import Key, Object
from common.errors import Cause, Forbidden
from console.registry import validation
from console.registry.columns import AGE, NAME, at, field
from console.registry.row import Column, Context, Row

from .claim_specs import default_claim_spec, validate_claim_spec
from .limits import check_claim
from .persistentvolumes import ATTRIBUTES_CLASS, VOLUME_MODE, protect
from .storage_warnings import claim_warnings


def _default(obj: Object) -> None:
    obj.setdefault("status", {}).setdefault("phase", "Pending")
    default_claim_spec(obj.setdefault("spec", {}))


def _prepare(new: Object, old: Object | None, context: Context) -> None:
    if old is not None:
        return
    new["status"] = {"phase": "Pending"}
    protect(new, storage.CLAIM_PROTECTION)
    if not storage.names_class(new):
        # Kubernetes' admission plugin DefaultStorageClass.
        default = storage.default_class(context.lookup.items(kinds.STORAGECLASSES))
        if default is not None:
            new["spec"]["storageClassName"] = meta.name(default)


def _permit(new: Object, old: Object | None, context: Context) -> None:
    if context.subresource:
        return
    if old is not None:
        _check_resize(new, old, context)
    check_claim(new, context)


def _check_resize(new: Object, old: Object, context: Context) -> None:
    """Kubernetes' admission plugin PersistentVolumeClaimResize; Forbidden when the class does not allow it."""
    if _requests(new) == _requests(old) or storage.requested(new) <= storage.requested(old):
        return
    if storage.phase(old) != "Bound":
        return
    found = context.lookup.get(kinds.STORAGECLASSES, Key("", storage.class_of(old)))
    if found is None or not found.get("allowVolumeExpansion"):
        why = (
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support "
            "resize"
        )
        raise Forbidden(f'persistentvolumeclaims "{meta.name(new)}" is forbidden: {why}')


def _requests(claim: Object) -> Any:
    return (storage.spec(claim).get("resources") or {}).get("requests")


def _validate(new: Object, old: Object | None, context: Context) -> list[Cause]:
    causes = validate_claim_spec(new["spec"], "spec")
    if old is not None and context.subresource != "status":
        causes += _validate_change(new, old)
    return causes


def _validate_change(new: Object, old: Object) -> list[Cause]:
    spec, before = dict(new["spec"]), dict(old["spec"])
    if not before.get("volumeName"):
        before["volumeName"] = spec.get("volumeName")  # the binding, by whoever does it
    if before.get("storageClassName") is None:
        before["storageClassName"] = spec.get("storageClassName")  # a default class that came later
    causes: list[Cause] = []
    if storage.phase(old) == "Bound":
        causes += _validate_resize(new, old)
        before["resources"], before["volumeAttributesClassName"] = (
            {**(before.get("resources") or {}), "requests": _requests(new)},
            spec.get("volumeAttributesClassName"),
        )
    if _present(spec) != _present(before):
        causes.append(
            validation.forbidden(
                "spec",
                "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound "
                "claims",
            )
        )
    return causes


def _present(spec: Object) -> Object:
    return {name: value for name, value in spec.items() if value is not None}


def _validate_resize(new: Object, old: Object) -> list[Cause]:
    path = "spec.resources.requests.storage"
    if storage.requested(new) >= storage.requested(old):
        return []
    if storage.requested(new) <= storage.amount((old.get("status") or {}).get("capacity")):
        return [validation.forbidden(path, "field can not be less than status.capacity")]
    return []


def _status(obj: Object) -> str:
    return "Terminating" if meta.is_deleting(obj) else str(at(obj, "status.phase", ""))


def _of_bound(obj: Object, text: str) -> str:
    """kubectl shows what the volume gives only once there is one."""
    return text if at(obj, "spec.volumeName") else ""


PERSISTENTVOLUMECLAIMS = Row(
    kinds.PERSISTENTVOLUMECLAIMS,
    "persistentvolumeclaim",
    short_names=("pvc",),
    columns=(
        NAME,
        Column("Status", lambda obj, _now: _status(obj)),
        field("Volume", "spec.volumeName"),
        Column("Capacity", lambda obj, _now: _of_bound(obj, str(at(obj, "status.capacity.storage", "")))),
        Column(
            "Access Modes",
            lambda obj, _now: _of_bound(obj, storage.modes_text(at(obj, "status.accessModes", ()))),
        ),
        Column("StorageClass", lambda obj, _now: storage.class_of(obj)),
        ATTRIBUTES_CLASS,
        AGE,
        VOLUME_MODE,
    ),
    subresources=frozenset({"status", "usage"}),
    schema="io.k8s.api.core.v1.PersistentVolumeClaim",
    default=_default,
    prepare=_prepare,
    validate=_validate,
    permit=_permit,
    warnings=claim_warnings,
    has_spec_generation=False,
)
ROWS = (PERSISTENTVOLUMECLAIMS,)
