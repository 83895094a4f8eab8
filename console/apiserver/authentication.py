"""Who is at the other end of a connection: the owner of the socket, or whoever holds a certificate of the cluster that
was not revoked."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from weakref import WeakKeyDictionary

from common.errors import Forbidden, Unauthorized
from common.pki import ADMINISTRATOR, MASTERS
from common.tls import peer_subject

from .caller import Caller

AUTHENTICATED = "system:authenticated"
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


class Authenticator:
    """Remembers who a connection belongs to for as long as it lasts: a connection never changes hands. `revoked` knows
    certificates by their serial number."""

    def __init__(self, revoked: Callable[[int], bool]) -> None:
        self._revoked = revoked
        self._known: WeakKeyDictionary[asyncio.BaseTransport, tuple[str, Caller]] = WeakKeyDictionary()

    def authenticate(self, transport: asyncio.BaseTransport | None, user_agent: str) -> Caller:
        """Raises Unauthorized when the caller shows nothing, Forbidden for another user of this machine."""
        if transport is None:
            raise Unauthorized("the connection is closed")
        known = self._known.get(transport)
        if known is not None and known[0] == user_agent:
            return known[1]
        caller = self._identify(transport, user_agent)
        self._known[transport] = (user_agent, caller)
        return caller

    def _identify(self, transport: asyncio.BaseTransport, user_agent: str) -> Caller:
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family == socket.AF_UNIX:
            return _of_socket(connection, user_agent)
        name, organizations, serial = peer_subject(transport.get_extra_info("peercert"))
        if not name or self._revoked(serial):
            raise Unauthorized("Unauthorized")
        return Caller(name, organizations | {AUTHENTICATED}, f"tls {user_agent}")


def is_local(transport: asyncio.BaseTransport | None) -> bool:
    """Whether the connection is a Unix socket: bytes cost nothing there."""
    connection = transport.get_extra_info("socket") if transport is not None else None
    return connection is not None and connection.family == socket.AF_UNIX


def _of_socket(connection: socket.socket, user_agent: str) -> Caller:
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _pid, uid, _gid = _CREDENTIALS.unpack(data)
    owner = os.getuid()
    if uid not in {owner, 0}:
        raise Forbidden(
            f"this socket answers the user who runs the control plane (uid {owner}) and root, not uid {uid}"
        )
    return Caller(ADMINISTRATOR, frozenset({MASTERS, AUTHENTICATED}), f"socket {user_agent}")
