"""Volumes of a pod: one source each, with what that source needs."""

from __future__ import annotations

from collections.abc import Iterable

from common.api import quantity
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from .claim_specs import validate_claim_spec
from .containers import relative_path, validate_field, validate_resource_field

_HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
# The fields that a source cannot do without.
_NEEDS = {
    "hostPath": ("path",),
    "secret": ("secretName",),
    "configMap": ("name",),
    "persistentVolumeClaim": ("claimName",),
    "nfs": ("server", "path"),
    "csi": ("driver",),
    "local": ("path",),
    "flexVolume": ("driver",),
    "iscsi": ("targetPortal", "iqn"),
    "cephfs": ("monitors",),
    "glusterfs": ("endpoints", "path"),
}


def validate_volumes(volumes: Iterable[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    for index, volume in enumerate(volumes):
        where = f"{path}[{index}]"
        name = volume.get("name", "")
        causes += validation.name_field(f"{where}.name", name, validation.dns_label)
        if name in names:
            causes.append(validation.duplicate(f"{where}.name", name))
        names.add(name)
        causes += _validate_source(volume, where)
    return causes


def _validate_source(volume: Object, path: str) -> list[Cause]:
    sources = [name for name in volume if name != "name"]
    if not sources:
        return [validation.required(path, "must specify a volume type")]
    causes = [validation.forbidden(f"{path}.{name}", "may not specify more than 1 volume type") for name in sources[1:]]
    name = sources[0]
    source, where = volume[name], f"{path}.{name}"
    causes += [validation.required(f"{where}.{needed}") for needed in needs_of(name) if not source.get(needed)]
    match name:
        case "emptyDir":
            causes += _validate_empty_dir(source, where)
        case "hostPath":
            causes += validate_host_path(source, where)
        case "secret" | "configMap" | "downwardAPI":
            causes += _validate_files(source, where)
        case "projected":
            causes += _validate_projected(source, where)
        case "ephemeral":
            causes += _validate_ephemeral(source, where)
    return causes


def needs_of(source: str) -> tuple[str, ...]:
    """The fields that a source of this name cannot do without."""
    return _NEEDS.get(source, ())


def _validate_ephemeral(source: Object, path: str) -> list[Cause]:
    template = source.get("volumeClaimTemplate")
    if template is None:
        return [validation.required(f"{path}.volumeClaimTemplate")]
    where = f"{path}.volumeClaimTemplate"
    allowed = {"labels", "annotations", "creationTimestamp"}
    causes = [
        validation.forbidden(f"{where}.metadata.{name}", "cannot be set for an ephemeral volume")
        for name, value in (template.get("metadata") or {}).items()
        if name not in allowed and value
    ]
    return causes + validate_claim_spec(template.get("spec") or {}, f"{where}.spec")


def _validate_empty_dir(source: Object, path: str) -> list[Cause]:
    limit = source.get("sizeLimit")
    if limit is not None and quantity.parse(limit) < 0:
        return [validation.wrong(f"{path}.sizeLimit", str(limit), "SizeLimit field must be a valid resource quantity")]
    return []


def validate_host_path(source: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if ".." in str(source.get("path", "")).split("/"):
        causes.append(validation.wrong(f"{path}.path", source["path"], "must not contain '..'"))
    if source.get("type") not in {None, *_HOST_PATH_TYPES}:
        causes.append(validation.unsupported(f"{path}.type", source["type"], _HOST_PATH_TYPES))
    return causes


def _validate_files(source: Object, path: str) -> list[Cause]:
    causes = _validate_mode(source.get("defaultMode"), f"{path}.defaultMode")
    for index, item in enumerate(source.get("items") or ()):
        where = f"{path}.items[{index}]"
        if "fieldRef" in item or "resourceFieldRef" in item:
            causes += _validate_downward(item, where)
        elif not item.get("key"):
            causes.append(validation.required(f"{where}.key"))
        if not item.get("path"):
            causes.append(validation.required(f"{where}.path"))
        else:
            causes += relative_path(f"{where}.path", item["path"])
        causes += _validate_mode(item.get("mode"), f"{where}.mode")
    return causes


def _validate_downward(item: Object, path: str) -> list[Cause]:
    if item.get("fieldRef") is not None and item.get("resourceFieldRef") is not None:
        return [validation.wrong(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")]
    if item.get("fieldRef") is not None:
        reference = item["fieldRef"]
        # Whole maps make sense in a file, though not in a variable.
        if reference.get("fieldPath") in {"metadata.labels", "metadata.annotations"}:
            return []
        return validate_field(reference, f"{path}.fieldRef")
    return validate_resource_field(item.get("resourceFieldRef") or {}, f"{path}.resourceFieldRef")


def _validate_mode(mode: int | None, path: str) -> list[Cause]:
    if mode is None or 0 <= mode <= 0o777:
        return []
    return [validation.wrong(path, mode, "must be a number between 0 and 0777 (octal), both inclusive")]


def _validate_projected(source: Object, path: str) -> list[Cause]:
    causes = _validate_mode(source.get("defaultMode"), f"{path}.defaultMode")
    for index, part in enumerate(source.get("sources") or ()):
        where = f"{path}.sources[{index}]"
        if len(part) > 1:
            causes += [
                validation.forbidden(f"{where}.{name}", "may not specify more than 1 volume type")
                for name in list(part)[1:]
            ]
        for name in ("secret", "configMap"):
            if part.get(name) is not None and not part[name].get("name"):
                causes.append(validation.required(f"{where}.{name}.name"))
        for name in ("secret", "configMap", "downwardAPI"):
            causes += _validate_files(part.get(name) or {}, f"{where}.{name}")
        token = part.get("serviceAccountToken")
        if token is not None:
            causes += _validate_token(token, f"{where}.serviceAccountToken")
    return causes


def _validate_token(token: Object, path: str) -> list[Cause]:
    causes = [] if token.get("path") else [validation.required(f"{path}.path")]
    seconds = token.get("expirationSeconds", 3600)
    if seconds < 600:
        causes.append(
            validation.wrong(f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
        )
    return causes
