"""What Kubernetes warns of in TLS Secrets that nobody could serve with, though it accepts them; in Go's words."""

from __future__ import annotations

import base64
import binascii
import re

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from common.api.meta import Object

TLS = "kubernetes.io/tls"
_BLOCK = re.compile(rb"-----BEGIN ([^\n]*?)-----\r?\n.*?-----END \1-----", re.DOTALL)
_KEY = "PRIVATE KEY"


class _Unusable(Exception):
    """Why the pair cannot be used."""


def secret_warnings(secret: Object) -> list[str]:
    if secret.get("type") != TLS:
        return []
    data = secret.get("data") or {}
    try:
        _check(_decoded(data.get("tls.crt")), _decoded(data.get("tls.key")))
    except _Unusable as error:
        return [str(error)]
    return []


def _decoded(text: str | None) -> bytes:
    try:
        return base64.b64decode(text or "")
    except binascii.Error:
        return b""  # which the Secret itself is refused for


def _check(chain: bytes, key: bytes) -> None:
    certificate = _certificate(chain)
    private = _private(key)
    try:
        public = x509.load_pem_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise _Unusable("x509: malformed certificate") from None
    if type(public) is not type(private.public_key()):
        raise _Unusable("tls: private key type does not match public key type")
    if _bytes(public) != _bytes(private.public_key()):
        raise _Unusable("tls: private key does not match public key")


def _certificate(pem: bytes) -> bytes:
    """The first one."""
    others = []
    for found in _BLOCK.finditer(pem):
        kind = found[1].decode(errors="replace")
        if kind == "CERTIFICATE":
            return found[0]
        others.append(kind)
    if not others:
        raise _Unusable("tls: failed to find any PEM data in certificate input")
    if len(others) == 1 and others[0].endswith(_KEY):
        why = "but did find a private key; PEM inputs may have been switched"
        raise _Unusable(f"tls: failed to find certificate PEM data in certificate input, {why}")
    skipped = f"after skipping PEM blocks of the following types: [{' '.join(others)}]"
    raise _Unusable(f'tls: failed to find "CERTIFICATE" PEM block in certificate input {skipped}')


def _private(pem: bytes) -> PrivateKeyTypes:
    others = []
    for found in _BLOCK.finditer(pem):
        kind = found[1].decode(errors="replace")
        if kind == _KEY or kind.endswith(f" {_KEY}"):
            try:
                return serialization.load_pem_private_key(found[0], None)
            except (ValueError, TypeError, UnsupportedAlgorithm):
                raise _Unusable("tls: failed to parse private key") from None
        others.append(kind)
    if not others:
        raise _Unusable("tls: failed to find any PEM data in key input")
    if others == ["CERTIFICATE"]:
        raise _Unusable("tls: found a certificate rather than a key in the PEM for the private key")
    skipped = f"after skipping PEM blocks of the following types: [{' '.join(others)}]"
    raise _Unusable(f'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input {skipped}')


def _bytes(key: object) -> bytes:
    found: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return found
