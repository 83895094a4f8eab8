"""TLS Secrets as files for HAProxy: only what loads, the last good one in the place of what does not.

A certificate that HAProxy refuses would keep the whole configuration from being used. So each is parsed here, and its
key must fit; one that fails is left out, or stays as it was when it was good before. Hosts without any get a
self-signed one, so that a handshake always succeeds and the browser tells the user what is wrong.
"""

from __future__ import annotations

import datetime
import hashlib
import logging
from collections.abc import Iterable, Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from common.api.ingressroutes import Certificate
from common.api.meta import Key, Object
from common.tlssecret import CertificateError, pem_of

log = logging.getLogger(__name__)
DEFAULT_FILE = "default.pem"
Names = tuple[tuple[str, tuple[str, ...]], ...]


def self_signed(now: datetime.datetime) -> bytes:
    """Chain and key of the certificate for hosts that have none of their own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Quarterdeck default certificate")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("default.quarterdeck.invalid")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return built.public_bytes(serialization.Encoding.PEM) + secret


class Keyring:
    """Remembers the last good file of each Secret, and what it was made of, so that a sync parses only what changed."""

    def __init__(self, default: bytes, files: Mapping[str, bytes]) -> None:
        """`files` are those of an agent before this one: what was good then is good now."""
        self._default = default
        self._files = files
        self._good: dict[Key, bytes] = {}
        self._made_of: dict[Key, Object] = {}

    def select(self, wanted: Iterable[Certificate], secrets: Mapping[Key, Object]) -> tuple[dict[str, bytes], Names]:
        """Files by name, and for which host names each is, the default one first."""
        hosts: dict[Key, set[str]] = {}
        for certificate in wanted:
            hosts.setdefault(certificate.secret, set()).update(certificate.hosts)
        self._forget(hosts.keys())
        for key in hosts:
            if key not in self._good and file_of(key) in self._files:
                self._good[key] = self._files[file_of(key)]
            if key in secrets:
                self._learn(key, secrets[key])
        files = {DEFAULT_FILE: self._default} | {file_of(key): self._good[key] for key in hosts if key in self._good}
        names = [(file_of(key), tuple(sorted(found))) for key, found in sorted(hosts.items()) if key in self._good]
        return files, ((DEFAULT_FILE, ()), *names)

    def _learn(self, key: Key, secret: Object) -> None:
        if self._made_of.get(key) is secret:
            return
        self._made_of[key] = secret
        try:
            self._good[key] = pem_of(secret)
        except CertificateError as error:
            kept = "the last good one stays in use" if key in self._good else "the default certificate is used"
            log.warning("the TLS Secret %s cannot be used, %s: %s", key, kept, error)

    def _forget(self, wanted: Iterable[Key]) -> None:
        for key in self._good.keys() - set(wanted):
            del self._good[key]
            self._made_of.pop(key, None)


def file_of(key: Key) -> str:
    """A name of safe characters that no other Secret has."""
    return f"{hashlib.sha256(str(key).encode()).hexdigest()[:16]}.pem"
