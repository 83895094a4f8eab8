"""Agents among themselves: which pod addresses are unready, and who can be reached.

An agent tells the others at once of pods of its own that are unready though EndpointSlices call them ready, and repeats
it while the console is away, so that every node's tables follow. What is not repeated is forgotten: with the console
there the slices say the same moments later, and an agent that is gone must not keep an address out for ever. It
answers pings, and probes another node when the control plane cannot reach that one itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

import aiohttp
import orjson
from aiohttp import web

from common import tls
from common.aio import Tasks
from common.api import meta
from common.api.meta import Object, name
from common.clock import Clock
from common.hosts import AGENT_ADDRESS, reach
from common.pki import PkiError

from .credentials import Credentials
from .server import CALLER

log = logging.getLogger(__name__)

ALONE_AFTER_SECONDS = 2.0  # of silence of the console: from here on the agents keep each other up to date
REPEAT_SECONDS = 1.0
COALESCE_SECONDS = 0.02  # pods and slices change in bursts
FORGET_SECONDS = 6.0  # longer than a status takes to come back as an EndpointSlice, and several repetitions
CALL_SECONDS = 1.0
PROBE_SECONDS = 0.5  # the control plane waits for it inside its three seconds
MAX_UNREADY = 5000  # addresses of one node: more than it can run

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(slots=True)
class _Peer:
    """`node` is what was last heard of it; `due` while it is to be told our latest state, by `task`;
    `told` is what it confirmed."""

    address: str
    node: Object
    told: frozenset[str] = frozenset()
    due: bool = False
    task: asyncio.Task[None] | None = None


class Peers:
    """`silence` gives the seconds since the console was heard, `called_ready` the addresses that EndpointSlices call
    ready; `changed` is called when `unready` became another."""

    def __init__(
        self,
        credentials: Credentials,
        clock: Clock,
        *,
        silence: Callable[[], float],
        called_ready: Callable[[], frozenset[str]],
        changed: Callable[[], None],
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._silence = silence
        self._called_ready = called_ready
        self._changed = changed
        self._peers: dict[str, _Peer] = {}
        self._own: frozenset[str] = frozenset()
        self._telling: frozenset[str] = frozenset()  # those of our own that slices call ready
        self._look = asyncio.Event()
        self._theirs: dict[str, tuple[frozenset[str], float]] = {}  # until when it counts
        self._tasks = Tasks("peers")
        self._session: aiohttp.ClientSession | None = None
        credentials.listen(self._forget_session)

    @property
    def unready(self) -> frozenset[str]:
        """Pod addresses that this node or a peer knows to be unready."""
        return self._own.union(*(addresses for addresses, _ in self._theirs.values()))

    def set_nodes(self, nodes: Iterable[Object]) -> None:
        """The nodes of the cluster, this one among them."""
        own = self._credentials.membership.node if self._credentials.membership else ""
        wanted = {name(node): node for node in nodes if name(node) != own}
        for gone in self._peers.keys() - wanted.keys():
            self._drop(gone)
        for peer, node in wanted.items():
            address = address_of(node)
            if (known := self._peers.get(peer)) is not None:
                known.address, known.node = address, node
            elif address:
                self._add(peer, address, node)

    def known(self, node: str) -> bool:
        """Whether a node of that name is in the cluster: a removed one has nothing to say here."""
        return node in self._peers

    def set_unready(self, addresses: frozenset[str]) -> None:
        """The unready addresses of this node's own pods."""
        if addresses == self._own:
            return
        self._own = addresses
        self._look.set()
        self._changed()

    def slices_changed(self) -> None:
        """`called_ready` may be another now."""
        if self._own or self._telling:
            self._look.set()

    async def ping(self, _request: web.Request) -> web.StreamResponse:
        """`GET /peer/ping`: this agent lives; how long it has not heard the console."""
        return web.json_response({"silence": min(self._silence(), 1e9)})

    async def probe(self, request: web.Request) -> web.StreamResponse:
        """`GET /peer/probe/NODE`: whether the agent and the host of that node answer us."""
        peer = self._peers.get(request.match_info["node"])
        if peer is None:
            raise web.HTTPNotFound(text=f"node {request.match_info['node']!r} is not known here")
        agent = await self._pings(request.match_info["node"], peer.address)
        host = agent or await reach(peer.address, PROBE_SECONDS)
        return web.json_response({"agent": agent, "host": host})

    async def readiness(self, request: web.Request) -> web.StreamResponse:
        """`POST /peer/readiness` {unready: [address, …]}: the whole state of the calling node."""
        node = request[CALLER].rpartition(":")[2]
        try:
            listed = orjson.loads(await request.read())["unready"]
            addresses = frozenset(str(item) for item in listed)
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise web.HTTPBadRequest(text="the body is not {unready: [address, …]}") from error
        if len(addresses) > MAX_UNREADY:
            raise web.HTTPBadRequest(text=f"more than {MAX_UNREADY} addresses")
        if (peer := self._peers.get(node)) is not None:
            # A node speaks for its own pods: what it says of others must not take them out.
            networks = _networks(peer.node)
            self._take(node, frozenset(item for item in addresses if _is_within(item, networks)))
        return web.json_response({})

    def _take(self, node: str, addresses: frozenset[str]) -> None:
        before, _ = self._theirs.pop(node, (frozenset(), 0.0))
        if addresses:
            self._theirs[node] = (addresses, self._clock.monotonic() + FORGET_SECONDS)
        if before != addresses:
            self._changed()

    async def silences(self, seconds: float) -> dict[str, float | None]:
        """For how long each other node has not heard the console; None for those that do not answer in `seconds`."""
        asked = {
            node: self._tasks.start(f"ask-{node}", self._silence_of(node, peer.address))
            for node, peer in self._peers.items()
        }
        if asked:
            _, late = await asyncio.wait(asked.values(), timeout=seconds)
            for call in late:
                call.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        return {node: None if call.cancelled() else call.result() for node, call in asked.items()}

    async def _silence_of(self, node: str, address: str) -> float | None:
        try:
            async with self._call("GET", node, address, "/peer/ping", CALL_SECONDS) as response:
                return float((await response.json())["silence"]) if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError, PkiError, KeyError, TypeError, ValueError):
            return None

    def start(self) -> None:
        self._tasks.start("look", self._look_forever())
        self._tasks.start("repeat", self._repeat())

    async def close(self) -> None:
        await self._tasks.close()
        if self._session is not None:
            await self._session.close()

    def _add(self, node: str, address: str, obj: Object) -> None:
        peer = _Peer(address, obj)
        self._peers[node] = peer
        if self._telling:
            self._tell_soon(node, peer)

    def _drop(self, node: str) -> None:
        peer = self._peers.pop(node)
        if peer.task is not None:
            peer.task.cancel()
        self._take(node, frozenset())

    async def _look_forever(self) -> None:
        while True:
            await self._look.wait()
            await self._clock.sleep(COALESCE_SECONDS)
            self._look.clear()
            telling = self._own & self._called_ready() if self._own else frozenset()
            if telling != self._telling:
                self._telling = telling
                self._tell_all()

    async def _repeat(self) -> None:
        while True:
            await self._clock.sleep(REPEAT_SECONDS)
            if self._silence() > ALONE_AFTER_SECONDS:
                self._tell_all()
            now = self._clock.monotonic()
            for node in [node for node, (_, until) in self._theirs.items() if until <= now]:
                self._take(node, frozenset())

    def _tell_all(self) -> None:
        """Whoever knows of nothing unready and would hear of nothing needs no call: most of the time that is all."""
        for node, peer in self._peers.items():
            if self._telling or peer.told:
                self._tell_soon(node, peer)

    def _tell_soon(self, node: str, peer: _Peer) -> None:
        peer.due = True
        if peer.task is None or peer.task.done():
            peer.task = self._tasks.start(f"tell-{node}", self._tell_until_confirmed(node, peer))

    async def _tell_until_confirmed(self, node: str, peer: _Peer) -> None:
        while peer.due:
            peer.due = False
            if not await self._tell(node, peer):
                peer.due = True
                await self._clock.sleep(REPEAT_SECONDS)

    async def _tell(self, node: str, peer: _Peer) -> bool:
        state = self._telling
        body = orjson.dumps({"unready": sorted(state)})
        try:
            async with self._call("POST", node, peer.address, "/peer/readiness", CALL_SECONDS, body) as response:
                if response.status != 200:
                    return False
        except (aiohttp.ClientError, TimeoutError, OSError, PkiError) as error:
            log.debug("cannot tell node %s which addresses are unready: %s", node, tls.explain(error))
            return False
        peer.told = state
        return True

    async def _pings(self, node: str, address: str) -> bool:
        try:
            async with self._call("GET", node, address, "/peer/ping", PROBE_SECONDS) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError, PkiError):
            return False

    def _call(
        self, method: str, node: str, address: str, path: str, seconds: float, body: bytes | None = None
    ) -> aiohttp.client._RequestContextManager:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._credentials.client_context(), limit=16, limit_per_host=1)
            self._session = aiohttp.ClientSession(connector=connector)
        timeout = aiohttp.ClientTimeout(total=seconds)
        url = f"https://{address}{path}"
        return self._session.request(method, url, data=body, timeout=timeout, server_hostname=node)

    def _forget_session(self) -> None:
        """Our certificate changed: calls from now on show the new one."""
        if self._session is not None:
            session, self._session = self._session, None
            self._tasks.start("close-session", session.close())


def address_of(node: Object) -> str:
    """HOST:PORT at which the node's agent listens, empty while unknown."""
    return meta.annotations(node).get(AGENT_ADDRESS, "")


def _networks(node: Object) -> tuple[Network, ...]:
    """Where the node's pods have their addresses: its pod ranges, and its own addresses for those on its network."""
    ranges = (node.get("spec") or {}).get("podCIDRs") or ()
    own = [entry.get("address") for entry in (node.get("status") or {}).get("addresses") or ()]
    found = []
    for text in (*ranges, *own):
        with suppress(ValueError):  # a host name is among a node's addresses
            found.append(ip_network(text))
    return tuple(found)


def _is_within(address: str, networks: Iterable[Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
