"""What the control plane wants of this node: a mirror of the objects it was sent, kept on disk.

The session feeds it (`join`, `apply`, `release`), the agent listens and reads. Because the mirror survives a restart,
a node goes on with no control plane. It prevents two failures: containers that stop because the console is away, and
a damaged file taken for the wish to run nothing (`pods_known` stays False until somebody says what is assigned).

On disk, in the agent's folder: `assignment/RESOURCE.json`, Secrets as `assignment/secrets.sealed` (AES-256-GCM with
the key in `seal.key`, mode 0600: that protects copies of the folder without the key, not a stolen disk).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag

from common.api import meta
from common.api.meta import Object
from common.files import write_atomic
from common.session import Sync

from .seal import Seal

log = logging.getLogger(__name__)

_SEALED = frozenset({"secrets"})
_CLUSTER = "cluster"  # not a resource: node name and ClusterConfig, in a file of its own


@dataclass(frozen=True, slots=True)
class Change:
    """What moved: resources whose objects changed (`cluster` for name and configuration), pods that may stop now."""

    resources: frozenset[str] = frozenset()
    released: tuple[str, ...] = ()


Listener = Callable[[Change], None]


class Assignment:
    """Objects by resource and uid. Everything happens on the event loop except `load` and the writing of files."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` is the agent's state folder; None keeps all in memory (hollow nodes)."""
        self._files = _Files(folder) if folder is not None else None
        self._objects: dict[str, dict[str, Object]] = {}
        self._names: dict[str, dict[meta.Key, str]] = {}
        self._listeners: list[Listener] = []
        self._applied_listeners: list[Callable[[int], None]] = []
        self._dirty: set[str] = set()
        self._changed = asyncio.Event()
        self._saving = asyncio.Lock()
        self.node_name = ""
        self.cluster_uid = ""
        self.config: Object = {}
        self.pods_known = False
        self.version = 0
        self.applied_version = 0

    def listen(self, callback: Listener) -> None:
        """Call back on the event loop after each change, in the order of the changes."""
        self._listeners.append(callback)

    def listen_applied(self, callback: Callable[[int], None]) -> None:
        """Call back with each version that the node's service tables have come to reflect."""
        self._applied_listeners.append(callback)

    def objects(self, resource: str) -> list[Object]:
        return list(self._objects.get(resource, {}).values())

    def by_uid(self, resource: str, uid: str) -> Object | None:
        return self._objects.get(resource, {}).get(uid)

    def find(self, resource: str, namespace: str, name: str) -> Object | None:
        uid = self._names.get(resource, {}).get(meta.Key(namespace, name))
        return self._objects[resource].get(uid) if uid is not None else None

    def join(self, cluster_uid: str, node_name: str, config: Object) -> None:
        """The session's `Open` said who we are; another cluster's objects are forgotten."""
        if (cluster_uid, node_name, config) == (self.cluster_uid, self.node_name, self.config):
            return
        if self.cluster_uid and cluster_uid != self.cluster_uid:
            self.forget()
        self.cluster_uid, self.node_name, self.config = cluster_uid, node_name, config
        self._tell(Change(frozenset({_CLUSTER})))

    def apply(self, sync: Sync) -> int:
        """Mirror a Sync; returns this state's version, which never goes back while the process lives.

        The session compares it with `applied_version`, because generations begin anew with each session.
        """
        changed = {resource for resource, items in sync.objects.items() if items}
        changed |= {resource for resource, uids in sync.removed.items() if uids}
        if sync.full:
            changed |= set(self._objects) | {"pods"}
            self._objects = {}
            self._names = {}
            self.pods_known = True
        for resource, uids in sync.removed.items():
            for uid in uids:
                self._drop(resource, uid)
        for resource, items in sync.objects.items():
            for item in items:
                self._put(resource, item)
        self.version += 1
        self._tell(Change(frozenset(changed)))
        return self.version

    def release(self, uids: Iterable[str]) -> None:
        """All tables have lost these pods: what is being deleted may get its SIGTERM."""
        self._tell(Change(released=tuple(uids)))

    def mark_applied(self, version: int) -> None:
        """The node's service tables reflect that version."""
        if version > self.applied_version:
            self.applied_version = version
            for callback in self._applied_listeners:
                callback(version)

    def forget(self) -> None:
        """The node left its cluster: nothing is assigned, and that is known."""
        changed = set(self._objects) | {_CLUSTER, "pods"}
        self._objects = {}
        self._names = {}
        self.cluster_uid, self.node_name, self.config = "", "", {}
        self.pods_known = True
        self.version += 1
        self._tell(Change(frozenset(changed)))

    def _put(self, resource: str, item: Object) -> None:
        uid = meta.uid(item)
        if not uid:
            log.warning("the control plane sent %s %s without a uid; ignored", resource, meta.key(item))
            return
        self._objects.setdefault(resource, {})[uid] = item
        self._names.setdefault(resource, {})[meta.key(item)] = uid

    def _drop(self, resource: str, uid: str) -> None:
        item = self._objects.get(resource, {}).pop(uid, None)
        if item is not None and self._names[resource].get(meta.key(item)) == uid:
            # A namesake made later keeps the name.
            del self._names[resource][meta.key(item)]

    def _tell(self, change: Change) -> None:
        if change.resources:
            self._dirty |= change.resources
            self._changed.set()
        for callback in self._listeners:
            callback(change)

    def load(self) -> None:
        """Read what the last run kept. Blocks; a damaged file counts as absent, and the log says why."""
        if self._files is None:
            return
        for resource, content in self._files.read_all():
            if isinstance(content, dict):
                self.cluster_uid, self.node_name = content["uid"], content["node"]
                self.config = content["config"]
            else:
                for item in content:
                    self._put(resource, item)
                self.pods_known = self.pods_known or resource == "pods"

    async def keep_saved(self) -> None:
        """Write each change to disk; runs until cancelled. A full disk is logged once and tried again every second."""
        failing = False
        while True:
            await self._changed.wait()
            try:
                await self.save()
                failing = False
            except OSError as error:
                if not failing:
                    log.warning(
                        "cannot keep the assignment on disk, a restart would use an older one; trying on: %s", error
                    )
                failing = True
                await asyncio.sleep(1)

    async def save(self) -> None:
        """Write what changed since the last time."""
        async with self._saving:
            self._changed.clear()
            dirty, self._dirty = self._dirty, set()
            if self._files is None:
                return
            try:
                for resource in sorted(dirty):
                    await asyncio.to_thread(self._files.write, resource, self._content(resource))
            except BaseException:
                # A full disk, or the end of the task that keeps it saved: `save` is called once more then.
                self._dirty |= dirty
                self._changed.set()
                raise

    def _content(self, resource: str) -> object:
        if resource == _CLUSTER:
            return {"uid": self.cluster_uid, "node": self.node_name, "config": self.config}
        return self.objects(resource)


class _Files:
    """One file a resource. Everything here blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "assignment"
        self._seal = Seal(folder)

    def read_all(self) -> Iterator[tuple[str, Object | list[Object]]]:
        """By resource its objects, for `cluster` one object."""
        for path in sorted(self._folder.glob("[a-z]*")):
            resource = path.name.partition(".")[0]
            try:
                content = self._read(resource, path)
                yield resource, _checked_cluster(content) if resource == _CLUSTER else _checked_objects(content)
            except (OSError, InvalidTag, ValueError) as error:
                why = str(error) or "it was not sealed with this agent's key"
                log.warning("%s cannot be used, waiting for the control plane to say what is assigned: %s", path, why)

    def write(self, resource: str, content: object) -> None:
        data = orjson.dumps(content)
        if resource in _SEALED:
            self._seal.write(self._folder / f"{resource}.sealed", resource, data)
        else:
            write_atomic(self._folder / f"{resource}.json", data)

    def _read(self, resource: str, path: Path) -> object:
        data = self._seal.read(path, resource) if resource in _SEALED else path.read_bytes()
        content: object = orjson.loads(data)
        return content


def _checked_cluster(content: object) -> Object:
    kinds = {"uid": str, "node": str, "config": dict}
    if not isinstance(content, dict) or not all(isinstance(content.get(key), kind) for key, kind in kinds.items()):
        raise ValueError("it does not hold a cluster's uid, node and config")
    return content


def _checked_objects(content: object) -> list[Object]:
    if not isinstance(content, list) or not all(
        isinstance(item, dict) and isinstance(item.get("metadata"), dict) for item in content
    ):
        raise ValueError("it is not a list of objects with metadata")
    return content
