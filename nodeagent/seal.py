"""Files that only this agent can read: encrypted with a key of its own, so that a copy of one tells nothing."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from common.files import write_atomic

log = logging.getLogger(__name__)
_KEY_BYTES, _NONCE_BYTES = 32, 12


class Seal:
    """Everything here blocks. `name` says what the content is: a file under another name cannot be opened."""

    def __init__(self, folder: Path) -> None:
        self._key_file = folder / "seal.key"

    def write(self, path: Path, name: str, data: bytes) -> None:
        nonce = os.urandom(_NONCE_BYTES)
        write_atomic(path, nonce + AESGCM(self._key()).encrypt(nonce, data, name.encode()))

    def read(self, path: Path, name: str) -> bytes:
        """OSError when it cannot be read; InvalidTag or ValueError when it was not sealed with this agent's key."""
        data = path.read_bytes()
        return AESGCM(self._key()).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], name.encode())

    def _key(self) -> bytes:
        key = self._key_file.read_bytes() if self._key_file.exists() else b""
        if len(key) != _KEY_BYTES:
            if key:
                log.warning("%s is damaged; what it sealed is lost, a new one is made", self._key_file)
            key = AESGCM.generate_key(bit_length=_KEY_BYTES * 8)
            write_atomic(self._key_file, key)
        return key
