"""TLS Secrets: chain and key of a certificate, checked before anybody is to serve with them.

The control plane tells users of a Secret that cannot be used; nodes go on with the last good one.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from .api.meta import Object


class CertificateError(ValueError):
    """A TLS Secret cannot be used; the message says why and holds nothing secret."""


def pem_of(secret: Object) -> bytes:
    """Chain and key of a `kubernetes.io/tls` Secret as one file. Raises CertificateError."""
    key = _data(secret, "tls.key")
    certificates = _chain(secret)
    try:
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError):
        raise CertificateError("tls.key holds no private key without a password") from None
    if _public(private.public_key()) != _public(certificates[0].public_key()):
        raise CertificateError("tls.key is not the key of the first certificate in tls.crt")
    # Written anew: blank lines and texts between the blocks would end a transfer to HAProxy too early.
    parts = [certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates]
    parts.append(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return b"".join(parts)


def not_after(secret: Object) -> datetime:
    """Until when the first certificate of a TLS Secret is valid. Raises CertificateError."""
    return _chain(secret)[0].not_valid_after_utc


def _chain(secret: Object) -> list[x509.Certificate]:
    pem = _data(secret, "tls.crt")
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise CertificateError("tls.crt holds no certificate in PEM form") from None


def _public(key: object) -> bytes:
    if not hasattr(key, "public_bytes"):
        raise CertificateError("the key is of a kind that cannot be used for TLS")
    data: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return data


def _data(secret: Object, name: str) -> bytes:
    text = (secret.get("data") or {}).get(name)
    if not text:
        raise CertificateError(f"it has no {name}")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise CertificateError(f"{name} is not base64") from None
