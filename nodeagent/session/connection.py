"""One connection of a session, from Welcome to its end: what comes in is applied in order, what happens goes out."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import WSMessage, WSMsgType, web

from common import pki, session
from common.aio import Tasks
from common.api.meta import Object, format_micro_time
from common.clock import Clock
from common.pieces import Inbox, Outbox, is_piece
from common.pki import PkiError
from common.session import (
    HEARTBEAT_SECONDS,
    USAGE_SECONDS,
    Ack,
    Applied,
    Heartbeat,
    Leave,
    Message,
    ProtocolError,
    Release,
    Renew,
    Renewed,
    Sync,
    TokenGiven,
    TunnelClose,
    TunnelWindow,
    Usage,
    Welcome,
)
from common.tunnel import Tunnels
from nodeagent.assignment import Assignment
from nodeagent.reports import Reports
from nodeagent.tokens import Tokens

from .credentials import Credentials
from .tunnel import ApiTunnel

log = logging.getLogger(__name__)

SILENCE_SECONDS = 5.0  # ten heartbeats: the control plane has given us up long before
GRACE_SECONDS = 0.5
RENEWAL_CHECK_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What a session works with. `info` gives what `Welcome` says of this node: {"status", "labels"}; `usage` reads
    what node and containers use now."""

    credentials: Credentials
    assignment: Assignment
    reports: Reports
    tunnel: ApiTunnel
    tokens: Tokens
    clock: Clock
    version: str
    info: Callable[[], Object]
    usage: Callable[[], Awaitable[Usage]]


class Connection:
    def __init__(self, parts: Parts, socket: web.WebSocketResponse) -> None:
        self._parts = parts
        self._socket = socket
        self._tasks = Tasks("session")
        self._outbox, self._inbox = Outbox(socket.send_str, socket.send_bytes), Inbox()
        self._tunnels = Tunnels(self._outbox.send, socket.send_bytes)
        self._generations: deque[tuple[int, int]] = deque()  # (version of the assignment, generation)
        self._applied_generation = 0
        self._applied_changed = asyncio.Event()
        self._receiver: asyncio.Task[None] | None = None
        self._started = False
        self._stop = asyncio.Event()
        self._finished = asyncio.Event()
        self.last_heard = parts.clock.monotonic()

    async def run(self) -> None:
        """Serve until either end closes, the protocol is broken, the control plane falls silent, or `stop`."""
        if self._stop.is_set():
            return
        self._started = True
        parts = self._parts
        try:
            await self._outbox.send(Welcome(parts.version, parts.info(), format_micro_time(parts.clock.now())))
            parts.reports.reconnected()
            parts.tunnel.attach(self._tunnels, self._outbox.send)
            parts.tokens.attach(self._outbox.send)
            if self._stop.is_set():
                return
            self._receiver = self._tasks.start("receive", self._receive())
            for work in (self._beat, self._report, self._measure, self._tell_applied, self._watch_silence, self._renew):
                self._tasks.start(work.__name__.strip("_"), self._while_connected(work))
            await asyncio.wait({self._receiver})
        finally:
            parts.tokens.detach(self._outbox.send)
            parts.tunnel.detach(self._tunnels)
            await self._tunnels.close()
            await self._tasks.close()
            self._finished.set()

    async def stop(self, why: str) -> None:
        """End it and wait: what it still receives must not mix with a newer session's messages. Does not wait for
        the other end, which may be gone."""
        log.info("the session ends: %s", why)
        self._stop.set()
        if self._receiver is not None:
            self._receiver.cancel()
        if self._started:
            await self._finished.wait()

    def applied(self, version: int) -> None:
        """The node's service tables reflect that version of the assignment."""
        while self._generations and self._generations[0][0] <= version:
            self._applied_generation = self._generations.popleft()[1]
            self._applied_changed.set()

    async def _while_connected(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except ConnectionError:
            # The receiver sees the same end and finishes the session.
            log.debug("the session's connection is gone")

    async def _receive(self) -> None:
        async for frame in self._socket:
            self.last_heard = self._parts.clock.monotonic()
            try:
                await self._take(frame)
            except ProtocolError as error:
                log.warning("the control plane broke the protocol: %s", error)
                await self._socket.close(code=1002, message=str(error).encode()[:120])
                return

    async def _take(self, frame: WSMessage) -> None:
        if frame.type is WSMsgType.TEXT:
            await self._handle(session.decode(frame.data))
        elif frame.type is WSMsgType.BINARY and not is_piece(frame.data):
            self._tunnels.data(frame.data)
        elif frame.type is WSMsgType.BINARY and (message := self._inbox.take(frame.data)) is not None:
            await self._handle(session.decode(message))

    async def _handle(self, message: Message) -> None:
        match message:
            case Heartbeat():
                pass
            case Sync():
                version = self._parts.assignment.apply(message)
                for pod in message.objects.get("pods", ()):
                    self._parts.reports.contradict(pod)
                self._generations.append((version, message.generation))
                self.applied(self._parts.assignment.applied_version)
            case Release():
                self._parts.assignment.release(message.pods)
            case Ack():
                self._parts.reports.ack(message.seq)
            case TokenGiven():
                self._parts.tokens.given(message)
            case TunnelWindow():
                self._tunnels.window(message.stream, message.count)
            case TunnelClose():
                self._tunnels.closed(message.stream)
            case Renewed():
                await self._take_certificate(message)
            case Leave():
                await self._leave()
            case _:
                raise ProtocolError(f"{type(message).__name__} is not for an agent")

    async def _take_certificate(self, message: Renewed) -> None:
        try:
            await self._parts.credentials.renew(message.certificate.encode())
        except PkiError as error:
            log.warning("the renewed certificate is refused, the old one stays: %s", error)

    async def _leave(self) -> None:
        log.info("the control plane removed this node from its cluster")
        self._parts.assignment.forget()
        await self._parts.credentials.leave()
        await self._socket.close()

    async def _beat(self) -> None:
        count = 0
        while True:
            count += 1
            await self._outbox.send(Heartbeat(count))
            await self._parts.clock.sleep(HEARTBEAT_SECONDS)

    async def _report(self) -> None:
        while True:
            await self._parts.reports.wait()
            if (report := self._parts.reports.take()) is not None:
                await self._outbox.send(report)

    async def _measure(self) -> None:
        while True:
            await self._outbox.send(await self._parts.usage())
            await self._parts.clock.sleep(USAGE_SECONDS)

    async def _tell_applied(self) -> None:
        while True:
            await self._applied_changed.wait()
            self._applied_changed.clear()
            await self._outbox.send(Applied(self._applied_generation))

    async def _watch_silence(self) -> None:
        while True:
            before = self.last_heard
            await self._parts.clock.sleep(SILENCE_SECONDS)
            # If we were too busy to read, what was said meanwhile is read now.
            await self._parts.clock.sleep(GRACE_SECONDS)
            if self.last_heard == before:
                break
        log.warning("the control plane has been silent for %.0f seconds", SILENCE_SECONDS)
        if self._receiver is not None:
            self._receiver.cancel()

    async def _renew(self) -> None:
        while True:
            membership = self._parts.credentials.membership
            if membership and pki.needs_renewal(membership.identity.certificate, self._parts.clock.now()):
                await self._outbox.send(Renew(pki.request_for(membership.identity).decode()))
            await self._parts.clock.sleep(RENEWAL_CHECK_SECONDS)
