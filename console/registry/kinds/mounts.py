"""Where a container sees the volumes of its pod: as directories and files, or as block devices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from .environment import descending_path, no_backsteps

Volumes = Mapping[str, Object]
"""The volumes of a pod by name."""
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIONS = ("Disabled", "Enabled", "IfPossible")
_BLOCK_SOURCES = ("persistentVolumeClaim", "ephemeral")


def validate_mounts(container: Object, path: str, volumes: Volumes) -> list[Cause]:
    causes: list[Cause] = []
    places: set[str] = set()
    devices = {device.get("name"): device.get("devicePath") for device in container.get("volumeDevices") or ()}
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where = f"{path}[{index}]"
        name, place = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            causes.append(validation.required(f"{where}.name"))
        if name not in volumes:
            causes.append(validation.not_found(f"{where}.name", name))
        if not place:
            causes.append(validation.required(f"{where}.mountPath"))
        if place in places:
            causes.append(validation.wrong(f"{where}.mountPath", place, "must be unique"))
        places.add(place)
        if name in devices:
            causes.append(validation.wrong(f"{where}.name", name, "must not already exist in volumeDevices"))
        if place in devices.values():
            why = "must not already exist as a path in volumeDevices"
            causes.append(validation.wrong(f"{where}.mountPath", place, why))
        # Kubernetes names the list, not the element, in what follows.
        causes += _validate_sub_path(mount, where, path)
        causes += _validate_propagation(mount.get("mountPropagation"), container, f"{path}.mountPropagation")
        causes += _validate_recursion(mount, f"{path}.recursiveReadOnly")
    return causes


def _validate_sub_path(mount: Object, where: str, path: str) -> list[Cause]:
    causes: list[Cause] = []
    plain, expression = mount.get("subPath") or "", mount.get("subPathExpr") or ""
    if plain:
        causes += descending_path(f"{path}.subPath", plain)
    if expression and plain:
        why = "subPathExpr and subPath are mutually exclusive"
        causes.append(validation.wrong(f"{where}.subPathExpr", expression, why))
    if expression:
        causes += descending_path(f"{path}.subPathExpr", expression)
    return causes


def _validate_propagation(mode: str | None, container: Object, path: str) -> list[Cause]:
    if mode is None:
        return []
    if mode not in _PROPAGATIONS:
        return [validation.unsupported(path, mode, _PROPAGATIONS)]
    if mode == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        why = "Bidirectional mount propagation is available only to privileged containers"
        return [validation.forbidden(path, why)]
    return []


def _validate_recursion(mount: Object, path: str) -> list[Cause]:
    mode = mount.get("recursiveReadOnly")
    if mode in {None, "Disabled"}:
        return []
    if mode not in _RECURSIONS:
        return [validation.unsupported(path, mode, _RECURSIONS)]
    causes: list[Cause] = []
    if not mount.get("readOnly"):
        causes.append(validation.forbidden(path, "may only be specified when readOnly is true"))
    if mount.get("mountPropagation") not in {None, "None"}:
        why = "may only be specified when mountPropagation is None or not specified"
        causes.append(validation.forbidden(path, why))
    return causes


def validate_devices(container: Object, path: str, volumes: Volumes) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    places: set[str] = set()
    mounts = {mount.get("name"): mount.get("mountPath") for mount in container.get("volumeMounts") or ()}
    for index, device in enumerate(container.get("volumeDevices") or ()):
        where = f"{path}[{index}]"
        name, place = device.get("name", ""), device.get("devicePath", "")
        causes += _validate_device(name, place, where, volumes)
        if name in names:
            causes.append(validation.wrong(f"{where}.name", name, "must be unique"))
        if place in places:
            causes.append(validation.wrong(f"{where}.devicePath", place, "must be unique"))
        if name in mounts:
            causes.append(validation.wrong(f"{where}.name", name, "must not already exist in volumeMounts"))
        if place in mounts.values():
            why = "must not already exist as a path in volumeMounts"
            causes.append(validation.wrong(f"{where}.devicePath", place, why))
        names.add(name)
        places.add(place)
    return causes


def _validate_device(name: str, place: str, where: str, volumes: Volumes) -> list[Cause]:
    causes: list[Cause] = [] if name else [validation.required(f"{where}.name")]
    volume = volumes.get(name)
    if volume is None:
        causes.append(validation.not_found(f"{where}.name", name))
    elif all(volume.get(source) is None for source in _BLOCK_SOURCES):
        why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        causes.append(validation.wrong(f"{where}.name", name, why))
    if not place:
        causes.append(validation.required(f"{where}.devicePath"))
    elif no_backsteps(where, place):
        causes.append(validation.wrong(f"{where}.devicePath", place, "can not contain backsteps ('..')"))
    return causes


def validate_ephemeral_mounts(mounts: Iterable[Object], path: str) -> list[Cause]:
    """What an ephemeral container may not ask for besides."""
    return [
        validation.forbidden(f"{path}[{index}].{name}", "cannot be set for an Ephemeral Container")
        for index, mount in enumerate(mounts)
        for name in ("subPath", "subPathExpr")
        if mount.get(name)
    ]
