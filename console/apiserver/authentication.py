"""Who is at the other end of a connection: the owner of the socket, whoever holds a certificate of the cluster that was
not revoked, or a token of a ServiceAccount. Who shows none of these is nobody, and may do what is granted to nobody."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import ssl
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

from aiohttp import web

from common.clock import Clock
from common.errors import Forbidden, Unauthorized
from common.pki import ADMINISTRATOR, MASTERS
from common.tls import Validity, peer_subject, peer_validity

from .audit.trail import Trail
from .caller import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, Caller
from .identity.accounts import Identified, ServiceAccountTokens

CREDENTIAL = "authentication.kubernetes.io/credential-id"
REFUSED = "quarterdeck.io/refused"
"""The annotation of the audit log that says what was wrong with a token."""
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid
_BEARER = "bearer "
_KEPT = 1024  # callers by their tokens, before memory is worth more than time


class Shown(NamedTuple):
    """What a request shows of who it comes from. `token` is empty when none counts."""

    transport: asyncio.Transport
    user_agent: str
    token: str


def shown(http: web.BaseRequest) -> Shown:
    """Raises Unauthorized when the connection is gone. A certificate counts before a token, a token before the owner of
    the socket."""
    transport = http.transport
    if transport is None:
        raise Unauthorized("the connection is closed")
    token = _bearer(http.headers.get("Authorization", ""))
    if token and not is_local(transport) and transport.get_extra_info("peercert"):
        token = ""
    return Shown(transport, http.headers.get("User-Agent", ""), token)


class _Known(NamedTuple):
    """Whose a connection is; `certificate` is what was shown to say so, None for anybody else."""

    user_agent: str
    caller: Caller
    certificate: Validity | None


class Authenticator:
    """Remembers who a connection belongs to for as long as it lasts: a connection never changes hands. A certificate
    that ends or is revoked meanwhile counts no longer, as with Kubernetes, which looks at it with each request.
    `revoked` knows certificates by their serial number. A token counts for the one request that shows it."""

    def __init__(self, revoked: Callable[[int], bool], tokens: ServiceAccountTokens, clock: Clock) -> None:
        self._revoked = revoked
        self._tokens = tokens
        self._clock = clock
        self._known: WeakKeyDictionary[asyncio.BaseTransport, _Known] = WeakKeyDictionary()

    def authenticate(self, credential: Shown, trail: Trail) -> Caller:
        """The caller, who leaves that trail. Raises Unauthorized when what was shown is no good, Forbidden for another
        user of this machine."""
        caller = self.identify(credential, trail).leaving(trail)
        trail.user = caller.info
        return caller

    def identify(self, credential: Shown, trail: Trail) -> Caller:
        """The same one, about whom nothing is taken down yet but what is wrong with a token."""
        transport, user_agent, token = credential
        if token:
            return self._of_token(token, user_agent, trail)
        known = self._known.get(transport)
        if known is None or known.user_agent != user_agent:
            known = self._known[transport] = _identify(transport, user_agent)
        if known.certificate is not None and not self._is_good(known.certificate):
            raise Unauthorized("Unauthorized")
        return known.caller

    def _is_good(self, certificate: Validity) -> bool:
        return self._clock.now().timestamp() <= certificate.ends and not self._revoked(certificate.serial)

    def _of_token(self, token: str, user_agent: str, trail: Trail) -> Caller:
        try:
            found = self._tokens.authenticate(token)
        except Unauthorized as error:
            # The reason helps who runs the cluster, and must not help who tries tokens.
            trail.annotations[REFUSED] = error.message
            raise Unauthorized("Unauthorized") from None
        return token_caller(found, f"token {user_agent}")


@lru_cache(maxsize=_KEPT)
def token_caller(found: Identified, source: str) -> Caller:
    return Caller(found.user, found.groups, source, found.uid, found.extra)


def _identify(transport: asyncio.BaseTransport, user_agent: str) -> _Known:
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family == socket.AF_UNIX:
        return _Known(user_agent, _of_socket(connection, user_agent), None)
    certificate = transport.get_extra_info("peercert")
    if not certificate:
        return _Known(user_agent, Caller(ANONYMOUS, frozenset({UNAUTHENTICATED}), f"tls {user_agent}"), None)
    name, organizations, _ = peer_subject(certificate)
    if not name:
        raise Unauthorized("Unauthorized")
    credential = _certificate_id(transport.get_extra_info("ssl_object"))
    caller = Caller(name, organizations | {AUTHENTICATED}, f"tls {user_agent}", extra=credential)
    return _Known(user_agent, caller, peer_validity(certificate))


def is_local(transport: asyncio.BaseTransport | None) -> bool:
    """Whether the connection is a Unix socket: bytes cost nothing there."""
    connection = transport.get_extra_info("socket") if transport is not None else None
    return connection is not None and connection.family == socket.AF_UNIX


def _bearer(header: str) -> str:
    """The token of an Authorization header; empty when it has none."""
    return header[len(_BEARER) :].strip() if header[: len(_BEARER)].lower() == _BEARER else ""


def _certificate_id(connection: ssl.SSLObject | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    certificate = connection.getpeercert(binary_form=True) if connection is not None else None
    if not certificate:
        return ()
    return ((CREDENTIAL, (f"X509SHA256={hashlib.sha256(certificate).hexdigest()}",)),)


def _of_socket(connection: socket.socket, user_agent: str) -> Caller:
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _pid, uid, _gid = _CREDENTIALS.unpack(data)
    owner = os.getuid()
    if uid not in {owner, 0}:
        raise Forbidden(
            f"this socket answers the user who runs the control plane (uid {owner}) and root, not uid {uid}"
        )
    return Caller(ADMINISTRATOR, frozenset({MASTERS, AUTHENTICATED}), f"socket {user_agent}")
