"""TLS contexts and the reasons why a handshake failed, for people.

Inside a cluster of ours TLS 1.3 only, and peers are known by its authority, never by the system's. A server takes
connections without a client certificate too (pairing, kubectl with a wrong configuration get an answer instead of a cut
connection); what such a caller may do is the server's business.
"""

from __future__ import annotations

import ssl
import tempfile
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import aiohttp

if TYPE_CHECKING:
    from .pki import Identity

_EXPIRED, _NOT_YET_VALID, _WRONG_NAME = 10, 9, (62, 64)  # X509_V_ERR_… of OpenSSL
_ALERTS = {
    "CERTIFICATE_EXPIRED": "the other side says that our certificate has expired: check both clocks, or adopt it again",
    "UNKNOWN_CA": "the other side does not know our cluster's authority: it belongs to another cluster or to none",
    "BAD_CERTIFICATE": "the other side refused our certificate: its clock may be wrong, or it is of another cluster",
    "CERTIFICATE_UNKNOWN": "the other side refused our certificate: it is of another cluster",
    "CERTIFICATE_REQUIRED": "the other side wants a certificate of its cluster",
    "PROTOCOL_VERSION": "the other side does not speak TLS 1.3",
}


def server_context(identity: Identity, authority_pem: bytes | None) -> ssl.SSLContext:
    """Shows `identity`; checks the certificate of a client that shows one. Without authority any such fails."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _prepare(context, identity, authority_pem)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.num_tickets = 0  # a resumed session would carry a certificate that was checked under older rules
    return context


@lru_cache(maxsize=8)
def client_context(identity: Identity | None, authority_pem: bytes) -> ssl.SSLContext:
    """Trusts servers of the authority that bear the name asked for; shows `identity` when there is one.

    Callers with the same identity share one: making it reads keys through a file, which costs more than a handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _prepare(context, identity, authority_pem)
    return context


def foreign_context(identity: Identity | None, authority_pem: bytes | None, *, verify: bool) -> ssl.SSLContext:
    """For the API of somebody else's cluster, as its kubeconfig says: without an authority the system's count; what
    stands before such an API may speak TLS 1.2 alone."""
    context = ssl.create_default_context() if authority_pem is None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _prepare(context, identity, authority_pem)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def unverified_client_context() -> ssl.SSLContext:
    """For an agent that no cluster has adopted: the caller compares its fingerprint, as pairing does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _prepare(context: ssl.SSLContext, identity: Identity | None, authority_pem: bytes | None) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if authority_pem:
        try:
            context.load_verify_locations(cadata=authority_pem.decode("ascii"))
        except (ssl.SSLError, ValueError) as error:
            from .pki import PkiError  # with all that it loads, which clients without TLS do not need

            raise PkiError(f"the authority's certificate cannot be used: {error}") from error
    if identity is not None:
        show(context, identity)


def show(context: ssl.SSLContext, identity: Identity) -> None:
    """Show this identity from the next handshake on, also of a server that runs already."""
    # The ssl module takes keys only from a file; this one is private to us and gone at once.
    with tempfile.NamedTemporaryFile(prefix="quarterdeck-") as file:
        file.write(identity.certificate_pem + identity.key_pem)
        file.flush()
        context.load_cert_chain(file.name)


def explain(error: BaseException) -> str:
    """Why a TLS connection failed, and what to do. Any exception gives a text."""
    found = _find(error)
    if isinstance(found, ssl.SSLCertVerificationError):
        return _explain_verification(found)
    if isinstance(found, ssl.SSLError):
        text = str(found).upper().replace(" ", "_")
        reason = next((message for word, message in _ALERTS.items() if word in text), "")
        return reason or f"the TLS handshake failed: {found.reason or found}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        # With TLS 1.3 a server refuses a certificate after the client thinks that the handshake is over.
        return "the other side closed the connection: it may belong to another cluster, or one of the clocks is wrong"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or str(error.os_error)  # without the address of an object in memory
    return str(error) or type(error).__name__


def _explain_verification(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return "the certificate of the other side has expired: check both clocks, or adopt it again"
    if error.verify_code == _NOT_YET_VALID:
        return "the certificate of the other side is not valid yet: check both clocks"
    if error.verify_code in _WRONG_NAME:
        return f"the other side is somebody else: {error.verify_message}"
    return "the certificate of the other side is not of this cluster: it belongs to another cluster or to none"


def _find(error: BaseException) -> BaseException | None:
    """The ssl module's error in a chain of causes. aiohttp wraps it in one that is an SSLError too, but knows less."""
    current: BaseException | None = error
    while current is not None:
        inner = getattr(current, "certificate_error", None)
        if isinstance(inner, ssl.SSLError):
            return inner
        if isinstance(current, ssl.SSLError) and not isinstance(current, aiohttp.ClientError):
            return current
        current = current.__cause__ or current.__context__
    return None


def peer_subject(peer: object) -> tuple[str, frozenset[str], int]:
    """Common name, organizations and serial of the verified certificate of `SSLObject.getpeercert()`; ("", {}, 0)
    when the peer showed none."""
    if not isinstance(peer, dict) or not peer:
        return "", frozenset(), 0
    common, organizations = "", set()
    for part in peer.get("subject", ()):
        for key, value in part:
            if key == "commonName":
                common = value
            elif key == "organizationName":
                organizations.add(value)
    return common, frozenset(organizations), int(peer.get("serialNumber", "0"), 16)


class Validity(NamedTuple):
    """Of a certificate: its serial number, and the second since 1970 with which it ends."""

    serial: int
    ends: float


def peer_validity(peer: dict[str, str]) -> Validity:
    """Of the verified certificate that `SSLObject.getpeercert()` gives."""
    return Validity(int(peer["serialNumber"], 16), ssl.cert_time_to_seconds(peer["notAfter"]))
