"""A pod's volumes on this host, and the files that containers get besides (`/etc/hosts`, termination messages).

All is below `pods/UID` in the agent's folder and goes with the pod; hostPath is only checked, never owned, and what
claims lead to belongs to `nodeagent/storage`. `pods` is
closed to other users of the host: files of Secrets have the modes that pods ask for, mostly readable by all. Contents
that come from objects are changed as kubelet does it: a new folder, then one rename of the link `..data`, so that a
reader sees the old state or the new one, never a mixture. Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from common.api import meta, quantity, storage
from common.api.meta import Object
from common.files import naming

from .environment import Lookup, MissingReference, Surroundings, expand
from .payload import Payload, payload_of, write_payload
from .runtime.base import Mount
from .storage.attachments import Staged, VolumeFailure
from .storage.paths import check_host_path

PAYLOADS = ("configMap", "secret", "downwardAPI", "projected")
FIXED = (*PAYLOADS, "image")
"""The kinds of volumes that containers only read."""
TERMINATION_MESSAGE_BYTES = 4096  # as kubelet
ENV_FILE_BYTES = 1 << 20  # variables of a process have no more room in all
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_PROPAGATION = {"HostToContainer": "rslave", "Bidirectional": "rshared"}


class Mounter(Protocol):
    """Memory-backed folders; needs root, so tests have one of their own."""

    def tmpfs(self, path: Path, size: int | None) -> None: ...

    def unmount(self, path: Path) -> None: ...


def _nothing(_pod_uid: str) -> dict[str, Staged]:
    return {}


class Volumes:
    """`staged` tells by pod where the volumes of its claims are."""

    def __init__(
        self, folder: Path, mounter: Mounter, staged: Callable[[str], Mapping[str, Staged]] = _nothing
    ) -> None:
        self._folder = folder / "pods"
        self._mounter = mounter
        self._staged = staged

    def pod_folder(self, pod_uid: str) -> Path:
        if not _SAFE.fullmatch(pod_uid):
            raise VolumeFailure(f"the pod's uid {pod_uid!r} cannot be the name of a folder")
        return self._folder / pod_uid

    def _close_to_others(self) -> None:
        # Bind mounts begin below this folder, so it keeps no container from its files, whatever user that runs as.
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
        except OSError as error:
            raise VolumeFailure(f"{self._folder} cannot be made for volumes: {error}") from error

    def known_pods(self) -> list[str]:
        """Uids that have a folder here: those of pods that nobody knows any more are leftovers of a crash."""
        return [path.name for path in self._folder.iterdir()] if self._folder.is_dir() else []

    def prepare(self, pod: Object, lookup: Lookup, around: Surroundings) -> None:
        """Have every volume of the pod, with current contents. VolumeFailure names the first that cannot be had."""
        self._close_to_others()
        for volume in _volumes(pod):
            try:
                self._prepare(pod, volume, lookup, around)
            except (MissingReference, VolumeFailure, OSError) as error:
                raise VolumeFailure(f'MountVolume.SetUp failed for volume "{volume.get("name")}" : {error}') from error

    def refresh(self, pod: Object, lookup: Lookup, around: Surroundings) -> None:
        """Bring contents up to date that come from objects; what is missing now keeps its old contents."""
        for volume in _volumes(pod):
            if any(kind in volume for kind in PAYLOADS) and self._path(pod, volume).is_dir():
                try:
                    self._write(pod, volume, lookup, around)
                except MissingReference:
                    continue

    def remove(self, pod_uid: str) -> None:
        """Take the pod's folder away, memory-backed parts unmounted first. Harmless when there is none."""
        folder = self.pod_folder(pod_uid)
        if not folder.is_dir():
            return
        for path in (folder / "volumes").glob("*"):
            if path.is_mount():
                self._mounter.unmount(path)
        shutil.rmtree(folder)

    def _prepare(self, pod: Object, volume: Object, lookup: Lookup, around: Surroundings) -> None:
        path = self._path(pod, volume)
        if "hostPath" in volume:
            check_host_path(volume["hostPath"])
        elif "image" in volume:
            return  # had with the images of the containers that mount it
        elif "emptyDir" in volume:
            self._empty_dir(path, volume["emptyDir"] or {}, _fs_group(pod))
        elif any(kind in volume for kind in PAYLOADS):
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
            if _holds_secrets(volume) and not path.is_mount():
                self._mounter.tmpfs(path, None)
            self._write(pod, volume, lookup, around)
        elif not _is_persistent(volume):
            kinds = ", ".join(sorted(set(volume) - {"name"})) or "none"
            raise VolumeFailure(f"volumes of type {kinds} are not supported on this node")

    def _empty_dir(self, path: Path, spec: Object, group: int | None) -> None:
        if not path.is_dir():
            path.mkdir(parents=True)
        mode = 0o777
        if spec.get("medium") == "Memory":
            mode |= stat.S_ISVTX  # as kubelet leaves the tmpfs
            if not path.is_mount():
                self._mounter.tmpfs(path, quantity.whole(spec["sizeLimit"]) if spec.get("sizeLimit") else None)
        if group is not None:
            os.chown(path, -1, group)
            mode |= stat.S_ISGID
        path.chmod(mode)

    def image_folder(self, pod: Object, volume: Object) -> Path:
        """Where the files of the image of such a volume are, once they are all there."""
        self._close_to_others()
        return self._path(pod, volume)

    def _write(self, pod: Object, volume: Object, lookup: Lookup, around: Surroundings) -> None:
        payload: Payload = payload_of(pod, volume, lookup, around)
        with naming(self._path(pod, volume)):
            write_payload(self._path(pod, volume), payload, _fs_group(pod))

    def _path(self, pod: Object, volume: Object) -> Path:
        if "hostPath" in volume:
            return Path(str(volume["hostPath"].get("path", "")))
        if _is_persistent(volume):
            staged = self._staged(meta.uid(pod)).get(str(volume.get("name")))
            if staged is None:
                raise VolumeFailure(f'volume "{volume.get("name")}" is not there yet')
            return Path(staged.source)
        name = str(volume.get("name", ""))
        if not _SAFE.fullmatch(name):
            raise VolumeFailure(f"the volume name {name!r} cannot be the name of a folder")
        return self.pod_folder(meta.uid(pod)) / "volumes" / name

    # What a container sees

    def mounts(self, pod: Object, container: Object, environment: Mapping[str, str]) -> Iterator[Mount]:
        """The container's volumeMounts; VolumeFailure names one that cannot be made."""
        volumes = {str(volume.get("name")): volume for volume in _volumes(pod)}
        for entry in container.get("volumeMounts") or ():
            volume = volumes.get(str(entry.get("name")))
            if volume is None:
                raise VolumeFailure(f'volumeMount "{entry.get("name")}" names no volume of the pod')
            source = self._path(pod, volume)
            staged = self._staged(meta.uid(pod)).get(str(entry.get("name")))
            if staged is not None and staged.block:
                raise VolumeFailure(
                    f"volume {entry.get('name')} has volumeMode Block, but is specified in volumeMounts"
                )
            sub_path = entry.get("subPath") or expand(str(entry.get("subPathExpr") or ""), environment)
            read_only = bool(entry.get("readOnly")) or any(kind in volume for kind in FIXED)
            read_only = read_only or (staged is not None and staged.read_only)
            if staged is not None and staged.is_docker:
                if sub_path:
                    raise VolumeFailure(f"subPath {sub_path!r}: volumes of Docker drivers can only be mounted whole")
                yield Mount(staged.source, str(entry.get("mountPath")), read_only, volume=True)
                continue
            if sub_path:
                source = _inside(source, sub_path, create=not any(kind in volume for kind in FIXED))
            propagation = _PROPAGATION.get(str(entry.get("mountPropagation") or ""), "")
            yield Mount(str(source), str(entry.get("mountPath")), read_only, propagation)

    def read(self, pod: Object, name: str, path: str) -> str | None:
        """The text of a file in a volume of the pod; None when there is none that may be read."""
        volume = next((item for item in _volumes(pod) if item.get("name") == name), None)
        if volume is None:
            return None
        try:
            return _text(_inside(self._path(pod, volume), path, create=False))
        except (OSError, VolumeFailure, UnicodeDecodeError):
            return None

    def devices(self, pod: Object, container: Object) -> Iterator[Mount]:
        """The container's volumeDevices; VolumeFailure names one that is none."""
        for entry in container.get("volumeDevices") or ():
            name = str(entry.get("name"))
            staged = self._staged(meta.uid(pod)).get(name)
            if staged is None or not staged.block:
                raise VolumeFailure(f"volume {name} has volumeMode Filesystem, but is specified in volumeDevices")
            yield Mount(os.path.realpath(staged.source), str(entry.get("devicePath")), staged.read_only)

    def hosts_file(self, pod: Object, text: str) -> Path:
        path = self.pod_folder(meta.uid(pod)) / "etc-hosts"
        path.parent.mkdir(parents=True, exist_ok=True)
        # Into the same inode: containers have the file itself mounted.
        with naming(path):
            path.write_text(text)
            path.chmod(0o644)
        return path

    def termination_file(self, pod_uid: str, container: str, attempt: int) -> Path:
        """An empty file that the container may write its last words to."""
        path = self._termination_path(pod_uid, container, attempt)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.chmod(0o666)
        return path

    def termination_message(self, pod_uid: str, container: str, attempt: int) -> str:
        """What it wrote, cut to kubelet's length; empty when nothing."""
        try:
            with self._termination_path(pod_uid, container, attempt).open("rb") as file:
                return file.read(TERMINATION_MESSAGE_BYTES).decode(errors="replace")
        except OSError:
            return ""

    def _termination_path(self, pod_uid: str, container: str, attempt: int) -> Path:
        return self.pod_folder(pod_uid) / "containers" / container / str(attempt)


def _is_persistent(volume: Object) -> bool:
    """Whether the volume is one of `nodeagent/storage`."""
    return any(volume.get(kind) is not None for kind in storage.PERSISTENT_SOURCES)


def follows_objects(pod: Object) -> bool:
    """Whether any of its volumes changes with objects of the API."""
    return any(kind in volume for volume in _volumes(pod) for kind in PAYLOADS)


def _volumes(pod: Object) -> list[Object]:
    return (pod.get("spec") or {}).get("volumes") or []


def _fs_group(pod: Object) -> int | None:
    value = ((pod.get("spec") or {}).get("securityContext") or {}).get("fsGroup")
    return None if value is None else int(value)


def _holds_secrets(volume: Object) -> bool:
    sources = (volume.get("projected") or {}).get("sources") or ()
    return "secret" in volume or any("secret" in source or "serviceAccountToken" in source for source in sources)


def _text(path: Path) -> str | None:
    """A pipe, which whoever has the volume may make in place of a file, must not hold us."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        return file.read(ENV_FILE_BYTES).decode() if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None


def _inside(root: Path, sub_path: str, *, create: bool) -> Path:
    """The sub-path, which may not lead out of the volume by `..` or by links that a container has made."""
    if Path(sub_path).is_absolute() or ".." in Path(sub_path).parts:
        raise VolumeFailure(f"subPath {sub_path!r} has to be relative and without '..'")
    target = Path(os.path.realpath(root / sub_path))
    if not target.is_relative_to(os.path.realpath(root)):
        raise VolumeFailure(f"subPath {sub_path!r} leads out of its volume")
    if not target.exists():
        if not create:
            raise VolumeFailure(f"subPath {sub_path!r} does not exist in its volume")
        _make_folders(Path(os.path.realpath(root)), target)
    return target


def _make_folders(root: Path, target: Path) -> None:
    """Folders as open as the volume itself, which may be for users that are not root (as kubelet makes them)."""
    mode = stat.S_IMODE(root.stat().st_mode)
    path = root
    for part in target.relative_to(root).parts:
        path /= part
        if not path.exists():
            path.mkdir()
            path.chmod(mode)
