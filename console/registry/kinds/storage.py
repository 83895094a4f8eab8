"""StorageClasses, and what storage drivers of others say of themselves (kept for them, used by nobody here)."""

from __future__ import annotations

from collections.abc import Iterable

from common.api import kinds, meta, storage
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, at, field
from console.registry.row import ALL_METADATA, Column, Context, Row

from .storage_warnings import capacity_warnings, class_warnings
from .volumes import validate_required_driver, validate_token_seconds

_RECLAIM_POLICIES = ("Delete", "Retain")
_BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
_FS_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES = ("Persistent", "Ephemeral")
_MAX_PARAMETERS = 512
_MAX_NODE_ID = 192  # characters
_MAX_PARAMETER_BYTES = 256 * 1024


def _default_class(obj: Object) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _validate_class(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    causes = _validate_driver_name(new.get("provisioner"), "provisioner")
    causes += _validate_parameters(new.get("parameters") or {}, "parameters")
    policy, mode = new["reclaimPolicy"], new["volumeBindingMode"]
    if policy and policy not in _RECLAIM_POLICIES:
        causes.append(validation.unsupported("reclaimPolicy", policy, _RECLAIM_POLICIES))
    if mode not in _BINDING_MODES:
        causes.append(validation.unsupported("volumeBindingMode", mode, _BINDING_MODES))
    causes += _validate_topologies(new.get("allowedTopologies") or ())
    if old is not None:
        for name in ("parameters", "provisioner", "reclaimPolicy"):
            if (new.get(name) or {}) != (old.get(name) or {}):
                causes.append(validation.forbidden(name, f"updates to {name} are forbidden."))
        causes += validation.unchanged("volumeBindingMode", new["volumeBindingMode"], old.get("volumeBindingMode"))
    return causes


def _validate_driver_name(name: str | None, path: str) -> list[Cause]:
    return validation.name_field(path, name, lambda text: validation.qualified_name(text.lower()))


def _validate_parameters(parameters: Object, path: str) -> list[Cause]:
    if len(parameters) > _MAX_PARAMETERS:
        return [validation.too_long(path, _MAX_PARAMETERS, "items")]
    causes = []
    if "" in parameters:
        causes.append(validation.wrong(path, "", "field can not be empty."))
    if sum(len(key) + len(value) for key, value in parameters.items()) > _MAX_PARAMETER_BYTES:
        causes.append(validation.too_long(path, _MAX_PARAMETER_BYTES))
    return causes


def _validate_topologies(terms: Iterable[Object]) -> list[Cause]:
    causes: list[Cause] = []
    seen: list[dict[str, set[str]]] = []
    for index, term in enumerate(terms):
        path = f"allowedTopologies[{index}].matchLabelExpressions"
        chosen: dict[str, set[str]] = {}
        for position, entry in enumerate(term.get("matchLabelExpressions") or ()):
            where, key = f"{path}[{position}]", str(entry.get("key") or "")
            causes += _validate_topology(entry, where)
            if key in chosen:
                causes.append(validation.duplicate(f"{where}.key", key))
            chosen[key] = set(entry.get("values") or ())
        if not chosen or chosen in seen:
            causes.append(validation.duplicate(path, ""))
        seen.append(chosen)
    return causes


def _validate_topology(entry: Object, path: str) -> list[Cause]:
    values, key = entry.get("values") or [], entry.get("key", "")
    causes = [] if values else [validation.required(f"{path}.values")]
    for index, value in enumerate(values):
        if value in values[:index]:
            causes.append(validation.duplicate(f"{path}.values[{index}]", value))
    return causes + validation.each(f"{path}.key", key, validation.qualified_name(key))


def _default_driver(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    for name, value in (("attachRequired", True), ("podInfoOnMount", False), ("storageCapacity", False),
                        ("requiresRepublish", False), ("seLinuxMount", False)):  # fmt: skip
        spec.setdefault(name, value)
    spec.setdefault("fsGroupPolicy", "ReadWriteOnceWithFSType")
    spec["volumeLifecycleModes"] = spec.get("volumeLifecycleModes") or ["Persistent"]


def _validate_tokens(asked: list[Object], path: str) -> list[Cause]:
    """One token for each audience, and none too short or too long."""
    causes: list[Cause] = []
    audiences: set[str] = set()
    for index, token in enumerate(asked):
        where, audience = f"{path}[{index}]", str(token.get("audience") or "")
        if audience in audiences:
            causes.append(validation.duplicate(f"{where}.audience", audience))
            continue
        audiences.add(audience)
        causes += validate_token_seconds(token.get("expirationSeconds"), f"{where}.expirationSeconds")
    return causes


def _validate_driver(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    causes = validation.one_of("spec.fsGroupPolicy", spec["fsGroupPolicy"], _FS_GROUP_POLICIES)
    causes += [
        validation.unsupported("spec.volumeLifecycleModes", mode, _LIFECYCLES)
        for mode in spec["volumeLifecycleModes"]
        if mode not in _LIFECYCLES
    ]
    causes += _validate_tokens(spec.get("tokenRequests") or [], "spec.tokenRequests")
    if old is not None:
        for name in ("attachRequired", "volumeLifecycleModes"):
            causes += validation.unchanged(f"spec.{name}", spec.get(name), old["spec"].get(name))
    return causes


def _validate_node(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    drivers = (new.get("spec") or {}).get("drivers") or ()
    for index, driver in enumerate(drivers):
        path, name = f"spec.drivers[{index}]", driver.get("name") or ""
        causes += _validate_node_driver(driver, path)
        if name in names:
            causes.append(validation.duplicate(f"{path}.name", name))
        names.add(name)
    before = {driver.get("name"): driver for driver in ((old or {}).get("spec") or {}).get("drivers") or ()}
    for driver in drivers:
        if driver.get("name") in before:
            causes += validation.unchanged("CSINodeDriver", _fixed(driver), _fixed(before[driver["name"]]))
    return causes


def _fixed(driver: Object) -> Object:
    """What of a driver does not change: how many volumes it takes may."""
    return {name: value for name, value in driver.items() if name != "allocatable"}


def _validate_node_driver(driver: Object, path: str) -> list[Cause]:
    identity = driver.get("nodeID") or ""
    causes = validate_required_driver(driver.get("name"), f"{path}.name")
    if not identity:
        causes.append(validation.required(f"{path}.nodeID"))
    if len(identity) > _MAX_NODE_ID:
        causes.append(validation.wrong(f"{path}.nodeID", identity, f"must be {_MAX_NODE_ID} characters or less"))
    causes += validation.non_negative(f"{path}.allocatable.count", (driver.get("allocatable") or {}).get("count"))
    keys = driver.get("topologyKeys") or []
    for index, key in enumerate(keys):
        if not key:
            causes.append(validation.required(path))
        if key in keys[:index]:
            causes.append(validation.duplicate(path, key))
        causes += validation.each(path, keys, validation.qualified_name(key))
    return causes


def _default_node(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec["drivers"] = spec.get("drivers") or []


def _prepare_attachment(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        new["status"] = {"attached": False}


def _validate_attached(name: str | None, inline: Object | None) -> list[Cause]:
    path, rule = "spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    if name is None:
        return [validation.required(path, rule)] if inline is None else []
    if inline is not None:
        return [validation.forbidden(path, rule)]
    where = f"{path}.persistentVolumeName"
    causes = [] if name else [validation.required(where, "must specify non empty persistentVolumeName")]
    return causes + validation.each(where, name, validation.dns_subdomain(name))


def _validate_attachment(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    source = spec.get("source") or {}
    causes = validate_required_driver(spec.get("attacher"), "spec.attacher")
    causes += validation.each(
        "spec.nodeName", spec.get("nodeName", ""), validation.dns_subdomain(spec.get("nodeName", ""))
    )
    causes += _validate_attached(source.get("persistentVolumeName"), source.get("inlineVolumeSpec"))
    if old is not None:
        causes += validation.unchanged("spec", spec, old.get("spec"))
    return causes


def _validate_capacity(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    causes = validation.name_field("storageClassName", new.get("storageClassName"), validation.dns_subdomain)
    causes += validation.label_selector("nodeTopology", new.get("nodeTopology"))
    if old is not None:
        for name in ("nodeTopology", "storageClassName"):
            causes += validation.unchanged(name, new.get(name), old.get(name))
    return causes


def _validate_attributes(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    causes = _validate_driver_name(new.get("driverName"), "driverName")
    parameters = new.get("parameters") or {}
    causes += _validate_parameters(parameters, "parameters")
    if not parameters:
        causes.append(validation.required("parameters", "must contain at least one key/value pair"))
    if old is not None:
        causes += validation.unchanged("driverName", new.get("driverName"), old.get("driverName"))
        causes += validation.unchanged("parameters", parameters, old.get("parameters") or {})
    return causes


def _class_name(obj: Object) -> str:
    return f"{meta.name(obj)} (default)" if storage.is_default_class(obj) else meta.name(obj)


def _flag(name: str, path: str, kind: str = "boolean") -> Column:
    return Column(name, lambda obj, _now: bool(at(obj, path, default=False)), type=kind)


def _modes(obj: Object) -> str:
    return ",".join(at(obj, "spec.volumeLifecycleModes", ()))


STORAGECLASSES = Row(
    kinds.STORAGECLASSES,
    "storageclass",
    short_names=("sc",),
    columns=(
        Column("Name", lambda obj, _now: _class_name(obj), format="name", description=NAME.description),
        field("Provisioner", "provisioner"),
        field("ReclaimPolicy", "reclaimPolicy"),
        field("VolumeBindingMode", "volumeBindingMode"),
        _flag("AllowVolumeExpansion", "allowVolumeExpansion", "string"),
        AGE,
    ),
    schema="io.k8s.api.storage.v1.StorageClass",
    default=_default_class,
    validate=_validate_class,
    warnings=class_warnings,
    has_spec_generation=False,
)
CSIDRIVERS = Row(
    kinds.CSIDRIVERS,
    "csidriver",
    columns=(
        NAME,
        _flag("AttachRequired", "spec.attachRequired"),
        _flag("PodInfoOnMount", "spec.podInfoOnMount"),
        _flag("StorageCapacity", "spec.storageCapacity"),
        Column(
            "TokenRequests",
            lambda obj, _now: (
                ",".join(str(item.get("audience")) for item in at(obj, "spec.tokenRequests", ())) or "<unset>"
            ),
        ),
        _flag("RequiresRepublish", "spec.requiresRepublish"),
        Column("Modes", lambda obj, _now: _modes(obj)),
        AGE,
    ),
    schema="io.k8s.api.storage.v1.CSIDriver",
    default=_default_driver,
    validate=_validate_driver,
    has_spec_generation=False,
)
CSINODES = Row(
    kinds.CSINODES,
    "csinode",
    columns=(
        NAME,
        Column("Drivers", lambda obj, _now: len(at(obj, "spec.drivers", ())), type="integer"),
        AGE,
    ),
    schema="io.k8s.api.storage.v1.CSINode",
    default=_default_node,
    validate=_validate_node,
    has_spec_generation=False,
)
VOLUMEATTACHMENTS = Row(
    kinds.VOLUMEATTACHMENTS,
    "volumeattachment",
    columns=(
        NAME,
        Column("Attacher", lambda obj, _now: str(at(obj, "spec.attacher", "")), format="name"),
        field("PV", "spec.source.persistentVolumeName"),
        field("Node", "spec.nodeName"),
        _flag("Attached", "status.attached"),
        AGE,
    ),
    subresources=frozenset({"status"}),
    status_keeps=ALL_METADATA,
    schema="io.k8s.api.storage.v1.VolumeAttachment",
    prepare=_prepare_attachment,
    validate=_validate_attachment,
    has_spec_generation=False,
)
CSISTORAGECAPACITIES = Row(
    kinds.CSISTORAGECAPACITIES,
    "csistoragecapacity",
    columns=(NAME, field("StorageClass", "storageClassName"), field("Capacity", "capacity"), AGE),
    schema="io.k8s.api.storage.v1.CSIStorageCapacity",
    validate=_validate_capacity,
    warnings=capacity_warnings,
    has_spec_generation=False,
)
VOLUMEATTRIBUTESCLASSES = Row(
    kinds.VOLUMEATTRIBUTESCLASSES,
    "volumeattributesclass",
    short_names=("vac",),
    columns=(NAME, field("DriverName", "driverName"), AGE),
    schema="io.k8s.api.storage.v1.VolumeAttributesClass",
    validate=_validate_attributes,
    has_spec_generation=False,
)
ROWS = (
    STORAGECLASSES, CSIDRIVERS, CSINODES, VOLUMEATTACHMENTS, CSISTORAGECAPACITIES, VOLUMEATTRIBUTESCLASSES,
)  # fmt: skip
