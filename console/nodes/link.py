"""One connection to one agent, from dialling to its end.

The assignment flows out as fast as the agent takes it, reports flow in and are acknowledged once the API has them.
Reading never waits for the API, so that heartbeats count even while a report is being stored.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import aiohttp

from common import session
from common.aio import Tasks
from common.api.meta import parse_time
from common.clock import Clock
from common.errors import ApiError
from common.pieces import Inbox, Outbox, is_piece
from common.pki import PkiError
from common.session import (
    HEARTBEAT_SECONDS,
    MAX_MESSAGE_BYTES,
    Ack,
    Applied,
    Heartbeat,
    Leave,
    Message,
    Open,
    ProtocolError,
    Refused,
    Release,
    Renew,
    Renewed,
    Report,
    TokenGiven,
    TokenNeeded,
    TunnelClose,
    TunnelOpen,
    TunnelWindow,
    Usage,
    Welcome,
)
from common.tunnel import Connect, Tunnels

from .assignment import Distribution, Feed
from .failure import UNREACHABLE_SECONDS

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
OPEN_SECONDS = 5.0
GRACE_SECONDS = 0.5


class RefusedError(Exception):
    """The agent does not obey this control plane; `reason` is that of `Refused`."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message)
        self.reason = refused.reason


class Watcher(Protocol):
    """What the control plane does with what a link hears."""

    def heard(self, node: str) -> None: ...

    def lost(self, node: str) -> bool:
        """Whether the failure detector has given the node up."""
        ...

    async def welcome(self, node: str, welcome: Welcome, sent: datetime, received: datetime) -> None: ...

    def turn(self) -> AbstractAsyncContextManager[object]:
        """To be held while a report is read and stored: few at once, however many nodes have something to tell."""
        ...

    async def report(self, node: str, report: Report) -> None:
        """Store it; ApiError when the API cannot."""
        ...

    def usage(self, node: str, usage: Usage) -> None: ...

    def applied(self, node: str) -> None: ...

    async def sign(self, node: str, request: str) -> str:
        """A certificate for the node's own signing request; PkiError when it is broken."""
        ...

    async def token(self, node: str, needed: TokenNeeded) -> TokenGiven:
        """A token for a pod of the node; ApiError when the API cannot."""
        ...

    def released(self, node: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to dial (HOST:PORT) and as whom."""

    node: str
    address: str
    context: ssl.SSLContext
    opening: Open


class Link:
    def __init__(self, watcher: Watcher, distribution: Distribution, clock: Clock, api: Connect) -> None:
        self._watcher = watcher
        self._distribution = distribution
        self._clock = clock
        self._api = api
        self._tasks = Tasks("link")
        self._wake = asyncio.Event()
        self._report: str | bytes = b""  # not stored yet, as it came: decoded it takes several times as much
        self._reported = asyncio.Event()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._outbox: Outbox | None = None
        self._inbox = Inbox()
        self._tunnels: Tunnels | None = None
        self._feed: Feed | None = None
        self._heard = 0.0
        self._broken: Exception | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._node = ""
        self.greeted = False
        self.finished = asyncio.Event()

    async def run(self, client: aiohttp.ClientSession, target: Target) -> None:
        """Connect and serve until the connection ends. Raises RefusedError, ProtocolError, and what aiohttp raises."""
        self._node = target.node
        timeout = aiohttp.ClientWSTimeout(ws_close=1.0)
        async with asyncio.timeout(CONNECT_SECONDS):
            self._socket = await client.ws_connect(
                f"https://{target.address}/session",
                ssl=target.context,
                server_hostname=target.node,
                max_msg_size=MAX_MESSAGE_BYTES,
                timeout=timeout,
                compress=0,
            )
        self._outbox = Outbox(self._socket.send_str, self._socket.send_bytes)
        try:
            await self._greet(self._socket, target.opening)
            await self._serve(self._socket)
        finally:
            self.finished.set()
            await self._socket.close()

    async def send(self, message: Message) -> None:
        """ConnectionError when the connection is gone."""
        if self._outbox is None:
            raise ConnectionError("not connected")
        await self._outbox.send(message)

    async def leave(self) -> None:
        """Tell the agent that its node was removed; it closes the connection."""
        await self.send(Leave())

    async def _greet(self, socket: aiohttp.ClientWebSocketResponse, opening: Open) -> None:
        sent = self._clock.now()
        await self.send(opening)
        frame = await socket.receive(OPEN_SECONDS)
        if frame.type is not aiohttp.WSMsgType.TEXT:
            raise ProtocolError("the agent closed the session instead of answering")
        answer = session.decode(frame.data)
        if isinstance(answer, Refused):
            raise RefusedError(answer)
        if not isinstance(answer, Welcome):
            raise ProtocolError(f"the agent answered with {type(answer).__name__}")
        self.greeted = True
        self._heard = self._clock.monotonic()
        self._watcher.heard(self._node)
        await self._watcher.welcome(self._node, answer, sent, self._clock.now())

    async def _serve(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._tunnels = Tunnels(self.send, socket.send_bytes)
        self._feed = self._distribution.open(self._node, self._wake.set)
        self._wake.set()
        receiver = self._tasks.start("receive", self._receive(socket))
        for work in (self._beat, self._store, self._tell):
            self._tasks.start(work.__name__.strip("_"), self._while_connected(work, receiver))
        self._tasks.start("silence", self._watch_silence(receiver))
        try:
            await asyncio.wait({receiver})
            if self._broken is not None:
                raise self._broken
        finally:
            self._distribution.close(self._feed)
            await self._tunnels.close()
            await self._tasks.close()

    async def _while_connected(self, work: Callable[[], Awaitable[None]], receiver: asyncio.Task[None]) -> None:
        try:
            await work()
        except ConnectionError:
            log.debug("the connection to node %s is gone", self._node)  # the receiver sees it too and ends the link
        except Exception as error:
            # Without it the node would be told nothing more, or heard no more, and still be taken for well.
            self._broken = error
            receiver.cancel()
            raise

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for frame in socket:
                self._heard = self._clock.monotonic()
                if self._watcher.lost(self._node):
                    # Its states were overwritten when it was given up; on a new connection it says all of them again.
                    log.info("node %s is heard again, its connection is made anew", self._node)
                    return
                self._watcher.heard(self._node)
                await self._take(frame)
        except (ProtocolError, ConnectionError) as error:
            self._broken = error

    async def _take(self, frame: aiohttp.WSMessage) -> None:
        if self._tunnels is None or self._feed is None:
            return
        text: str | bytes | None = frame.data
        if frame.type is aiohttp.WSMsgType.BINARY:
            if not is_piece(frame.data):
                self._tunnels.data(frame.data)
                return
            text = self._inbox.take(frame.data)
        elif frame.type is not aiohttp.WSMsgType.TEXT:
            raise ProtocolError(f"the connection broke: {frame.data}")
        if text is None:
            return
        message = session.decode(text)
        if isinstance(message, Report):
            self._keep(text)
        else:
            await self._handle(message, self._tunnels, self._feed)

    def _keep(self, report: str | bytes) -> None:
        if self._report:
            raise ProtocolError("a report came before the one before it was acknowledged")
        self._report = report
        self._reported.set()

    async def _handle(self, message: Message, tunnels: Tunnels, feed: Feed) -> None:
        match message:
            case Heartbeat():
                pass
            case Usage():
                self._watcher.usage(self._node, message)
            case Applied():
                feed.applied(message.generation)
                self._watcher.applied(self._node)
            case Renew():
                if self._renewing is None or self._renewing.done():
                    self._renewing = self._tasks.start("renew", self._renew(message.request))
            case TokenNeeded():
                self._tasks.start("token", self._give_token(message))
            case TunnelOpen():
                tunnels.open(message.stream, self._api)
            case TunnelWindow():
                tunnels.window(message.stream, message.count)
            case TunnelClose():
                tunnels.closed(message.stream)
            case _:
                raise ProtocolError(f"{type(message).__name__} is not for a control plane")

    async def _renew(self, request: str) -> None:
        try:
            await self.send(Renewed(await self._watcher.sign(self._node, request)))
        except (PkiError, ApiError, OSError) as error:
            log.warning("the certificate of node %s is not renewed, its agent will ask again: %s", self._node, error)

    async def _give_token(self, needed: TokenNeeded) -> None:
        try:
            given = await self._watcher.token(self._node, needed)
        except ApiError as error:
            given = TokenGiven(needed.pod, needed.audience, needed.seconds, error=error.message)
        try:
            await self.send(given)
        except ConnectionError:
            log.debug("node %s is gone, it will ask for its token again", self._node)

    async def _beat(self) -> None:
        count = 0
        while True:
            count += 1
            await self.send(Heartbeat(count))
            await self._clock.sleep(HEARTBEAT_SECONDS)

    async def _store(self) -> None:
        while True:
            await self._reported.wait()
            self._reported.clear()
            while (stored := await self._stored(self._report)) is None:
                await self._clock.sleep(1.0)
            self._report = b""
            await self.send(Ack(stored))

    async def _stored(self, text: str | bytes) -> int | None:
        """The number of the report, None when it could not be stored."""
        async with self._watcher.turn():
            report = session.decode(text)
            if not isinstance(report, Report):
                raise TypeError(f"{type(report).__name__} waits for its turn as a report")
            try:
                await self._watcher.report(self._node, report)
            except (ApiError, OSError) as error:
                log.warning("a report of node %s cannot be stored, will try again: %s", self._node, error)
                return None
            return report.seq

    async def _tell(self) -> None:
        released = self._watcher.released(self._node)
        while self._feed is not None:
            await self._wake.wait()
            await self._clock.sleep(self._distribution.pace)
            self._wake.clear()
            sync = self._feed.take()
            if sync is not None and self._outbox is not None:
                await self._outbox.send_encoded(session.encode_sync(sync, self._distribution.encoded))
            if released:
                await self.send(Release(released))
                released = []

    async def _watch_silence(self, receiver: asyncio.Task[None]) -> None:
        while True:
            before = self._heard
            await self._clock.sleep(UNREACHABLE_SECONDS)
            # If we were too busy to read, what the agent said meanwhile is read now.
            await self._clock.sleep(GRACE_SECONDS)
            # A host that answers has a slow agent: a new connection would cost it more than the old one.
            if self._heard == before and self._watcher.lost(self._node):
                break
        log.info("node %s is silent, its connection is given up", self._node)
        receiver.cancel()


def clock_difference(told: str, sent: datetime, received: datetime) -> float:
    """Seconds that the agent's clock is ahead of ours at least; 0 when the round trip may explain the difference."""
    try:
        theirs = parse_time(told)
    except ValueError:
        return 0.0
    if theirs > received:
        return (theirs - received).total_seconds()
    return min((theirs - sent).total_seconds(), 0.0)
