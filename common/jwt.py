"""JSON Web Tokens (RFC 7519) in compact form, signed with ES256, and the key set that lets others verify them.

The control plane signs what it says of a ServiceAccount with its own key and believes nobody else's signature: a token
names no algorithm that we would follow, and one of another key is refused before its claims are read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from functools import cached_property
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from .api.meta import Object

ALGORITHM = "ES256"
MAX_LENGTH = 16 * 1024  # characters; ours have about 1,000
_HALF = 32  # bytes of each of the two numbers of a P-256 signature


class TokenError(Exception):
    """A text that is no token of this key; the message never repeats it."""


class SigningKey:
    """A P-256 key that signs tokens and verifies its own."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._public = key.public_key()
        self._header = _encode(orjson.dumps({"alg": ALGORITHM, "kid": self.key_id}))

    @cached_property
    def key_id(self) -> str:
        """As Kubernetes: the SHA-256 of the public key's DER form, so that it names the key for good."""
        der = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return _encode(hashlib.sha256(der).digest())

    def sign(self, claims: Object) -> str:
        signed = f"{self._header}.{_encode(orjson.dumps(claims))}"
        first, second = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encode(first.to_bytes(_HALF, 'big') + second.to_bytes(_HALF, 'big'))}"

    def verify(self, token: str) -> Object:
        """The claims of a token that this key has signed; TokenError for any other text. Times are not looked at."""
        parts = token.split(".")
        if len(parts) != 3 or len(token) > MAX_LENGTH:
            raise TokenError("it is no signed token")
        header, claims = _object(parts[0]), parts[1]
        if header.get("alg") != ALGORITHM or header.get("kid") != self.key_id:
            raise TokenError("it was signed with another key")
        signature = _decode(parts[2])
        if len(signature) != 2 * _HALF:
            raise TokenError("its signature is broken")
        first, second = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
        try:
            self._public.verify(
                encode_dss_signature(first, second), f"{parts[0]}.{claims}".encode(), ec.ECDSA(hashes.SHA256())
            )
        except InvalidSignature:
            raise TokenError("its signature does not fit") from None
        return _object(claims)

    def key_set(self) -> Object:
        """A JSON Web Key Set (RFC 7517) with the public key."""
        numbers = self._public.public_numbers()
        point = {name: _encode(value.to_bytes(_HALF, "big")) for name, value in (("x", numbers.x), ("y", numbers.y))}
        return {"keys": [{"use": "sig", "kty": "EC", "kid": self.key_id, "crv": "P-256", "alg": ALGORITHM, **point}]}


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        # Strictly: of several spellings of one signature only the one that was issued is a token.
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenError("it is no signed token") from None
    if _encode(data) != text:
        raise TokenError("it is no signed token")
    return data


def _object(text: str) -> Object:
    try:
        found: Any = orjson.loads(_decode(text))
    except orjson.JSONDecodeError:
        raise TokenError("it is no signed token") from None
    if not isinstance(found, dict):
        raise TokenError("it is no signed token")
    return found
