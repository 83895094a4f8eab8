"""Has the volumes of claims on this node while pods use them, and takes them away when they are reclaimed.

What a pod uses is written beside the pod before it is made, so that an agent that starts again, or one that died in the
middle, knows what to take down. Mounts are shared: the last pod that uses one takes it down.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from pathlib import Path
from typing import Protocol

import orjson

from common.api import meta
from common.api.meta import Object
from common.files import write_atomic
from nodeagent.environment import Lookup

from .attachments import DOCKER, LOCAL, NFS, PATH, SSHFS, Attachment, Staged, VolumeFailure, attachments
from .commands import Tools
from .devices import Devices
from .loops import DEVICE, IMAGE, Loops
from .network import KERNEL_FILE_SYSTEMS, NetworkMounts, TmpfsMounter
from .paths import check_host_path, give_to_group, make_folder, remove_folder, safe_name

log = logging.getLogger(__name__)
RECORD = "storage.json"
PROBE_SECONDS = 4.0  # a server answers in milliseconds; a pod's start waits no longer for one that does not


class DockerVolumes(Protocol):
    """The part of the runtime that is needed here; both raise RuntimeFailure."""

    async def ensure_volume(self, name: str, driver: str, options: dict[str, str]) -> None: ...

    async def remove_volume(self, name: str) -> None: ...


class InUse(VolumeFailure):
    """Pods here still use the volume."""


class Stager:
    """`folder` is the agent's state folder, `kernel` lists the file systems that this host's kernel has."""

    def __init__(
        self, folder: Path, mounter: TmpfsMounter, docker: DockerVolumes, kernel: Path = KERNEL_FILE_SYSTEMS
    ) -> None:
        self._pods = folder / "pods"
        self._volumes = folder / "volumes"
        self._docker = docker
        self.tools = Tools()
        self._network = NetworkMounts(folder, mounter, self.tools, kernel)
        self._devices = Devices(self.tools)
        self._loops = Loops(self.tools)
        self._known: dict[str, dict[str, Staged]] = {}
        self._leaving: set[str] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def close(self) -> None:
        await self.tools.close()

    # For pods

    def staged(self, pod_uid: str) -> dict[str, Staged]:
        """What the pod uses, by the names of its volumes. Reads a small file the first time."""
        if pod_uid not in self._known:
            self._known[pod_uid] = self._read(pod_uid)
        return self._known[pod_uid]

    async def stage(self, pod: Object, lookup: Lookup) -> None:
        """Have the volumes of the pod's claims here. VolumeFailure names the first that cannot be had."""
        wanted = attachments(pod, lookup)
        if not wanted:
            return
        places = await asyncio.to_thread(lambda: [(item, self._place(item)) for item in wanted])
        uid = meta.uid(pod)
        self._leaving.discard(uid)
        self._known[uid] = {staged.volume: staged for _, staged in places}
        record = orjson.dumps([staged.to_json() for _, staged in places])
        try:
            await asyncio.to_thread(write_atomic, self._pods / uid / RECORD, record)
        except OSError as error:
            raise VolumeFailure(str(error)) from error
        for item, staged in places:
            async with self._locks[item.key]:
                try:
                    await self._make(item, staged, uid)
                except (VolumeFailure, OSError) as error:
                    raise VolumeFailure(f'MountVolume.SetUp failed for volume "{item.volume}" : {error}') from error

    async def ensure(self, pod: Object, lookup: Lookup, names: list[str]) -> None:
        """A container is to start with these volumes of the pod: those on the network have to answer, before anything
        that cannot be stopped touches them. A mount whose daemon has died is made anew."""
        mounts = {staged.mount for name, staged in self.staged(meta.uid(pod)).items() if name in names and staged.mount}
        try:
            for mount in sorted(mounts):
                await self.tools.look(mount, PROBE_SECONDS)
        except VolumeFailure:
            await self.stage(pod, lookup)

    async def unstage(self, pod_uid: str) -> None:
        """The pod is gone: take down what nobody else uses. OSError when a mount cannot be taken down."""
        mine = await asyncio.to_thread(self._read, pod_uid)
        self._leaving.add(pod_uid)  # of two pods that go at once neither may leave it to the other
        for staged in mine.values():
            if not staged.mount and not staged.block:
                continue
            async with self._locks[staged.key]:
                if staged.key not in await asyncio.to_thread(self._keys_in_use, frozenset(self._leaving)):
                    await self._take_down(staged)
        await asyncio.to_thread((self._pods / pod_uid / RECORD).unlink, missing_ok=True)
        self._known.pop(pod_uid, None)
        self._leaving.discard(pod_uid)

    async def _take_down(self, staged: Staged) -> None:
        if staged.mount:
            await self._network.unstage(staged)
        elif staged.driver == LOCAL:
            await self._loops.detach(Path(staged.source).parent)

    # For the control plane

    async def reclaim(self, volume: Object, secret: dict[str, bytes]) -> None:
        """Remove what is stored in a released volume. InUse, or VolumeFailure when it cannot be; then all is there."""
        source = (volume.get("spec") or {}).get("csi") or {}
        wanted = Attachment(
            "", "", str(source.get("driver")), meta.name(volume), str(source.get("volumeHandle")),
            {str(key): str(value) for key, value in (source.get("volumeAttributes") or {}).items()}, secret,
        )  # fmt: skip
        async with self._locks[wanted.key]:
            if wanted.key in await asyncio.to_thread(self._keys_in_use, frozenset()):
                raise InUse(f"volume {wanted.key} is still in use on this node")
            try:
                await self._destroy(wanted)
            except OSError as error:
                raise VolumeFailure(str(error)) from error
        log.info("volume %s was removed", wanted.key)

    async def _destroy(self, wanted: Attachment) -> None:
        match wanted.driver:
            case driver if driver == LOCAL:
                folder = self._local(wanted)
                if (folder / IMAGE).exists():
                    await self._loops.detach(folder)
                await asyncio.to_thread(remove_folder, folder)
            case driver if driver == SSHFS:
                await self._network.destroy(wanted)
            case driver if driver == DOCKER:
                await self._docker.remove_volume(wanted.handle)
            case _:
                raise VolumeFailure(f"driver {wanted.driver} is not of this agent")

    # What differs between drivers

    def _local(self, wanted: Attachment) -> Path:
        return self._volumes / safe_name(wanted.handle, "the volume's handle")

    def _place(self, wanted: Attachment) -> Staged:
        """Where it is to be. Blocks for a look at a path of this host."""
        if wanted.driver in {SSHFS, NFS} or ("fsType" in wanted.attributes and Path(wanted.handle).is_block_device()):
            return self._network.place(wanted)
        source = wanted.handle
        if wanted.driver == LOCAL:
            source = str(self._local(wanted) / DEVICE if wanted.block else self._local(wanted))
        return Staged(
            wanted.volume, wanted.claim, wanted.driver, wanted.key, source, read_only=wanted.read_only,
            block=wanted.block,
        )  # fmt: skip

    async def _make(self, wanted: Attachment, staged: Staged, pod_uid: str) -> None:
        if wanted.driver == LOCAL and wanted.block:
            await self._loops.attach(self._local(wanted), wanted.size)
        elif wanted.driver == LOCAL:
            await asyncio.to_thread(make_folder, Path(staged.source), wanted.group)
        elif wanted.driver == PATH:
            if staged.mount:
                await self._devices.stage(wanted, Path(staged.mount))
            else:
                await asyncio.to_thread(check_host_path, {"path": wanted.handle, **wanted.attributes})
            if wanted.group is not None and not wanted.block:
                await asyncio.to_thread(self._give_to_first, wanted.key, Path(staged.source), wanted.group, pod_uid)
        elif wanted.driver == DOCKER:
            options = {key: value for key, value in wanted.attributes.items() if key != "driver"}
            await self._docker.ensure_volume(wanted.handle, wanted.attributes.get("driver", "local"), options)
        else:
            await self._network.stage(wanted, staged)

    def _give_to_first(self, key: str, folder: Path, group: int, pod_uid: str) -> None:
        """Pods that use it already may count on its group: as with kubelet, the first of them has decided."""
        if key not in self._keys_in_use(frozenset({pod_uid} | self._leaving)):
            give_to_group(folder, group)

    # Records

    def _read(self, pod_uid: str) -> dict[str, Staged]:
        path = self._pods / safe_name(pod_uid, "the pod's uid") / RECORD
        try:
            found = [Staged(**entry) for entry in orjson.loads(path.read_bytes())]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s cannot be used, its pod's network mounts may stay: %s", path, error)
            return {}
        return {staged.volume: staged for staged in found}

    def _keys_in_use(self, but: frozenset[str]) -> set[str]:
        """Keys of what other pods use. Blocks for some small files."""
        if not self._pods.is_dir():
            return set()
        others = [path.name for path in self._pods.iterdir() if path.name not in but]
        return {staged.key for other in others for staged in self._read(other).values()}
