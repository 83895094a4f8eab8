"""JSON Web Tokens (RFC 7519) in compact form, and the key set that lets others verify them.

The control plane signs what it says of a ServiceAccount with its own key and believes nobody else's signature: a token
names no algorithm that we would follow, and one of another key is refused before its claims are read. As in Kubernetes
the kind of the key decides the algorithm. New keys are RSA: RS256 is what every OpenID Connect verifier knows, and many
take nothing else unless told so.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from functools import cached_property
from typing import Any, Protocol

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from .api.meta import Object

MAX_LENGTH = 16 * 1024  # characters; ours have about 1,300
_RSA_BITS = 2048
_HALF = 32  # bytes of each of the two numbers of a P-256 signature


class TokenError(Exception):
    """A text that is no token of this key; the message never repeats it."""


class _Scheme(Protocol):
    """A private key and the one way in which it signs. `verify` raises InvalidSignature."""

    algorithm: str

    def sign(self, data: bytes) -> bytes: ...

    def verify(self, signature: bytes, data: bytes) -> None: ...

    def public(self) -> Object:
        """What a JSON Web Key (RFC 7518) says of the public key."""
        ...


class _Elliptic:
    algorithm = "ES256"

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._public = key.public_key()

    def sign(self, data: bytes) -> bytes:
        first, second = decode_dss_signature(self._key.sign(data, ec.ECDSA(hashes.SHA256())))
        return first.to_bytes(_HALF, "big") + second.to_bytes(_HALF, "big")

    def verify(self, signature: bytes, data: bytes) -> None:
        if len(signature) != 2 * _HALF:
            raise InvalidSignature
        first, second = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
        self._public.verify(encode_dss_signature(first, second), data, ec.ECDSA(hashes.SHA256()))

    def public(self) -> Object:
        numbers = self._public.public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": _number(numbers.x, _HALF), "y": _number(numbers.y, _HALF)}


class _Rsa:
    algorithm = "RS256"

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        self._public = key.public_key()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def verify(self, signature: bytes, data: bytes) -> None:
        self._public.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())

    def public(self) -> Object:
        numbers = self._public.public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}


class SigningKey:
    """A key that signs tokens and verifies its own: RSA, or of the curve P-256."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
        self._key = key
        self._scheme: _Scheme = _Rsa(key) if isinstance(key, rsa.RSAPrivateKey) else _Elliptic(key)
        self._header = _encode(orjson.dumps({"alg": self.algorithm, "kid": self.key_id}))

    @classmethod
    def generate(cls) -> SigningKey:
        return cls(rsa.generate_private_key(65537, _RSA_BITS))

    @classmethod
    def load(cls, pem: bytes) -> SigningKey:
        """Raises ValueError for what is no private key, or none of a kind that signs tokens."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (TypeError, UnsupportedAlgorithm) as error:
            raise ValueError("not a PEM private key that can be used without a passphrase") from error
        if isinstance(key, rsa.RSAPrivateKey):
            return cls(key)
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return cls(key)
        raise ValueError("the private key is neither RSA nor of the curve P-256")

    def to_pem(self) -> bytes:
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def algorithm(self) -> str:
        return self._scheme.algorithm

    @cached_property
    def key_id(self) -> str:
        """As Kubernetes: the SHA-256 of the public key's DER form, so that it names the key for good."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        der = self._key.public_key().public_bytes(serialization.Encoding.DER, form)
        return _encode(hashlib.sha256(der).digest())

    def sign(self, claims: Object) -> str:
        signed = f"{self._header}.{_encode(orjson.dumps(claims))}"
        return f"{signed}.{_encode(self._scheme.sign(signed.encode()))}"

    def verify(self, token: str) -> Object:
        """The claims of a token that this key has signed; TokenError for any other text. Times are not looked at."""
        parts = token.split(".")
        if len(parts) != 3 or len(token) > MAX_LENGTH:
            raise TokenError("it is no signed token")
        header, claims = _object(parts[0]), parts[1]
        if header.get("alg") != self.algorithm or header.get("kid") != self.key_id:
            raise TokenError("it was signed with another key")
        try:
            self._scheme.verify(_decode(parts[2]), f"{parts[0]}.{claims}".encode())
        except InvalidSignature:
            raise TokenError("its signature does not fit") from None
        return _object(claims)

    def key_set(self) -> Object:
        """A JSON Web Key Set (RFC 7517) with the public key."""
        return {"keys": [{"use": "sig", "kid": self.key_id, "alg": self.algorithm, **self._scheme.public()}]}


def _number(value: int, size: int = 0) -> str:
    """A number as JSON Web Keys spell it, in as many bytes as it takes or in `size`."""
    return _encode(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


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
