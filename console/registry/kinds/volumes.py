"""Volumes of a pod: one source each, with what that source needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from common.api import quantity
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from . import block_volumes
from .claim_specs import validate_claim_spec
from .environment import FILE_FIELDS, local_path, validate_field, validate_resource_field

_HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
# In the order in which Kubernetes looks at them, each with the fields that it cannot do without.
_SOURCES: Mapping[str, tuple[str, ...]] = {
    "emptyDir": (),
    "hostPath": ("path",),
    "gitRepo": ("repository",),
    "gcePersistentDisk": ("pdName",),
    "awsElasticBlockStore": ("volumeID",),
    "secret": ("secretName",),
    "nfs": ("server", "path"),
    "iscsi": ("targetPortal", "iqn"),
    "glusterfs": ("endpoints", "path"),
    "flocker": (),
    "persistentVolumeClaim": ("claimName",),
    "rbd": ("monitors", "image"),
    "cinder": ("volumeID",),
    "cephfs": ("monitors",),
    "quobyte": ("registry", "volume"),
    "downwardAPI": (),
    "fc": (),
    "flexVolume": ("driver",),
    "configMap": ("name",),
    "azureFile": ("secretName", "shareName"),
    "vsphereVolume": ("volumePath",),
    "photonPersistentDisk": ("pdID",),
    "portworxVolume": ("volumeID",),
    "azureDisk": ("diskName", "diskURI"),
    "storageos": ("volumeName",),
    "projected": (),
    "scaleIO": ("gateway", "system", "volumeName"),
    "csi": ("driver",),
    "ephemeral": (),
    "image": (),
    "local": ("path",),
}
_CALLED = {"gcePersistentDisk": "persistentDisk"}  # by messages about what is in the source
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MAX_DRIVER = 63
_MAX_TOKEN_SECONDS = 1 << 32
_MIN_TOKEN_SECONDS = 600


def validate_volumes(
    volumes: Iterable[Object], path: str, *, is_pod: bool = False
) -> tuple[dict[str, Object], list[Cause]]:
    """The volumes by name that containers can have, which are those with nothing wrong, and what is wrong with the
    others. A template may leave the name of an image to whoever makes pods of it."""
    causes: list[Cause] = []
    found: dict[str, Object] = {}
    for index, volume in enumerate(volumes):
        where, name = f"{path}[{index}]", volume.get("name", "")
        wrong = _validate_source(volume, where)
        if is_pod and volume.get("image") is not None and not volume["image"].get("reference"):
            wrong.append(validation.required(f"{where}.image.reference"))
        wrong += validation.name_field(f"{where}.name", name, validation.dns_label)
        if name and name in found:
            wrong.append(validation.duplicate(f"{where}.name", name))
        if not wrong:
            found[name] = volume
        causes += wrong
    return found, causes


def _validate_source(volume: Object, path: str) -> list[Cause]:
    sources = [name for name, source in volume.items() if name in _SOURCES and source is not None]
    if not sources:
        return [validation.required(path, "must specify a volume type")]
    if len(sources) > 1:
        sources.sort(key=list(_SOURCES).index)
    name = sources[0]
    causes = validate_needs(name, volume[name], f"{path}.{_CALLED.get(name, name)}")
    check = _CHECKS.get(name)
    causes += check(volume[name], f"{path}.{name}") if check else []
    return causes + [
        validation.forbidden(f"{path}.{name}", "may not specify more than 1 volume type") for name in sources[1:]
    ]


def validate_needs(name: str, source: Object, path: str) -> list[Cause]:
    """The fields that a source of this name cannot do without, wherever it stands."""
    causes = [validation.required(f"{path}.{needed}") for needed in _SOURCES[name] if not source.get(needed)]
    if name == "nfs" and not str(source.get("path") or "").startswith("/"):
        causes.append(validation.wrong(f"{path}.path", source.get("path") or "", "must be an absolute path"))
    if name == "flocker" and not source.get("datasetName") and not source.get("datasetUUID"):
        causes.append(validation.required(path, "one of datasetName and datasetUUID is required"))
    check = block_volumes.CHECKS.get(name)
    return causes + (check(source, path) if check else [])


def _validate_image(source: Object, path: str) -> list[Cause]:
    policy = source.get("pullPolicy")
    return validation.one_of(f"{path}.pullPolicy", policy, _PULL_POLICIES)


def validate_csi_driver(name: str, path: str) -> list[Cause]:
    """The format of a driver's name, whose letters may be large."""
    causes = [validation.too_long(path, _MAX_DRIVER)] if len(name) > _MAX_DRIVER else []
    return causes + validation.each(path, name, validation.dns_subdomain(name.lower()))


def validate_required_driver(name: str | None, path: str) -> list[Cause]:
    """The name of a driver that must be there."""
    return [*([] if name else [validation.required(path)]), *validate_csi_driver(name or "", path)]


def _validate_csi(source: Object, path: str) -> list[Cause]:
    causes = validate_csi_driver(str(source.get("driver") or ""), f"{path}.driver")
    reference = source.get("nodePublishSecretRef")
    if reference is not None and not reference.get("name"):
        causes.append(validation.required(f"{path}.nodePublishSecretRef.name"))
    return causes


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
        return [validation.forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")]
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
        causes += _validate_item(item, f"{path}.items[{index}]")
    return causes


def _validate_item(item: Object, path: str) -> list[Cause]:
    causes = [validation.required(f"{path}.{name}") for name in ("key", "path") if not item.get(name)]
    causes += local_path(f"{path}.path", item.get("path") or "")
    return causes + _validate_mode(item.get("mode"), f"{path}.mode")


def _validate_downward(source: Object, path: str) -> list[Cause]:
    causes = _validate_mode(source.get("defaultMode"), f"{path}.defaultMode")
    for item in source.get("items") or ():  # Kubernetes names the volume, not the item
        causes += _validate_downward_item(item, path)
    return causes


def _validate_downward_item(item: Object, path: str) -> list[Cause]:
    causes = [] if item.get("path") else [validation.required(f"{path}.path")]
    causes += local_path(f"{path}.path", item.get("path") or "")
    field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
    if field is not None:
        causes += validate_field(field, f"{path}.fieldRef", FILE_FIELDS)
        if resource is not None:
            why = "fieldRef and resourceFieldRef can not be specified simultaneously"
            causes.append(validation.wrong(path, "resource", why))
    elif resource is not None:
        causes += validate_resource_field(resource, f"{path}.resourceFieldRef", of_file=True)
    else:
        causes.append(validation.required(path, "one of fieldRef and resourceFieldRef is required"))
    return causes + _validate_mode(item.get("mode"), f"{path}.mode")


def _validate_mode(mode: int | None, path: str) -> list[Cause]:
    if mode is None or 0 <= mode <= 0o777:
        return []
    return [validation.wrong(path, mode, "must be a number between 0 and 0777 (octal), both inclusive")]


def _validate_projected(source: Object, path: str) -> list[Cause]:
    causes = _validate_mode(source.get("defaultMode"), f"{path}.defaultMode")
    taken: set[str] = set()
    for index, part in enumerate(source.get("sources") or ()):
        where = f"{path}.sources[{index}]"
        for name, projection in part.items():
            causes += _validate_projection(name, projection, where, path)
            causes += _conflicts(name, projection, taken, path)
        if len(part) > 1:
            causes.append(validation.forbidden(where, "may not specify more than 1 volume type per source"))
    return causes


def _validate_projection(name: str, projection: Object, where: str, path: str) -> list[Cause]:
    place = f"{where}.{name}"
    match name:
        case "secret" | "configMap":
            causes = [] if projection.get("name") else [validation.required(f"{place}.name")]
            items = enumerate(projection.get("items") or ())
            return causes + [
                cause for index, item in items for cause in _validate_item(item, f"{place}.items[{index}]")
            ]
        case "downwardAPI":
            return [cause for item in projection.get("items") or () for cause in _validate_downward_item(item, place)]
        case "serviceAccountToken":
            return _validate_token(projection, place, path)
        case "clusterTrustBundle":
            return _validate_bundle(projection, place)
    return []


def _conflicts(name: str, projection: Object, taken: set[str], path: str) -> list[Cause]:
    """Files of one name from two sources."""
    causes: list[Cause] = []
    for item in projection.get("items") or ([projection] if name == "clusterTrustBundle" else ()):
        file = item.get("path")
        if file and file in taken:
            value = projection.get("name") if name in {"secret", "configMap"} else file
            causes.append(validation.wrong(path, value, "conflicting duplicate paths"))
        taken.add(file or "")
    return causes


def validate_token_seconds(seconds: int | None, path: str) -> list[Cause]:
    """How long a token is good for."""
    if seconds is not None and seconds < _MIN_TOKEN_SECONDS:
        return [validation.wrong(path, seconds, "may not specify a duration less than 10 minutes")]
    if seconds is not None and seconds > _MAX_TOKEN_SECONDS:
        return [validation.wrong(path, seconds, "may not specify a duration larger than 2^32 seconds")]
    return []


def _validate_token(token: Object, where: str, path: str) -> list[Cause]:
    causes = validate_token_seconds(token.get("expirationSeconds"), f"{where}.expirationSeconds")
    if not token.get("path"):
        return [*causes, validation.required(f"{path}.path")]
    return causes + local_path(f"{path}.path", token["path"])


def _validate_bundle(bundle: Object, path: str) -> list[Cause]:
    name, signer = bundle.get("name"), bundle.get("signerName")
    causes: list[Cause] = []
    if name is not None and signer is not None:
        causes.append(validation.wrong(path, bundle, "only one of name and signerName may be used"))
    elif name is not None:
        if not name:
            causes.append(validation.required(f"{path}.name", "must be a valid object name"))
        if bundle.get("labelSelector") is not None:
            why = "labelSelector must be unset if name is specified"
            causes.append(validation.wrong(f"{path}.labelSelector", bundle["labelSelector"], why))
    elif signer is not None:
        if not signer:
            causes.append(validation.required(f"{path}.signerName", "must be a valid signer name"))
        causes += validation.label_selector(f"{path}.labelSelector", bundle.get("labelSelector"))
    else:
        causes.append(validation.required(path, "either name or signerName must be specified"))
    if not bundle.get("path"):
        causes.append(validation.required(f"{path}.path"))
    return causes + local_path(f"{path}.path", bundle.get("path") or "")


_CHECKS: Mapping[str, Callable[[Object, str], list[Cause]]] = {
    "emptyDir": _validate_empty_dir,
    "hostPath": validate_host_path,
    "secret": _validate_files,
    "configMap": _validate_files,
    "downwardAPI": _validate_downward,
    "projected": _validate_projected,
    "csi": _validate_csi,
    "ephemeral": _validate_ephemeral,
    "image": _validate_image,
}
