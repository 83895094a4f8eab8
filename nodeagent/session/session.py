"""Who may command this agent: the WebSocket `/session` that the control plane opens.

One session at a time: a newer one of an admitted control plane takes the place of the old one, whose connection may be
half open. The agent obeys an epoch only after it is on disk, so that a fenced console stays out after a crash.
"""

from __future__ import annotations

import asyncio
import logging

from aiohttp import WSMsgType, web

from common import session
from common.session import MAX_MESSAGE_BYTES, Open, ProtocolError, Refused

from .connection import SILENCE_SECONDS, Connection, Parts
from .credentials import Epoch, Membership

log = logging.getLogger(__name__)
OPEN_SECONDS = 10.0  # for the first message


def refusal(opening: Open, membership: Membership | None, epoch: Epoch) -> Refused | None:
    """Why this control plane may not command this agent; None when it may."""
    if opening.version != session.PROTOCOL_VERSION:
        return Refused(
            "wrong-version",
            f"the control plane speaks version {opening.version} of the session protocol, this agent version "
            f"{session.PROTOCOL_VERSION}: install the same Quarterdeck version on both",
        )
    if membership is None or opening.cluster != membership.cluster or opening.node != membership.node:
        belongs = f"node {membership.node} of cluster {membership.cluster}" if membership else "of no cluster"
        return Refused("wrong-cluster", f"this host is {belongs}, not node {opening.node} of cluster {opening.cluster}")
    if epoch.refuses(opening.epoch, opening.instance):
        return Refused(
            "old-epoch",
            f"another control plane has taken this cluster over (epoch {epoch.counter}, this one has "
            f"{opening.epoch}): stop this one, or start it with --takeover to command the nodes again",
        )
    return None


class Session:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._current: Connection | None = None
        self._admission = asyncio.Lock()
        self._last_heard: float | None = None
        parts.assignment.listen_applied(self._applied)

    @property
    def silence(self) -> float:
        """Seconds since a control plane was last heard; infinite when none was since the agent started."""
        heard = self._current.last_heard if self._current is not None else self._last_heard
        return float("inf") if heard is None else self._parts.clock.monotonic() - heard

    @property
    def connected(self) -> bool:
        """Whether a control plane commands this agent at the moment."""
        return self._current is not None and self.silence < SILENCE_SECONDS

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`WS /session`."""
        socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, compress=False, timeout=2.0)
        await socket.prepare(request)
        opening = await self._first_message(socket)
        if opening is None:
            await socket.close(code=1002, message=b"the first message must be Open")
            return socket
        connection = Connection(self._parts, socket)
        if (refused := await self._admit(opening, connection)) is not None:
            log.warning("refused a control plane: %s", refused.message)
            await socket.send_str(session.encode(refused))
            await socket.close()
            return socket
        try:
            await connection.run()
        except ConnectionError as error:
            log.debug("the session's connection is gone: %s", error)
        finally:
            self._last_heard = connection.last_heard
            if self._current is connection:
                self._current = None
        return socket

    async def close(self) -> None:
        if self._current is not None:
            await self._current.stop("the agent is stopping")

    async def _first_message(self, socket: web.WebSocketResponse) -> Open | None:
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                first = await socket.receive()
            message = session.decode(first.data) if first.type is WSMsgType.TEXT else None
        except (TimeoutError, ProtocolError) as error:
            log.warning("a session was opened without a proper first message: %s", error)
            return None
        return message if isinstance(message, Open) else None

    async def _admit(self, opening: Open, connection: Connection) -> Refused | None:
        # One at a time: of two that open at once the higher epoch must win, whichever comes first.
        async with self._admission:
            credentials = self._parts.credentials
            refused = refusal(opening, credentials.membership, credentials.epoch)
            if refused is not None:
                return refused
            await credentials.raise_epoch(Epoch(opening.epoch, opening.instance))
            if self._current is not None:
                await self._current.stop("a newer session takes its place")
            self._current = connection
            self._parts.assignment.join(opening.cluster, opening.node, opening.config)
            return None

    def _applied(self, version: int) -> None:
        if self._current is not None:
            self._current.applied(version)
