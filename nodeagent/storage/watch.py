"""Looks at the volumes of this node's pods: whether their servers answer, how full they are, and which pod holds more
in an emptyDir than it may.

All looking is done by tools with a time limit, one a server at a time, so that a server that is away costs its own pods
their figures and nobody else anything.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common.aio import Tasks
from common.api import meta, quantity
from common.api.meta import Object
from common.clock import Clock

from .attachments import LOCAL, VolumeFailure
from .commands import Tools
from .stager import PROBE_SECONDS, Stager

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0  # between two looks at servers, and the least between two measurements
MEASURE_SECONDS = 60.0  # for one measurement; then what was measured before stays
MEASURE_SHARE = 10  # a measurement may take a tenth of the time between two


@dataclass(frozen=True, slots=True)
class Figures:
    """Bytes and files of one volume."""

    used: int
    capacity: int
    available: int
    inodes: int = 0
    inodes_free: int = 0


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the watch needs of the pods here. `pods` are those that run; `say` records an event (pod, type, reason,
    message), `evict` ends a pod for a reason."""

    pods: Callable[[], list[Object]]
    folder: Callable[[str], Path]
    say: Callable[[str, str, str, str], None]
    evict: Callable[[str, str], None]


class VolumeWatch:
    def __init__(self, stager: Stager, clock: Clock, fleet: Fleet) -> None:
        self._stager = stager
        self._clock = clock
        self._fleet = fleet
        self._tools: Tools = stager.tools
        self._tasks = Tasks("volume-watch")
        self._looking: set[str] = set()
        self._trouble: dict[str, str] = {}
        self._servers: dict[str, Figures] = {}
        self._folders: dict[str, Figures] = {}

    def start(self) -> None:
        self._tasks.start("servers", self._watch_servers())
        self._tasks.start("folders", self._watch_folders())

    async def close(self) -> None:
        await self._tasks.close()

    def figures(self, pod: Object) -> dict[str, tuple[str, Figures]]:
        """By the pod's volumes the name of the claim (empty without one) and what was measured last."""
        staged = self._stager.staged(meta.uid(pod))
        found: dict[str, tuple[str, Figures]] = {}
        for name, path in self._own_folders(pod):
            if path in self._folders:
                found[name] = ("", self._folders[path])
        for name, item in staged.items():
            figures = self._servers.get(item.mount) if item.mount else self._folders.get(item.source)
            if figures is not None:
                found[name] = (item.claim, figures)
        return found

    def _own_folders(self, pod: Object) -> Iterable[tuple[str, str]]:
        volumes = self._fleet.folder(meta.uid(pod)) / "volumes"
        for volume in (pod.get("spec") or {}).get("volumes") or ():
            if volume.get("emptyDir") is not None:
                yield str(volume["name"]), str(volumes / str(volume["name"]))

    # Servers

    async def _watch_servers(self) -> None:
        while True:
            for mount, users in self._mounts().items():
                if mount not in self._looking:
                    self._looking.add(mount)
                    self._tasks.start(f"look-{mount}", self._look(mount, users))
            await self._clock.sleep(LOOK_SECONDS)

    def _mounts(self) -> dict[str, list[tuple[str, str]]]:
        """The network mounts and who uses them: pod's uid, volume's name."""
        found: dict[str, list[tuple[str, str]]] = {}
        for pod in self._fleet.pods():
            uid = meta.uid(pod)
            for staged in self._stager.staged(uid).values():
                if staged.mount:
                    found.setdefault(staged.mount, []).append((uid, staged.volume))
        for mount in (self._trouble.keys() | self._servers.keys()) - found.keys():
            self._trouble.pop(mount, None)
            self._servers.pop(mount, None)
        return found

    async def _look(self, mount: str, users: list[tuple[str, str]]) -> None:
        try:
            size, blocks, free, inodes, inodes_free = await self._tools.look(mount, PROBE_SECONDS)
            used = max(size * (blocks - free), 0)
            self._servers[mount] = Figures(used, size * blocks, size * free, inodes, inodes_free)
            self._note(mount, users, "")
        except VolumeFailure as failure:
            self._note(mount, users, str(failure))
        except ValueError as error:
            self._note(mount, users, f"its figures cannot be read: {error}")
        finally:
            self._looking.discard(mount)

    def _note(self, mount: str, users: list[tuple[str, str]], trouble: str) -> None:
        before = self._trouble.get(mount, "")
        if trouble:
            self._trouble[mount] = trouble
        else:
            self._trouble.pop(mount, None)
        if bool(before) == bool(trouble):
            return
        for uid, volume in users:
            if trouble:
                self._fleet.say(uid, "Warning", "VolumeConditionAbnormal", f"Volume {volume}: {trouble}")
            else:
                self._fleet.say(uid, "Normal", "VolumeConditionNormal", f"Volume {volume}: The volume is healthy again")

    # Folders of this host

    async def _watch_folders(self) -> None:
        while True:
            begun = self._clock.monotonic()
            pods = self._fleet.pods()
            await self._measure(pods)
            for pod in pods:
                self._enforce(pod)
            took = self._clock.monotonic() - begun
            await self._clock.sleep(max(LOOK_SECONDS, took * MEASURE_SHARE))

    async def _measure(self, pods: list[Object]) -> None:
        paths = {path for pod in pods for _, path in self._own_folders(pod)}
        for pod in pods:
            items = self._stager.staged(meta.uid(pod)).values()
            paths.update(item.source for item in items if item.driver == LOCAL and not item.block)
        paths = await asyncio.to_thread(_present, paths)
        self._folders = {path: found for path, found in self._folders.items() if path in paths}
        if not paths:
            return
        try:
            # A file that goes while du looks is a complaint to it, and none to us.
            text = await self._tools.run("du", "-s", "-B1", "--", *sorted(paths), seconds=MEASURE_SECONDS, check=False)
        except VolumeFailure as failure:
            log.debug("volumes were not measured: %s", failure)
            return
        used = {path: int(size) for size, _, path in (line.partition("\t") for line in text.splitlines())}
        self._folders = await asyncio.to_thread(_with_capacity, used)

    def _enforce(self, pod: Object) -> None:
        """kubelet's local storage eviction, for emptyDirs with a sizeLimit."""
        own = dict(self._own_folders(pod))
        for volume in (pod.get("spec") or {}).get("volumes") or ():
            limit = (volume.get("emptyDir") or {}).get("sizeLimit")
            figures = self._folders.get(own.get(str(volume["name"]), ""))
            if limit and figures is not None and figures.used > quantity.whole(limit):
                text = f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{quantity.canonical(limit)}". '
                self._fleet.evict(meta.uid(pod), text)
                return


def _present(paths: Iterable[str]) -> set[str]:
    return {path for path in paths if Path(path).is_dir()}


def _with_capacity(used: Mapping[str, int]) -> dict[str, Figures]:
    found = {}
    for path, size in used.items():
        try:
            stats = os.statvfs(path)
        except OSError:
            continue  # its pod was removed meanwhile
        found[path] = Figures(
            size, stats.f_blocks * stats.f_frsize, stats.f_bavail * stats.f_frsize, stats.f_files, stats.f_ffree
        )
    return found


def summary_of(figures: Mapping[str, tuple[str, Figures]], namespace: str, moment: str) -> list[Object]:
    """The `volume` list of a pod in kubelet's summary."""
    volumes = []
    for name, (claim, found) in sorted(figures.items()):
        entry: Object = {
            "time": moment,
            "name": name,
            "usedBytes": found.used,
            "capacityBytes": found.capacity,
            "availableBytes": found.available,
            "inodes": found.inodes,
            "inodesFree": found.inodes_free,
        }
        if claim:
            entry["pvcRef"] = {"name": claim, "namespace": namespace}
        volumes.append(entry)
    return volumes
