"""Host objects: the machines that run an agent, as mDNS shows them or somebody named them by address.

The table lives in memory and is written to the API as Host objects, which are rebuilt when the control plane starts.
A host is its certificate's fingerprint; its name is what it calls itself, made unique.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.aio import Tasks, WorkQueue, run_workers
from common.api import meta, quantity
from common.api.kinds import HOSTS
from common.api.meta import Object, format_time, name
from common.client import Client, Informer
from common.clock import Clock
from common.discovery import Advertisement, SeenHost
from common.errors import NotFound
from common.hosts import HOST_FINGERPRINT, join_address

log = logging.getLogger(__name__)
GONE_SECONDS = 3600.0  # a host that said goodbye stays in sight for an hour
MAX_HOSTS = 2000
BY_FINGERPRINT = "host-fingerprint"


@dataclass(slots=True)
class HostEntry:
    name: str
    advertisement: Advertisement
    addresses: tuple[str, ...]
    last_seen: datetime
    gone_since: float | None = None
    adopting: bool = False


def phase_of(entry: HostEntry, cluster: str, node: str) -> tuple[str, str]:
    """The phase and why; `node` is the name of the Node that this host is, empty when it is none."""
    adopted_by = entry.advertisement.adopted_by
    if entry.adopting:
        return "Adopting", ""
    if entry.gone_since is not None:
        return "Gone", "it said goodbye"
    if not adopted_by and node:
        return "Discovered", f"its agent forgot that it is node {node}: adopt it again"
    if not adopted_by:
        return "Discovered", ""
    if adopted_by != cluster:
        return "Foreign", "it belongs to another cluster"
    return ("Adopted", "") if node else ("Discovered", "its node was removed while it was away: adopt it again")


class HostTable:
    """`changed` is called with the fingerprint of a host that appeared or has other addresses."""

    def __init__(
        self, client: Client, clock: Clock, cluster: str, nodes: Informer, changed: Callable[[str], None]
    ) -> None:
        self._client = client
        self._clock = clock
        self._cluster = cluster
        self._nodes = nodes
        self._changed = changed
        self._entries: dict[str, HostEntry] = {}
        self._written: dict[str, Object] = {}
        self._queue: WorkQueue[str] = WorkQueue(clock, "hosts")
        self._tasks = Tasks("hosts")
        nodes.add_index(BY_FINGERPRINT, _fingerprints)

    def start(self) -> None:
        self._nodes.listen(self._node_changed)
        run_workers(self._queue, self._sync, 1, self._tasks, "hosts")

    async def close(self) -> None:
        await self._tasks.close()
        await self._queue.close()

    def seen(self, host: SeenHost) -> None:
        """mDNS or an agent itself says so."""
        fingerprint = host.advertisement.fingerprint
        entry = self._entries.get(fingerprint)
        if entry is None:
            if len(self._entries) >= MAX_HOSTS:
                log.warning("more than %d hosts, %r is left out", MAX_HOSTS, host.advertisement.name)
                return
            unique = self._unique_name(host.advertisement)
            entry = HostEntry(unique, host.advertisement, host.addresses, self._clock.now())
            self._entries[fingerprint] = entry
        moved = entry.gone_since is not None or entry.addresses != host.addresses
        entry.advertisement, entry.addresses = host.advertisement, host.addresses
        entry.last_seen, entry.gone_since = self._clock.now(), None
        self._queue.add(fingerprint)
        if moved or fingerprint not in self._written:
            self._changed(fingerprint)

    def lost(self, fingerprint: str) -> None:
        """It said goodbye, or its record ran out."""
        if (entry := self._entries.get(fingerprint)) is not None:
            entry.gone_since = self._clock.monotonic()
            self._queue.add(fingerprint)
            self._queue.add_after(fingerprint, GONE_SECONDS)

    def find(self, host: str) -> HostEntry | None:
        """By the name of its Host object."""
        return next((entry for entry in self._entries.values() if entry.name == host), None)

    def find_by_fingerprint(self, fingerprint: str) -> HostEntry | None:
        return self._entries.get(fingerprint)

    def addresses(self, fingerprint: str) -> tuple[str, ...]:
        """HOST:PORT at which the host was seen."""
        entry = self._entries.get(fingerprint)
        if entry is None:
            return ()
        return tuple(join_address(address, entry.advertisement.port) for address in entry.addresses)

    def set_adopting(self, entry: HostEntry, adopting: bool) -> None:
        entry.adopting = adopting
        self._queue.add(entry.advertisement.fingerprint)

    def to_object(self, entry: HostEntry) -> Object:
        """The Host object of an entry."""
        seen = entry.advertisement
        node = self._node_of(seen.fingerprint)
        phase, message = phase_of(entry, self._cluster, node)
        status = {
            "addresses": list(entry.addresses),
            "port": seen.port,
            "agentVersion": seen.version,
            "engine": seen.engine,
            "arch": seen.arch,
            "cpu": str(seen.cpu),
            "memory": quantity.format_bytes(seen.memory),
            "fingerprint": seen.fingerprint,
            "adoptedBy": seen.adopted_by,
            "nodeName": node,
            "lastSeen": format_time(entry.last_seen),
            "phase": phase,
            "message": message,
        }
        return {
            "apiVersion": HOSTS.api_version,
            "kind": HOSTS.kind,
            "metadata": {"name": entry.name},
            "status": {field: value for field, value in status.items() if value != ""},
        }

    def _node_of(self, fingerprint: str) -> str:
        nodes = self._nodes.by_index(BY_FINGERPRINT, fingerprint)
        return name(nodes[0]) if nodes else ""

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and new is not None and _fingerprints(old) == _fingerprints(new):
            return
        for node in (old, new):
            for fingerprint in _fingerprints(node or {}):
                if fingerprint in self._entries:
                    self._queue.add(fingerprint)

    def _unique_name(self, seen: Advertisement) -> str:
        taken = {entry.name for entry in self._entries.values()}
        return seen.name if seen.name not in taken else f"{seen.name[:50]}-{seen.fingerprint[:8]}"

    async def _sync(self, fingerprint: str) -> None:
        entry = self._entries.get(fingerprint)
        if entry is None:
            return
        since = entry.gone_since
        if since is not None and self._clock.monotonic() - since >= GONE_SECONDS:
            del self._entries[fingerprint]
            self._written.pop(fingerprint, None)
            await self._delete(entry.name)
            return
        wanted = self.to_object(entry)
        written = self._written.get(fingerprint)
        if written is None:
            await self._client.create(HOSTS, wanted)
        elif written != wanted:
            await self._change(written["status"], wanted)
        self._written[fingerprint] = wanted

    async def _change(self, before: Object, wanted: Object) -> None:
        """Its status alone: labels and annotations are those of whoever set them."""
        gone = dict.fromkeys(before.keys() - wanted["status"].keys())
        try:
            await self._client.patch(HOSTS, name(wanted), {"status": {**gone, **wanted["status"]}})
        except NotFound:
            await self._client.create(HOSTS, wanted)

    async def _delete(self, host: str) -> None:
        try:
            await self._client.delete(HOSTS, host)
        except NotFound:
            log.debug("host %s was deleted meanwhile", host)


def _fingerprints(node: Object) -> list[str]:
    found = meta.annotations(node).get(HOST_FINGERPRINT)
    return [found] if found else []
