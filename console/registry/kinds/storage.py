"""StorageClasses, and what storage drivers of others say of themselves (kept for them, used by nobody here)."""

from __future__ import annotations

from common.api import kinds, meta, storage
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, at, field
from console.registry.row import ALL_METADATA, Column, Context, Row

from .persistentvolumes import RECLAIM_POLICIES
from .volumes import validate_token_seconds

_BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
_FS_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES = ("Ephemeral", "Persistent")
_MAX_PARAMETERS = 512
_MAX_PARAMETER_BYTES = 256 * 1024


def _default_class(obj: Object) -> None:
    obj["reclaimPolicy"] = obj.get("reclaimPolicy") or "Delete"
    obj["volumeBindingMode"] = obj.get("volumeBindingMode") or "Immediate"


def _validate_class(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    causes = _validate_driver_name(new.get("provisioner"), "provisioner")
    causes += _validate_parameters(new.get("parameters") or {}, "parameters")
    causes += validation.one_of("reclaimPolicy", new["reclaimPolicy"], RECLAIM_POLICIES)
    causes += validation.one_of("volumeBindingMode", new["volumeBindingMode"], _BINDING_MODES)
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


def _validate_topologies(terms: list[Object] | tuple[Object, ...]) -> list[Cause]:
    causes: list[Cause] = []
    for index, term in enumerate(terms):
        for position, entry in enumerate(term.get("matchLabelExpressions") or ()):
            path = f"allowedTopologies[{index}].matchLabelExpressions[{position}]"
            causes += validation.each(
                f"{path}.key", entry.get("key", ""), validation.qualified_name(entry.get("key", ""))
            )
            if not entry.get("values"):
                causes.append(validation.required(f"{path}.values"))
    return causes


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
    for index, mode in enumerate(spec["volumeLifecycleModes"]):
        if mode not in _LIFECYCLES:
            causes.append(validation.unsupported(f"spec.volumeLifecycleModes[{index}]", mode, _LIFECYCLES))
    causes += _validate_tokens(spec.get("tokenRequests") or [], "spec.tokenRequests")
    if old is not None:
        for name in ("attachRequired", "volumeLifecycleModes"):
            causes += validation.unchanged(f"spec.{name}", spec.get(name), old["spec"].get(name))
    return causes


def _validate_node(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    for index, driver in enumerate((new.get("spec") or {}).get("drivers") or ()):
        path = f"spec.drivers[{index}]"
        causes += _validate_driver_name(driver.get("name"), f"{path}.name")
        name = driver.get("name") or ""
        if name in names:
            causes.append(validation.duplicate(f"{path}.name", name))
        names.add(name)
        if not driver.get("nodeID"):
            causes.append(validation.required(f"{path}.nodeID"))
    return causes


def _default_node(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec["drivers"] = spec.get("drivers") or []


def _prepare_attachment(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        new["status"] = {"attached": False}


def _validate_attachment(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    source = spec.get("source") or {}
    causes = _validate_driver_name(spec.get("attacher"), "spec.attacher")
    if not spec.get("nodeName"):
        causes.append(validation.required("spec.nodeName"))
    if source.get("persistentVolumeName") is None and source.get("inlineVolumeSpec") is None:
        causes.append(
            validation.required("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName")
        )
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


def _flag(name: str, path: str) -> Column:
    return Column(name, lambda obj, _now: str(bool(at(obj, path, default=False))).lower(), type="boolean")


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
        _flag("AllowVolumeExpansion", "allowVolumeExpansion"),
        AGE,
    ),
    schema="io.k8s.api.storage.v1.StorageClass",
    default=_default_class,
    validate=_validate_class,
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
        field("Attacher", "spec.attacher"),
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
