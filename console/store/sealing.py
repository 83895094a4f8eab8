"""Values of the log that nobody may read on disk: AES-256-GCM, each bound to its place in the log.

An encrypted value is `MARK`, the id of its key, a nonce, then ciphertext and tag. Resource, namespace, name and
revision are authenticated with it, so that a value cannot be moved to another object or another time. Values without
the mark are plain: the store encrypts them when it is opened.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag

from .keyring import ID_BYTES, NONCE_BYTES, KeyRing
from .rows import LogRow, StoreError

MARK = b"\0qd1"  # no JSON begins with it
_HEAD = len(MARK) + ID_BYTES


@dataclass(frozen=True, slots=True)
class Encryption:
    """What to encrypt (resources as `secrets`, `changes.quarterdeck.io`), and where its keys are."""

    resources: frozenset[str]
    key_file: Path
    passphrase: str | None = field(default=None, repr=False)


class Sealing:
    """Rows in and out of the log. Not bound to a thread."""

    def __init__(self, ring: KeyRing, resources: frozenset[str]) -> None:
        self.ring = ring
        self.resources = sorted(resources)
        self._sealed = resources

    def seal(self, row: LogRow) -> LogRow:
        """The row as it goes to disk."""
        revision, resource, namespace, name, value = row
        if value is None or resource not in self._sealed:
            return row
        key = self.ring.primary
        nonce = os.urandom(NONCE_BYTES)
        sealed = MARK + key.id + nonce + key.cipher.encrypt(nonce, value, _place(row))
        return revision, resource, namespace, name, sealed

    def open(self, row: LogRow) -> LogRow:
        """The row as it was written. StoreError when its key is missing, or does not open it."""
        revision, resource, namespace, name, value = row
        if value is None or not value.startswith(MARK):
            return row
        ident = value[len(MARK) : _HEAD]
        key = self.ring.find(ident)
        what = f"{resource} {'/'.join(filter(None, (namespace, name)))}"
        if key is None:
            raise StoreError(
                f"{what} was encrypted with the key {ident.hex()}, which {self.ring.path} does not have (it has "
                f"{', '.join(self.ring.ids)}). Nothing was changed. Put the key file back that belongs to this store"
            )
        nonce, content = value[_HEAD : _HEAD + NONCE_BYTES], value[_HEAD + NONCE_BYTES :]
        try:
            plain = key.cipher.decrypt(nonce, content, _place(row))
        except (InvalidTag, ValueError):
            raise StoreError(
                f"{what} (revision {revision}) does not open with its key: the row was damaged, changed or moved. "
                "Nothing was changed. Put back a copy of the store"
            ) from None
        return revision, resource, namespace, name, plain

    def is_current(self, row: LogRow) -> bool:
        """Whether the value is encrypted with the newest key."""
        value = row[-1]
        return value is None or value.startswith(MARK + self.ring.primary.id)


def _place(row: LogRow) -> bytes:
    return "\0".join((row[1], row[2], row[3], str(row[0]))).encode()
