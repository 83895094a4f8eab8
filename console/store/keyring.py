"""The keys that values are encrypted with on disk: one file beside the store, whose newest key is in use.

The file has the keys as they are (mode 0600: it protects copies of the store that come without it), or wrapped by a key
that scrypt makes of a passphrase, so that a copy of the whole folder tells nothing either. Older keys stay in it until
no row needs them. It prevents a store that can be read by whoever gets a backup of it, and one that nobody can read
because a key was replaced before its rows were.

Everything here blocks.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from common.files import write_atomic

from .rows import StoreError

ID_BYTES = 8
NONCE_BYTES = 12
_KEY_BYTES = 32
_VERSION = 1
# 64 MiB and about a fifth of a second for each guess; a start pays it once.
_SCRYPT = {"n": 2**16, "r": 8, "p": 1}
HOW_TO_UNLOCK = (
    "give it in a file of mode 0600 that QUARTERDECK_PASSPHRASE_FILE names, in QUARTERDECK_PASSPHRASE, or run "
    "`quarterdeck serve` in a terminal, which asks for it"
)


@dataclass(frozen=True, slots=True)
class Key:
    """`id` names it in every value that it encrypted."""

    id: bytes
    secret: bytes = field(repr=False)
    cipher: AESGCM = field(repr=False, compare=False)

    @classmethod
    def of(cls, ident: bytes, secret: bytes) -> Key:
        return cls(ident, secret, AESGCM(secret))

    @classmethod
    def new(cls) -> Key:
        return cls.of(secrets.token_bytes(ID_BYTES), AESGCM.generate_key(_KEY_BYTES * 8))


@dataclass(frozen=True, slots=True)
class _Wrapping:
    """The passphrase's key, and what of it the file tells."""

    cipher: AESGCM = field(repr=False)
    document: dict[str, Any]

    @classmethod
    def of(cls, passphrase: str, document: dict[str, Any]) -> _Wrapping:
        scrypt = Scrypt(
            base64.b64decode(document["salt"]), _KEY_BYTES, int(document["n"]), int(document["r"]), int(document["p"])
        )
        return cls(AESGCM(scrypt.derive(passphrase.encode())), document)

    @classmethod
    def new(cls, passphrase: str) -> _Wrapping:
        return cls.of(passphrase, {**_SCRYPT, "salt": base64.b64encode(os.urandom(16)).decode()})


class KeyRing:
    """Newest key first. Changes are on disk before they count."""

    def __init__(self, path: Path, keys: list[Key], wrapping: _Wrapping | None) -> None:
        self.path = path
        self._keys = keys
        self._wrapping = wrapping

    @property
    def primary(self) -> Key:
        return self._keys[0]

    @property
    def ids(self) -> list[str]:
        return [key.id.hex() for key in self._keys]

    def find(self, ident: bytes) -> Key | None:
        return next((key for key in self._keys if key.id == ident), None)

    def add(self) -> None:
        """A new key, which from now on encrypts."""
        self._keep([Key.new(), *self._keys])

    def drop_older(self) -> None:
        """Forget all keys but the newest: no row needs them any more."""
        if len(self._keys) > 1:
            self._keep(self._keys[:1])

    def _keep(self, keys: list[Key]) -> None:
        document: dict[str, Any] = {"version": _VERSION}
        if self._wrapping is not None:
            document["scrypt"] = self._wrapping.document
        document["keys"] = [{"id": key.id.hex(), "key": self._shown(key)} for key in keys]
        write_atomic(self.path, orjson.dumps(document, option=orjson.OPT_INDENT_2))
        self._keys = keys

    def _shown(self, key: Key) -> str:
        content = key.secret
        if self._wrapping is not None:
            nonce = os.urandom(NONCE_BYTES)
            content = nonce + self._wrapping.cipher.encrypt(nonce, content, key.id)
        return base64.b64encode(content).decode()


def is_locked(path: Path) -> bool:
    """Whether opening the file takes a passphrase; False when there is none, or it is damaged."""
    try:
        return "scrypt" in orjson.loads(path.read_bytes())
    except (OSError, ValueError, TypeError):
        return False


def open_ring(path: Path, passphrase: str | None, *, may_make: bool) -> KeyRing:
    """The keys of the file, which is made when it is missing and `may_make`. A passphrase for a file that had none
    makes a new key, and wraps all. StoreError says what is wrong with file or passphrase."""
    if not path.exists():
        if not may_make:
            raise StoreError(
                f"the key file {path} is missing, and the store has values that were encrypted with its keys. "
                "Nothing was changed. Put the file back from a copy"
            )
        ring = KeyRing(path, [], _Wrapping.new(passphrase) if passphrase else None)
        _written(ring.add, path)
        return ring
    document = _read(path)
    if "scrypt" not in document:
        ring = KeyRing(path, _keys(document, None, path), _Wrapping.new(passphrase) if passphrase else None)
        if passphrase:
            _written(ring.add, path)
        return ring
    if not passphrase:
        raise StoreError(f"the keys in {path} are locked with a passphrase: {HOW_TO_UNLOCK}")
    try:
        wrapping = _Wrapping.of(passphrase, document["scrypt"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"scrypt: {error}") from error
    return KeyRing(path, _keys(document, wrapping, path), wrapping)


def _read(path: Path) -> dict[str, Any]:
    try:
        path.chmod(0o600)
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise StoreError(f"the key file {path} cannot be read: {error.strerror}") from error
    except ValueError:
        raise _damaged(path, "it is not JSON") from None
    if not isinstance(document, dict) or document.get("version") != _VERSION:
        raise _damaged(path, f"it is not a key file of version {_VERSION}")
    return document


def _keys(document: dict[str, Any], wrapping: _Wrapping | None, path: Path) -> list[Key]:
    try:
        keys = [_key(item, wrapping) for item in document["keys"]]
    except InvalidTag:
        raise StoreError(f"the passphrase does not open the keys in {path}: {HOW_TO_UNLOCK}") from None
    except (KeyError, TypeError, ValueError, binascii.Error):
        # Without the cause: it may hold part of a key.
        raise _damaged(path, "it has a key that is none") from None
    if not keys:
        raise _damaged(path, "it has no keys")
    return keys


def _key(item: dict[str, str], wrapping: _Wrapping | None) -> Key:
    ident, content = bytes.fromhex(item["id"]), base64.b64decode(item["key"], validate=True)
    if wrapping is not None:
        content = wrapping.cipher.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], ident)
    if len(ident) != ID_BYTES or len(content) != _KEY_BYTES:
        raise ValueError("length")
    return Key.of(ident, content)


def _written(change: Callable[[], None], path: Path) -> None:
    try:
        change()
    except OSError as error:
        raise StoreError(f"the key file {path} cannot be written: {error.strerror or error}") from error


def _damaged(path: Path, what: str) -> StoreError:
    return StoreError(f"the key file {path} is damaged: {what}. Nothing was changed. Put it back from a copy")
