"""What a pod's claims (and network volumes named in the pod itself) come down to on its node. Pure.

The objects come in through the assignment. A claim counts only with a volume that names it back, so that nobody gets
at the volume of another by naming it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from common.api import meta, storage
from common.api.meta import Object
from nodeagent.environment import Lookup, MissingReference, contents

LOCAL, SSHFS, DOCKER = (storage.DRIVERS[name] for name in (storage.LOCAL, storage.SSHFS, storage.DOCKER))
NFS, PATH = "nfs", "path"  # sources that Kubernetes has itself: a network mount, a path of the host


class VolumeFailure(Exception):
    """A volume cannot be had (yet); the message is the FailedMount event's."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One volume of a pod. `key` names it on this node: pods with the same key share one folder or mount."""

    volume: str  # its name in the pod
    claim: str  # name of the claim, empty without one
    driver: str
    key: str
    handle: str  # as the driver knows it
    attributes: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    options: tuple[str, ...] = ()
    read_only: bool = False
    group: int | None = None  # fsGroup of the pod
    block: bool = False  # a device of `size` bytes, and no folder
    size: int = 0


@dataclass(frozen=True, slots=True)
class Staged:
    """Where the volume of an attachment is on this host; kept on disk beside the pod."""

    volume: str
    claim: str
    driver: str
    key: str
    source: str  # absolute path, or the name of a Docker volume
    mount: str = ""  # the network mount that `source` lies on, empty for none
    read_only: bool = False
    block: bool = False  # `source` leads to a device

    def to_json(self) -> Object:
        return asdict(self)

    @property
    def is_docker(self) -> bool:
        return self.driver == DOCKER


def attachments(pod: Object, lookup: Lookup) -> list[Attachment]:
    """All of the pod. VolumeFailure names the first volume that cannot be resolved."""
    found = []
    names = storage.claim_names(pod)
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        name = str(volume.get("name"))
        try:
            attachment = _attachment(pod, volume, names.get(name, ""), lookup)
        except (VolumeFailure, MissingReference) as error:
            raise VolumeFailure(f'MountVolume.SetUp failed for volume "{name}" : {error}') from error
        if attachment is not None:
            found.append(attachment)
    return found


def _attachment(pod: Object, volume: Object, claim_name: str, lookup: Lookup) -> Attachment | None:
    name = str(volume.get("name"))
    if claim_name:
        read_only = bool((volume.get("persistentVolumeClaim") or {}).get("readOnly"))
        return _of_claim(pod, name, claim_name, lookup, read_only=read_only)
    if volume.get("nfs") is not None:
        return _nfs(name, "", volume["nfs"], ())
    if volume.get("csi") is not None:
        return _inline(pod, name, volume["csi"], lookup)
    return None


def _of_claim(pod: Object, name: str, claim_name: str, lookup: Lookup, *, read_only: bool) -> Attachment:
    space = meta.namespace(pod)
    claim = lookup.find("persistentvolumeclaims", space, claim_name)
    if claim is None:
        raise VolumeFailure(f'persistentvolumeclaim "{claim_name}" not found')
    if not storage.is_fully_bound(claim):
        raise VolumeFailure(f"PVC {space}/{claim_name} is not bound")
    volume_name = str(storage.spec(claim)["volumeName"])
    volume = lookup.find("persistentvolumes", "", volume_name)
    if volume is None:
        raise VolumeFailure(f'persistentvolume "{volume_name}" not found')
    if (storage.spec(volume).get("claimRef") or {}).get("uid") != meta.uid(claim):
        raise VolumeFailure(f'persistentvolume "{volume_name}" is not bound to claim {space}/{claim_name}')
    read_only = read_only or set(storage.spec(volume).get("accessModes") or ()) == {"ReadOnlyMany"}
    found = _of_volume(pod, name, claim_name, volume, lookup, read_only=read_only)
    return found if storage.mode_of(volume) == "Filesystem" else _as_block(found, volume)


def _as_block(found: Attachment, volume: Object) -> Attachment:
    if found.driver == PATH:
        found = replace(found, attributes={"type": "BlockDevice"})
    elif found.driver != LOCAL:
        raise VolumeFailure(f"volumeMode {storage.mode_of(volume)} is not supported by {found.driver}")
    return replace(found, block=True, size=storage.capacity(volume))


def _of_volume(pod: Object, name: str, claim: str, volume: Object, lookup: Lookup, *, read_only: bool) -> Attachment:
    spec = storage.spec(volume)
    options = tuple(str(item) for item in spec.get("mountOptions") or ())
    key = meta.name(volume)
    if spec.get("csi") is not None:
        source = spec["csi"]
        driver = str(source.get("driver"))
        if driver not in storage.DRIVERS.values():
            known = ", ".join(sorted(storage.DRIVERS.values()))
            raise VolumeFailure(f"driver name {driver} not found in the list of registered CSI drivers ({known})")
        return Attachment(
            name, claim, driver, key, str(source.get("volumeHandle")), _texts(source.get("volumeAttributes")),
            secret_of(volume, lookup), options, read_only or bool(source.get("readOnly")), _fs_group(pod),
        )  # fmt: skip
    if spec.get("nfs") is not None:
        return _nfs(name, claim, spec["nfs"], options, read_only=read_only)
    if spec.get("hostPath") is not None:
        checks = {"type": str(spec["hostPath"].get("type") or "")}
        return Attachment(name, claim, PATH, key, str(spec["hostPath"].get("path")), checks, read_only=read_only)
    if spec.get("local") is not None:
        group = None if read_only else _fs_group(pod)
        path, checks = str(spec["local"].get("path")), {"type": "Directory"}
        if storage.mode_of(volume) == "Filesystem":
            checks["fsType"] = str(spec["local"].get("fsType") or "ext4")  # in case the path is a device
        return Attachment(name, claim, PATH, key, path, checks, {}, options, read_only, group)
    kinds = ", ".join(sorted(set(spec) & _SOURCES)) or "unknown"
    raise VolumeFailure(f"volumes of type {kinds} are not supported on this node")


_SOURCES = frozenset({"iscsi", "fc", "rbd", "cephfs", "glusterfs", "flexVolume", "awsElasticBlockStore", "azureDisk"})


def secret_of(volume: Object, lookup: Lookup) -> dict[str, bytes]:
    """The contents of the Secret that a volume names for its node, empty when it names none."""
    source = storage.spec(volume).get("csi") or {}
    ref = next((source[field] for field in storage.SECRET_FIELDS if source.get(field)), None)
    return _secret(str(ref.get("namespace") or ""), str(ref.get("name") or ""), lookup) if ref else {}


def _secret(space: str, name: str, lookup: Lookup) -> dict[str, bytes]:
    found = lookup.find("secrets", space, name)
    if found is None:
        raise VolumeFailure(f'secret "{name}" not found')
    return contents(found)


def _nfs(name: str, claim: str, source: Object, options: tuple[str, ...], *, read_only: bool = False) -> Attachment:
    where = {"server": str(source.get("server")), "path": str(source.get("path"))}
    read_only = read_only or bool(source.get("readOnly"))
    digest = hashlib.sha256(repr((where, options, read_only)).encode()).hexdigest()[:16]
    return Attachment(name, claim, NFS, f"nfs-{digest}", digest, where, {}, options, read_only)


def _inline(pod: Object, name: str, source: Object, lookup: Lookup) -> Attachment:
    driver = str(source.get("driver"))
    if driver != SSHFS:
        raise VolumeFailure(f"driver {driver} makes no volumes inline in pods: {SSHFS} does")
    ref = (source.get("nodePublishSecretRef") or {}).get("name")
    secret = _secret(meta.namespace(pod), str(ref), lookup) if ref else {}
    key = f"inline-{meta.uid(pod)}-{name}"
    return Attachment(
        name, "", driver, key, key, _texts(source.get("volumeAttributes")), secret,
        read_only=bool(source.get("readOnly")),
    )  # fmt: skip


def _texts(values: Object | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in (values or {}).items()}


def _fs_group(pod: Object) -> int | None:
    value = ((pod.get("spec") or {}).get("securityContext") or {}).get("fsGroup")
    return None if value is None else int(value)
