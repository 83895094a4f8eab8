"""PersistentVolumes: one source each, what they hold and who may have them."""

from __future__ import annotations

import math

from common.api import kinds, meta, quantity, storage
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, at, field
from console.registry.row import Column, Context, Row

from .claim_specs import validate_access_modes, validate_class_name, validate_mode
from .environment import no_backsteps
from .placement import validate_node_selector
from .pod_defaults import default_source
from .storage_warnings import volume_warnings
from .volumes import validate_host_path, validate_needs, validate_required_driver

_RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
# In the order in which Kubernetes looks at them: the first one counts.
SOURCES = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte", "cephfs",
    "iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume",
    "azureDisk", "scaleIO", "local", "storageos", "csi",
)  # fmt: skip
_UNSET = "<unset>"


def _default(obj: Object) -> None:
    obj.setdefault("status", {}).setdefault("phase", "Pending")
    spec = obj.setdefault("spec", {})
    spec["persistentVolumeReclaimPolicy"] = spec.get("persistentVolumeReclaimPolicy") or "Retain"
    spec.setdefault("volumeMode", "Filesystem")
    default_source(spec)
    if spec.get("hostPath") is not None:
        spec["hostPath"].setdefault("type", "")


def _prepare(new: Object, old: Object | None, context: Context) -> None:
    if old is None:
        new["status"] = {"phase": "Pending", "lastPhaseTransitionTime": meta.format_time(context.now)}
        protect(new, storage.VOLUME_PROTECTION)
    elif (new.get("status") or {}).get("phase") != (old.get("status") or {}).get("phase"):
        new["status"]["lastPhaseTransitionTime"] = meta.format_time(context.now)


def protect(obj: Object, finalizer: str) -> None:
    """What Kubernetes' admission plugin StorageObjectInUseProtection does to new objects."""
    finalizers = obj["metadata"].setdefault("finalizers", [])
    if finalizer not in finalizers:
        finalizers.append(finalizer)


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    modes = spec.get("accessModes") or []
    causes = validate_access_modes(modes, "spec.accessModes")
    if not modes:
        causes.append(validation.required("spec.accessModes"))
    causes += _validate_capacity(spec.get("capacity") or {})
    causes += _validate_source(spec)
    policy = spec["persistentVolumeReclaimPolicy"]
    if policy not in _RECLAIM_POLICIES:
        causes.append(validation.unsupported("spec.persistentVolumeReclaimPolicy", policy, _RECLAIM_POLICIES))
    if policy == "Recycle" and (spec.get("hostPath") or {}).get("path") == "/":
        causes.append(
            validation.forbidden(
                "spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'"
            )
        )
    causes += validate_class_name(spec, "spec") + validate_mode(spec, "spec") + _validate_affinity(spec)
    return causes + (_validate_change(spec, old["spec"]) if old is not None else [])


def _validate_capacity(capacity: Object) -> list[Cause]:
    causes = [] if capacity else [validation.required("spec.capacity")]
    if set(capacity) != {"storage"}:
        causes.append(validation.unsupported("spec.capacity", capacity, ("storage",)))
    for name, amount in capacity.items():
        path, value = f"spec.capacity[{name}]", quantity.parse(amount)
        if value < 0:
            causes.append(validation.wrong(path, math.ceil(value), "must be a valid resource quantity"))
        if value <= 0:
            causes.append(validation.wrong(path, str(amount), "must be greater than zero"))
    return causes


def _validate_source(spec: Object) -> list[Cause]:
    present = [name for name in SOURCES if spec.get(name) is not None]
    if not present:
        return [validation.required("spec", "must specify a volume type")]
    causes = [validation.forbidden(f"spec.{name}", "may not specify more than 1 volume type") for name in present[1:]]
    name = present[0]
    source, path = spec[name], f"spec.{name}"
    if name == "csi":
        return causes + _validate_csi(source, path)
    causes += validate_needs(name, source, path)
    if name == "hostPath":
        causes += validate_host_path(source, path)
    elif name == "local":
        causes += no_backsteps(f"{path}.path", str(source.get("path") or ""))
    return causes


def _validate_csi(source: Object, path: str) -> list[Cause]:
    causes = validate_required_driver(source.get("driver"), f"{path}.driver")
    causes += [] if source.get("volumeHandle") else [validation.required(f"{path}.volumeHandle")]
    for name in ("controllerPublishSecretRef", "nodeStageSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"):
        reference = source.get(name)
        if reference is not None:
            where, space = f"{path}.{name}", reference.get("namespace")
            causes += validation.name_field(f"{where}.name", reference.get("name"), validation.dns_subdomain)
            causes += validation.name_field(f"{where}.namespace", space, validation.dns_label)
    return causes


def _validate_affinity(spec: Object) -> list[Cause]:
    affinity = spec.get("nodeAffinity")
    if affinity is None:
        missing = spec.get("local") is not None
        return [validation.required("spec.nodeAffinity", "Local volume requires node affinity")] if missing else []
    if affinity.get("required") is None:
        return [validation.required("spec.nodeAffinity.required", "must specify required node constraints")]
    return validate_node_selector(affinity["required"], "spec.nodeAffinity.required")


def _validate_change(spec: Object, old: Object) -> list[Cause]:
    causes = []
    if any(spec.get(name) != old.get(name) for name in SOURCES):
        causes.append(
            validation.forbidden(
                "spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation"
            )
        )
    causes += validation.unchanged("spec.volumeMode", spec.get("volumeMode"), old.get("volumeMode"))
    if old.get("nodeAffinity") is not None:
        causes += validation.unchanged("spec.nodeAffinity", spec.get("nodeAffinity"), old["nodeAffinity"])
    return causes


def _status(obj: Object) -> str:
    return "Terminating" if meta.is_deleting(obj) else str(at(obj, "status.phase", ""))


def _claim(obj: Object) -> str:
    ref = at(obj, "spec.claimRef", {})
    return f"{ref.get('namespace', '')}/{ref.get('name', '')}" if ref else ""


ATTRIBUTES_CLASS = field("VolumeAttributesClass", "spec.volumeAttributesClassName", default=_UNSET)
VOLUME_MODE = field("VolumeMode", "spec.volumeMode", default=_UNSET, priority=1)
PERSISTENTVOLUMES = Row(
    kinds.PERSISTENTVOLUMES,
    "persistentvolume",
    short_names=("pv",),
    columns=(
        NAME,
        field("Capacity", "spec.capacity.storage"),
        Column("Access Modes", lambda obj, _now: storage.modes_text(at(obj, "spec.accessModes", ()))),
        field("Reclaim Policy", "spec.persistentVolumeReclaimPolicy"),
        Column("Status", lambda obj, _now: _status(obj)),
        Column("Claim", lambda obj, _now: _claim(obj)),
        Column("StorageClass", lambda obj, _now: storage.class_of(obj)),
        ATTRIBUTES_CLASS,
        field("Reason", "status.reason"),
        AGE,
        VOLUME_MODE,
    ),
    subresources=frozenset({"status"}),
    schema="io.k8s.api.core.v1.PersistentVolume",
    default=_default,
    prepare=_prepare,
    validate=_validate,
    warnings=volume_warnings,
    has_spec_generation=False,
)
ROWS = (PERSISTENTVOLUMES,)
