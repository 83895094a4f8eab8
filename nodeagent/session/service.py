"""The agent's connections to the world, wired: identity, server, local socket, adoption, session, peers, tunnel, mDNS.

The agent makes one `SessionService`, adds the routes of its other parts to `server`, and starts it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.api.meta import Object
from common.clock import Clock
from common.discovery import Advertisement, Advertiser
from common.session import Usage
from common.settings import AGENT_PORT, TUNNEL_PORT
from nodeagent.assignment import Assignment, Change
from nodeagent.reports import Reports
from nodeagent.tokens import Tokens

from .adoption import Adoption
from .connection import Parts
from .credentials import Credentials
from .local import LocalSocket
from .peers import Peers
from .server import Role, Server
from .session import Session
from .tunnel import ApiTunnel

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a host says of itself before it is a node; `cpu` in cores, `memory` in bytes."""

    name: str
    engine: str = ""
    arch: str = ""
    cpu: int = 0
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """`folder` None keeps all state in memory and opens no socket on the host; `addresses` None listens on all."""

    version: str
    folder: Path | None
    port: int = AGENT_PORT
    addresses: Sequence[str] | None = None
    tunnel_port: int = TUNNEL_PORT
    advertise: bool = True


class SessionService:
    """`info` gives what `Welcome` says of this node, `usage` what it uses now. `show_code` is called with each new
    pairing code, `unready_changed` when `peers.unready` became another set."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        assignment: Assignment,
        reports: Reports,
        tokens: Tokens,
        *,
        facts: Callable[[], Facts],
        info: Callable[[], Object],
        usage: Callable[[], Awaitable[Usage]],
        show_code: Callable[[str], None],
        unready_changed: Callable[[], None],
    ) -> None:
        """Blocks for reading the agent's keys. PkiError when they are damaged."""
        self._assignment = assignment
        self._facts = facts
        self._version = settings.version
        self.credentials = Credentials(settings.folder, clock)
        self.tunnel = ApiTunnel(settings.tunnel_port)
        parts = Parts(self.credentials, assignment, reports, self.tunnel, tokens, clock, settings.version, info, usage)
        self.session = Session(parts)
        self.peers = Peers(
            self.credentials,
            clock,
            silence=lambda: self.session.silence,
            called_ready=self._called_ready,
            changed=unready_changed,
        )
        self.server = Server(
            self.credentials, port=settings.port, addresses=settings.addresses, known_node=self.peers.known
        )
        self.adoption = Adoption(self.credentials, clock, identity=self.identity, show_code=show_code)
        self.local = LocalSocket(settings.folder / "agent.sock") if settings.folder is not None else None
        self._advertiser = Advertiser(clock) if settings.advertise else None
        self.credentials.listen(self.refresh)
        assignment.listen(self._assignment_changed)
        self._add_routes()

    def identity(self) -> Advertisement:
        facts = self._facts()
        membership = self.credentials.membership
        return Advertisement(
            name=facts.name,
            fingerprint=self.credentials.fingerprint,
            port=self.server.port,
            version=self._version,
            engine=facts.engine,
            arch=facts.arch,
            cpu=facts.cpu,
            memory=facts.memory,
            adopted_by=membership.cluster if membership else "",
            node=membership.node if membership else "",
        )

    def refresh(self) -> None:
        """The facts or the membership changed: announce them."""
        if self._advertiser is not None:
            self._advertiser.update(self.identity())

    async def start(self) -> None:
        """OSError names the port that is taken."""
        await self.server.start()
        if self.local is not None:
            await self.local.start()
        self.peers.set_nodes(self._assignment.objects("nodes"))
        self.peers.start()
        if self._advertiser is not None:
            self.refresh()
            self._advertiser.start()

    async def close(self) -> None:
        """Say goodbye first, so that nobody dials an agent that is about to go."""
        if self._advertiser is not None:
            await self._advertiser.close()
        await self.adoption.close()
        await self.session.close()
        await self.peers.close()
        await self.tunnel.close()
        if self.local is not None:
            await self.local.close()
        await self.server.close()

    def _assignment_changed(self, change: Change) -> None:
        if "nodes" in change.resources:
            self.peers.set_nodes(self._assignment.objects("nodes"))
        if "endpointslices" in change.resources:
            self.peers.slices_changed()

    def _called_ready(self) -> frozenset[str]:
        return frozenset(
            address
            for endpoint_slice in self._assignment.objects("endpointslices")
            for endpoint in endpoint_slice.get("endpoints") or ()
            if (endpoint.get("conditions") or {}).get("ready") is not False
            for address in endpoint.get("addresses") or ()
        )

    def _add_routes(self) -> None:
        server, adoption, peers = self.server, self.adoption, self.peers
        server.add_route("GET", "/identity", adoption.identity, Role.ANYONE)
        server.add_route("POST", "/pairing/start", adoption.start, Role.ANYONE)
        server.add_route("POST", "/pairing/finish", adoption.finish, Role.ANYONE)
        server.add_route("GET", "/session", self.session.handle, Role.CONTROLPLANE)
        server.add_route("GET", "/peer/ping", peers.ping, Role.NODE)
        server.add_route("GET", "/peer/probe/{node}", peers.probe, Role.NODE)
        server.add_route("POST", "/peer/readiness", peers.readiness, Role.NODE)
        if self.local is not None:
            self.local.add_route("GET", "/identity", adoption.local_identity)
            self.local.add_route("POST", "/adopt", adoption.adopt)
            self.local.add_route("POST", "/leave", adoption.leave)
