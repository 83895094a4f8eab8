"""Which machine an SSH server is: keys that were accepted once, and the user's own known_hosts.

A key that nobody accepted is refused with its fingerprint, one that differs from the accepted one for good: taking it
unasked would hand the machine's root password to whoever sits in between.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from common.files import write_atomic

from .target import SSH_PORT, Target


def fingerprint(key: bytes) -> str:
    """As `ssh-keygen -l` prints it."""
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


@dataclass(frozen=True, slots=True)
class HostKey:
    kind: str  # ssh-ed25519
    key: bytes

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.key)


class KnownHosts:
    """`own` is ours and written to; `others` (the user's known_hosts) are only read. Lines that mean nothing are
    skipped, as ssh does. Blocks."""

    def __init__(self, own: Path, others: tuple[Path, ...] = ()) -> None:
        self._own = own
        self._others = others

    def keys(self, target: Target) -> list[HostKey]:
        """The accepted keys of a machine."""
        return [key for path in (self._own, *self._others) for key in _keys(path, target)]

    def accept(self, target: Target, key: HostKey) -> None:
        """Remember a key for this machine."""
        text = _read(self._own)
        line = f"{_pattern(target)} {key.kind} {base64.b64encode(key.key).decode()}\n"
        self._own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(self._own, (text + line).encode())

    def forget(self, target: Target) -> int:
        """Forget what was accepted here for a machine; how many keys that were."""
        lines = _read(self._own).splitlines(keepends=True)
        kept = [line for line in lines if line.partition(" ")[0] != _pattern(target)]
        if len(kept) < len(lines):
            write_atomic(self._own, "".join(kept).encode())
        return len(lines) - len(kept)


def _pattern(target: Target) -> str:
    return target.host if target.port == SSH_PORT else f"[{target.host}]:{target.port}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _keys(path: Path, target: Target) -> list[HostKey]:
    found = []
    for line in _read(path).splitlines():
        words = line.split()
        if len(words) < 3 or words[0].startswith(("#", "@")) or not _names(words[0], _pattern(target)):
            continue
        try:
            found.append(HostKey(words[1], base64.b64decode(words[2], validate=True)))
        except ValueError:
            continue
    return found


def _names(field: str, pattern: str) -> bool:
    if field.startswith("|1|"):
        return _hashed(field, pattern)
    return pattern in field.split(",")


def _hashed(field: str, pattern: str) -> bool:
    """OpenSSH's hashed names: HMAC-SHA1 of the name under a salt."""
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in field.split("|")[2:4])
    except ValueError:
        return False
    return hmac.compare_digest(hmac.new(salt, pattern.encode(), hashlib.sha1).digest(), digest)


def known_hosts(home: Path) -> KnownHosts:
    """Those of the state folder `home`, and the user's own."""
    return KnownHosts(home / "ssh" / "known_hosts", (Path.home() / ".ssh" / "known_hosts",))
