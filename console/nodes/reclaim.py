"""Released volumes of the built-in drivers: their nodes remove what is stored, then the object goes.

The finalizer of a provisioned volume keeps its object until then, so that nothing stored is forgotten. While its node
is away a volume waits; it is tried again when the node is back.
"""

from __future__ import annotations

import logging
from typing import ClassVar

import orjson

from common.aio import Tasks, WorkQueue, run_workers
from common.api import conditions, meta, storage
from common.api.affinity import Term
from common.api.kinds import PERSISTENTVOLUMES, SECRETS
from common.api.meta import Key, Object
from common.client import Client, Informer
from common.clock import Clock
from common.errors import ApiError, Conflict, NotFound
from common.events import Recorder

from .streams import AgentStreams

log = logging.getLogger(__name__)
MAX_WORDS = 1000  # characters of an agent's refusal
AGAIN_SECONDS = 60.0  # until a volume whose node is away is looked at again, should nobody say that it is back


class NotRemoved(Exception):
    """The nodes could not remove the volume now; the message is for its events."""


def is_doomed(volume: Object) -> bool:
    """Whether what is stored in the volume is to be removed."""
    if storage.DELETION_FINALIZER not in (meta.metadata(volume).get("finalizers") or ()):
        return False
    if (storage.spec(volume).get("csi") or {}).get("driver") not in storage.DRIVERS.values():
        return False
    return storage.phase(volume) in {"Released", "Failed"} or (
        meta.is_deleting(volume) and storage.phase(volume) != "Bound"
    )


def keeps_content(volume: Object) -> bool:
    """The object goes, what is stored stays: its policy was changed after it was made."""
    return storage.spec(volume).get("persistentVolumeReclaimPolicy") != "Delete"


class Reclaimer:
    """Keys are volumes."""

    workers: ClassVar[int] = 4

    def __init__(
        self, client: Client, clock: Clock, volumes: Informer, nodes: Informer, streams: AgentStreams, events: Recorder
    ) -> None:
        self._client = client
        self._volumes = volumes
        self._nodes = nodes
        self._streams = streams
        self._events = events
        self._removed: set[str] = set()  # uids of volumes whose content is gone and whose object is not yet
        self._queue: WorkQueue[Key] = WorkQueue(clock, "reclaim")
        self._tasks = Tasks("reclaim")

    def start(self) -> None:
        self._volumes.listen(self._volume_changed)
        self._nodes.listen(self._node_changed)
        run_workers(self._queue, self._sync, self.workers, self._tasks, "reclaim")

    async def close(self) -> None:
        await self._tasks.close()
        await self._queue.close()

    def _volume_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and (new is None or meta.uid(new) != meta.uid(old)):
            self._removed.discard(meta.uid(old))
        if new is not None and is_doomed(new):
            self._queue.add(meta.key(new))

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        was, ready = (obj is not None and conditions.is_true(obj, "Ready") for obj in (old, new))
        if was != ready:
            for volume in self._volumes.items():
                self._volume_changed(None, volume)

    async def _sync(self, key: Key) -> None:
        volume = self._volumes.get(key)
        if volume is None or not is_doomed(volume):
            return
        if keeps_content(volume):
            if meta.is_deleting(volume):
                await self._let_go(volume)
            return
        try:
            if meta.uid(volume) not in self._removed:
                await self._remove(volume)
                self._removed.add(meta.uid(volume))
        except Conflict:
            raise  # its last pod is just leaving: again in a moment, without a word
        except (NotRemoved, ApiError) as error:
            self._events.warning(PERSISTENTVOLUMES, volume, "VolumeFailedDelete", str(error))
            self._queue.add_after(key, AGAIN_SECONDS)
            return
        await self._let_go(volume)

    async def _let_go(self, volume: Object) -> None:
        """The object goes: it is marked first, as one without the finalizer and alive would look like one to keep."""
        title, uid = meta.name(volume), meta.uid(volume)
        try:
            if not meta.is_deleting(volume):
                await self._client.delete(PERSISTENTVOLUMES, title, uid=uid)
            # Others take their finalizers away at the same moment; what is stored is gone, so this must not fail.
            for last in (False, False, False, True):
                if await self._drop_finalizer(title, uid, last=last):
                    break
        except NotFound:
            return

    async def _drop_finalizer(self, title: str, uid: str, *, last: bool) -> bool:
        fresh = await self._client.get(PERSISTENTVOLUMES, title)
        if meta.uid(fresh) != uid:
            return True
        kept = [item for item in meta.metadata(fresh).get("finalizers") or () if item != storage.DELETION_FINALIZER]
        guard = {"uid": uid, "resourceVersion": meta.resource_version(fresh)}
        try:
            await self._client.patch(PERSISTENTVOLUMES, title, {"metadata": {**guard, "finalizers": kept or None}})
        except Conflict:
            if last:
                raise
            return False
        return True

    async def _remove(self, volume: Object) -> None:
        nodes = self._holders(volume)
        if nodes is None:
            if meta.is_deleting(volume):
                # Its node was removed, and somebody asks for the object to go: there is nobody left to wait for.
                return
            raise NotRemoved("its node is not part of the cluster: what is stored there is removed when it is back")
        if not nodes:
            raise NotRemoved("no node that can remove it is ready")
        try:
            secret = await self._secret(volume)
        except NotFound as error:
            if meta.is_deleting(volume):
                text = f"{error}: what is stored on the server stays there"
                self._events.warning(PERSISTENTVOLUMES, volume, "VolumeFailedDelete", text)
                return
            raise
        body = orjson.dumps({"volume": volume, "secret": secret})
        everywhere = _driver(volume) == storage.DRIVERS[storage.DOCKER]
        for node in nodes if everywhere else nodes[:1]:
            await self._ask(node, body)

    def _holders(self, volume: Object) -> list[str] | None:
        """Ready nodes that can remove it; None when it was on a node that is gone for good."""
        required = (storage.spec(volume).get("nodeAffinity") or {}).get("required")
        terms = [Term.of(term) for term in (required or {}).get("nodeSelectorTerms") or ()]
        nodes = [
            node
            for node in self._nodes.items()
            if not terms or any(term.matches(meta.labels(node), meta.name(node)) for term in terms)
        ]
        if not nodes and terms:
            return None
        return sorted(meta.name(node) for node in nodes if conditions.is_true(node, "Ready"))

    async def _secret(self, volume: Object) -> Object | None:
        source = storage.spec(volume).get("csi") or {}
        ref = next((source[field] for field in storage.SECRET_FIELDS if source.get(field)), None)
        if ref is None:
            return None
        return await self._client.get(SECRETS, str(ref.get("name")), str(ref.get("namespace")))

    async def _ask(self, node: str, body: bytes) -> None:
        response = await self._streams.request(node, "POST", "/volumes/reclaim", {}, body)
        async with response:
            if response.status != 200:
                text = (await response.content.read(MAX_WORDS)).decode(errors="replace")
                if response.status == Conflict.code:
                    raise Conflict(text)
                raise NotRemoved(f"node {node} cannot remove it: {text}")


def _driver(volume: Object) -> str:
    return str((storage.spec(volume).get("csi") or {}).get("driver"))
