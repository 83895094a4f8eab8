"""Everything between the control plane and the hosts, wired: discovery, adoption, sessions, failure detection, streams.

`controlplane.py` makes one `Nodes`, hands `admin` and `streams` to the API server, and starts it once the API serves.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from common import tls
from common.aio import Tasks
from common.api import meta
from common.api.kinds import (
    CONFIGMAPS,
    ENDPOINTSLICES,
    INGRESSCLASSES,
    INGRESSES,
    NAMESPACES,
    NETWORKPOLICIES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    RUNTIMECLASSES,
    SECRETS,
    SERVICES,
)
from common.api.meta import Key, Object
from common.client import Client, SharedInformers
from common.clock import Clock
from common.clusterpki import ClusterPki
from common.discovery import Browser
from common.events import Recorder
from common.hosts import AGENT_ADDRESS
from common.session import Usage
from common.settings import ClusterConfig, Home
from common.tunnel import Connect

from .adoption import Adoptions
from .assignment import Distribution
from .epoch import Epoch
from .health import Health
from .hosts import HostTable
from .reclaim import Reclaimer
from .release import Releases
from .sessions import Kit, Sessions
from .status import StatusWriter
from .streams import AgentStreams

log = logging.getLogger(__name__)
LOCAL_SECONDS = 3.0
_DISTRIBUTED = (
    PODS, CONFIGMAPS, SECRETS, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, SERVICES, ENDPOINTSLICES, NODES, NAMESPACES,
    INGRESSES, INGRESSCLASSES, RUNTIMECLASSES, NETWORKPOLICIES,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """The cluster that this control plane runs, and how agents' streams reach its API."""

    home: Home
    config: ClusterConfig
    pki: ClusterPki
    epoch: Epoch
    api: Connect
    discover: bool = True  # by mDNS


class Nodes:
    def __init__(
        self,
        client: Client,
        informers: SharedInformers,
        clock: Clock,
        place: Place,
        usage: Callable[[str, Usage], None],
    ) -> None:
        """`usage` gets what each node says that it uses."""
        self._clock = clock
        self._place = place
        self._tasks = Tasks("nodes")
        self._informers = [informers.get(resource) for resource in _DISTRIBUTED]
        self._nodes = informers.get(NODES)
        self._pods = informers.get(PODS)
        self._events = Recorder(client, clock, "quarterdeck-nodes")
        self.streams = AgentStreams(self._address, self._context)
        self._distribution = Distribution()
        again = self._distribution.again
        status = StatusWriter(client, clock, self._pods, self._nodes, self._events, again)
        self._health = Health(clock, self._nodes, self.streams, status, self._events)
        self._reclaimer = Reclaimer(
            client, clock, informers.get(PERSISTENTVOLUMES), self._nodes, self.streams, self._events
        )
        self._releases = Releases()
        self._hosts = HostTable(client, clock, place.config.uid, self._nodes, self._host_changed)
        self.admin = Adoptions(client, clock, place.config.uid, place.pki, self._hosts, place.home.agent / "agent.sock")
        self.sessions = Sessions(
            Kit(
                client, clock, place.config, place.pki, place.epoch, self._nodes, self._distribution, self._releases,
                status, self._health, self._events, place.api, self._hosts.addresses, usage,
            )
        )  # fmt: skip
        self._browser = Browser(clock, self._hosts.seen, self._hosts.lost) if place.discover else None
        for resource, informer in zip(_DISTRIBUTED, self._informers, strict=True):
            informer.listen(partial(self._distribution.change, resource.plural))
        informers.get(ENDPOINTSLICES).listen(self._slice_changed)
        self._pods.listen(self._pod_changed)

    async def start(self) -> None:
        """The informers must be running. Returns when sessions may be dialled."""
        self._events.start()
        # A full Sync from mirrors that are not filled yet would tell agents to stop everything.
        await asyncio.gather(*(informer.synced.wait() for informer in self._informers))
        self._hosts.start()
        self._health.start()
        self.sessions.start()
        self._reclaimer.start()
        self._tasks.start("local-agent", self._look_for_local_agent())
        if self._browser is not None:
            self._browser.start()

    async def close(self) -> None:
        await self._tasks.close()
        if self._browser is not None:
            await self._browser.close()
        await self._reclaimer.close()
        await self.sessions.close()
        await self._health.close()
        await self._hosts.close()
        await self.streams.close()
        await self._events.close()

    def _address(self, node: str) -> str | None:
        found = self._nodes.get(Key("", node))
        return None if found is None else meta.annotations(found).get(AGENT_ADDRESS, "")

    def _context(self) -> ssl.SSLContext:
        pki = self._place.pki
        return tls.client_context(pki.controlplane, pki.authority.certificate_pem)

    def _host_changed(self, fingerprint: str) -> None:
        self.sessions.changed(fingerprint)

    def _slice_changed(self, old: Object | None, new: Object | None) -> None:
        self._releases.change_slice(old, new)
        self.sessions.look_at_releases()

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        self._releases.change_pod(old, new, self._clock.monotonic())
        self.sessions.look_at_releases()

    async def _look_for_local_agent(self) -> None:
        while True:
            await self.admin.see_local()
            await self._clock.sleep(LOCAL_SECONDS)
