"""A session to every node: dial, serve, dial again.

Each node has a task of its own, so that a slow or dead agent holds up nobody. What links hear goes to the status
writer, the failure detector and the releases; what objects say goes to the distribution, from which links take.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import aiohttp

from common import pki, tls
from common.aio import Tasks
from common.api import conditions, meta
from common.api.kinds import NODES, PODS, SERVICEACCOUNTS
from common.api.meta import Key, Object, format_micro_time, name
from common.api.pods import service_account
from common.client import Client, Informer
from common.clock import Clock
from common.clusterpki import ClusterPki
from common.errors import ApiError, NotFound
from common.events import Recorder
from common.hosts import AGENT_ADDRESS, CERTIFICATE_SERIAL, HOST_FINGERPRINT
from common.pki import PkiError
from common.session import Open, ProtocolError, Release, Report, TokenGiven, TokenNeeded, Usage, Welcome
from common.settings import ClusterConfig
from common.tunnel import Connect

from .assignment import Distribution, Item
from .epoch import Epoch
from .health import Health
from .link import Link, RefusedError, Target, clock_difference
from .release import Releases
from .status import StatusWriter

log = logging.getLogger(__name__)

BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0)  # then the last: a host that boots is served within two seconds
LEASE_INTERVAL = 10.0
CLOCK_TOLERANCE = 5.0  # seconds; certificates and the age of objects tolerate more, people reading logs do not
CLOCK_CONDITION = "ClockSkewed"
LEAVE_SECONDS = 2.0
REPORTS_AT_ONCE = 16  # of all nodes: 500 statuses fill two commits of the store, and more of them only take memory


@dataclass(frozen=True, slots=True)
class Kit:
    """What sessions work with. `addresses` gives further HOST:PORT of a host by fingerprint, as mDNS sees it; `usage`
    gets what a node says that it uses."""

    client: Client
    clock: Clock
    config: ClusterConfig
    pki: ClusterPki
    epoch: Epoch
    nodes: Informer
    distribution: Distribution
    releases: Releases
    status: StatusWriter
    health: Health
    events: Recorder
    api: Connect
    addresses: Callable[[str], tuple[str, ...]]
    usage: Callable[[str, Usage], None]


@dataclass(slots=True)
class _Dialer:
    """What keeps a session with one node. `changed` ends its pause, `link` is the connection of the moment."""

    changed: asyncio.Event
    task: asyncio.Task[None] | None = None
    link: Link | None = None


class Sessions:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._tasks = Tasks("sessions")
        self._dialers: dict[str, _Dialer] = {}
        self._release_due = asyncio.Event()
        self._http: aiohttp.ClientSession | None = None
        self._said: dict[str, str] = {}
        self._config = kit.config.to_json()
        self._turns = asyncio.Semaphore(REPORTS_AT_ONCE)

    def start(self) -> None:
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._kit.nodes.listen(self._node_changed)
        self._tasks.start("release", self._release_forever())
        self._tasks.start("leases", self._renew_leases())

    async def close(self) -> None:
        await self._tasks.close()
        if self._http is not None:
            await self._http.close()

    def connected(self, node: str) -> bool:
        return self._link(node) is not None

    def _link(self, node: str) -> Link | None:
        dialer = self._dialers.get(node)
        return dialer.link if dialer is not None else None

    def changed(self, fingerprint: str) -> None:
        """A host appeared or has other addresses: dial its node now."""
        for node in self._kit.nodes.items():
            if meta.annotations(node).get(HOST_FINGERPRINT) == fingerprint:
                self._poke(name(node))

    def look_at_releases(self) -> None:
        """A pod, a slice or what nodes have applied changed."""
        self._release_due.set()

    # What links hear (link.Watcher)

    def heard(self, node: str) -> None:
        self._kit.health.heard(node)

    def lost(self, node: str) -> bool:
        return self._kit.health.is_lost(node)

    async def welcome(self, node: str, welcome: Welcome, sent: datetime, received: datetime) -> None:
        self._say(node, "")
        status = welcome.info.get("status")
        labels = welcome.info.get("labels")
        await self._kit.status.write_node(
            node, status if isinstance(status, dict) else {}, labels if isinstance(labels, dict) else None
        )
        await self._compare_clocks(node, welcome.time, sent, received)

    def turn(self) -> asyncio.Semaphore:
        return self._turns

    async def report(self, node: str, report: Report) -> None:
        await self._kit.status.write(node, report)

    def usage(self, node: str, usage: Usage) -> None:
        self._kit.usage(node, usage)

    def applied(self, node: str) -> None:
        self._release_due.set()

    async def sign(self, node: str, request: str) -> str:
        kit = self._kit
        pem = await asyncio.to_thread(kit.pki.sign_node, request.encode(), node, kit.clock.now())
        serial = f"{pki.parse_certificate(pem).serial_number:x}"
        await kit.client.patch(NODES, node, {"metadata": {"annotations": {CERTIFICATE_SERIAL: serial}}})
        return pem.decode()

    async def token(self, node: str, needed: TokenNeeded) -> TokenGiven:
        kit = self._kit
        # What the node was told of, so that it gets tokens of its own pods and of no others.
        pod = kit.distribution.view(node, Item(PODS.plural, needed.pod))
        if pod is None:
            raise NotFound(f"this node has no pod with the uid {needed.pod!r}")
        account, space = service_account(pod), meta.namespace(pod)
        bound = {"kind": "Pod", "apiVersion": "v1", "name": meta.name(pod), "uid": needed.pod}
        spec = {"expirationSeconds": needed.seconds, "boundObjectRef": bound}
        spec["audiences"] = [needed.audience] if needed.audience else []
        answer = await kit.client.post(SERVICEACCOUNTS, account, "token", {"spec": spec}, space)
        status = answer["status"]
        return TokenGiven(needed.pod, needed.audience, needed.seconds, status["token"], status["expirationTimestamp"])

    def released(self, node: str) -> list[str]:
        return self._kit.releases.released_on(node)

    # Dialling

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        self._kit.health.watch([name(node) for node in self._kit.nodes.items()])
        if new is None:
            if old is not None:
                # Taken out at once: a node of that name that comes while this one leaves gets a dialer of its own.
                self._said.pop(name(old), None)
                self._tasks.start(f"remove-{name(old)}", self._remove(old, self._dialers.pop(name(old), None)))
            return
        if name(new) not in self._dialers:
            dialer = self._dialers[name(new)] = _Dialer(asyncio.Event())
            dialer.task = self._tasks.start(f"dial-{name(new)}", self._dial_forever(name(new), dialer))
        elif old is None or _target(old) != _target(new):
            self._poke(name(new))
        if self._kit.status.is_due(new) and self.connected(name(new)):
            self._tasks.start(f"status-{name(new)}", self._restore(name(new)))

    async def _restore(self, node: str) -> None:
        """Its agent has the last word on a node, and what is allocatable follows the capacity."""
        try:
            await self._kit.status.write_node(node, {})
        except ApiError as error:
            log.warning("what others wrote of node %s is put right later: %s", node, error.message)

    def _poke(self, node: str) -> None:
        if (dialer := self._dialers.get(node)) is not None:
            dialer.changed.set()

    async def _dial_forever(self, node: str, dialer: _Dialer) -> None:
        failures = 0
        while True:
            dialer.changed.clear()
            candidates = self._candidates(node)
            reasons: list[str] = []
            served = False
            for address in candidates:
                try:
                    served = await self._dial(node, dialer, address, reasons)
                except Exception:
                    # A fault of ours must not leave the node without a session for good.
                    log.exception("node %s: the session ended in an unexpected way", node)
                if served:
                    break
            if reasons:
                self._say(node, "; ".join(reasons))
            failures = 0 if served else failures + 1
            # Without an address or pod range there is nothing to dial until the node changes.
            pause = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)] if candidates else 3600.0
            await self._wait(f"pause-{node}", dialer.changed, pause)

    async def _wait(self, title: str, event: asyncio.Event, seconds: float) -> None:
        """Until the event is set, for so many seconds at most."""
        timer = self._tasks.start(f"{title}-timer", self._kit.clock.sleep(seconds))
        waiting = self._tasks.start(title, event.wait())
        try:
            await asyncio.wait({timer, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            waiting.cancel()

    def _candidates(self, node: str) -> list[str]:
        found = self._kit.nodes.get(Key("", node))
        if found is None or not (found.get("spec") or {}).get("podCIDRs"):
            return []
        notes = meta.annotations(found)
        known = [notes.get(AGENT_ADDRESS, ""), *self._kit.addresses(notes.get(HOST_FINGERPRINT, ""))]
        return [address for address in dict.fromkeys(known) if address]

    async def _dial(self, node: str, dialer: _Dialer, address: str, reasons: list[str]) -> bool:
        """One connection; True when a session came about. Adds to the reasons why not, or why it ended."""
        kit = self._kit
        link = Link(self, kit.distribution, kit.clock, kit.api)
        opening = Open(
            kit.config.uid, kit.epoch.counter, kit.epoch.instance, node, self._config,
            format_micro_time(kit.clock.now()),
        )  # fmt: skip
        try:
            context = tls.client_context(kit.pki.controlplane, kit.pki.authority.certificate_pem)
            dialer.link = link
            await link.run(self._client(), Target(node, address, context, opening))
        except RefusedError as error:
            reasons.append(str(error))
        except (aiohttp.ClientError, ProtocolError, ApiError, PkiError, TimeoutError, OSError) as error:
            reasons.append(f"no session with {address}: {tls.explain(error)}")
        except Exception as error:
            # Whatever one agent sends or one object holds, its node is dialled again.
            log.exception("the session with node %s ended in an unexpected way", node)
            reasons.append(f"the session with {address} failed: {type(error).__name__}: {error}")
        finally:
            dialer.link = None
        if link.greeted:
            kit.health.cut(node)
        return link.greeted

    def _client(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise ConnectionError("sessions were not started")
        return self._http

    def _say(self, node: str, why: str) -> None:
        """Log and record a reason once, not with every attempt."""
        if self._said.get(node, "") == why:
            return
        self._said[node] = why
        if why:
            log.warning("node %s: %s", node, why)
            found = self._kit.nodes.get(Key("", node))
            if found is not None:
                self._kit.events.warning(NODES, found, "SessionFailed", why)

    async def _remove(self, node: Object, dialer: _Dialer | None) -> None:
        """The Node was deleted: its agent forgets the cluster, its certificate is revoked."""
        gone = name(node)
        if dialer is not None and (link := dialer.link) is not None:
            try:
                async with asyncio.timeout(LEAVE_SECONDS):
                    await link.leave()
                    await link.finished.wait()
            except (TimeoutError, OSError) as error:
                log.warning("node %s was removed, but its agent was not told: %s", gone, str(error) or "no answer")
        if dialer is not None and dialer.task is not None:
            dialer.task.cancel()
        if serial := meta.annotations(node).get(CERTIFICATE_SERIAL):
            await asyncio.to_thread(self._kit.pki.revocations.revoke, int(serial, 16), f"node {gone} was removed")

    # What happens by time

    async def _release_forever(self) -> None:
        kit = self._kit
        while True:
            deadline = kit.releases.next_deadline()
            if deadline is None:
                await self._release_due.wait()
            else:
                await self._wait("release", self._release_due, deadline - kit.clock.monotonic())
            self._release_due.clear()
            due = kit.releases.due(kit.clock.monotonic(), kit.distribution.version, self._all_reflect)
            for node, pods in due.items():
                if (link := self._link(node)) is not None:
                    self._tasks.start(f"release-{node}", self._send_release(link, pods))

    async def _send_release(self, link: Link, pods: list[str]) -> None:
        try:
            await link.send(Release(pods))
        except OSError as error:
            log.debug("a release waits for the next connection: %s", error)

    def _all_reflect(self, version: int) -> bool:
        for node in self._kit.nodes.items():
            if conditions.is_true(node, "Ready"):
                feed = self._kit.distribution.feed(name(node))
                if feed is None or not feed.reflects(version):
                    return False
        return True

    async def _renew_leases(self) -> None:
        while True:
            for node in [node for node in self._dialers if self.connected(node)]:
                try:
                    await self._kit.status.renew_lease(node)
                except (ApiError, OSError) as error:
                    log.debug("the lease of node %s was not renewed: %s", node, error)
            await self._kit.clock.sleep(LEASE_INTERVAL)

    async def _compare_clocks(self, node: str, told: str, sent: datetime, received: datetime) -> None:
        difference = clock_difference(told, sent, received)
        found = self._kit.nodes.get(Key("", node))
        if found is None:
            return
        if abs(difference) > CLOCK_TOLERANCE:
            message = (
                f"the host's clock says {told}, this control plane's {format_micro_time(received)}: "
                f"{abs(difference):.0f} seconds {'ahead' if difference > 0 else 'behind'}; set one of them"
            )
            await self._kit.status.set_node_condition(node, CLOCK_CONDITION, "True", "ClocksDiffer", message)
            self._kit.events.warning(NODES, found, "ClocksDiffer", message)
        elif conditions.is_true(found, CLOCK_CONDITION):
            await self._kit.status.set_node_condition(
                node, CLOCK_CONDITION, "False", "ClocksAgree", "the clocks agree within five seconds"
            )


def _target(node: Object) -> tuple[object, ...]:
    """What dialling depends on."""
    return (meta.annotations(node).get(AGENT_ADDRESS), (node.get("spec") or {}).get("podCIDRs"))
