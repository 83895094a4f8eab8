"""Generated names, uids and template hashes."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from typing import Any

# Kubernetes' alphabet: no vowels and no digits that look like letters, so that no word comes out.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
MAX_GENERATED_BASE = 58  # of 63, five are the suffix


def random_suffix(length: int = 5) -> str:
    """The random end of a generated name."""
    # One question to the kernel for all letters; that some come up by a few percent more often than others is nothing.
    return "".join([_ALPHABET[byte % len(_ALPHABET)] for byte in secrets.token_bytes(length)])


_UIDS_AT_ONCE = 64  # for which the kernel is asked: a question for each costs more than all the rest of it
_drawn: list[str] = []  # random digits that nobody has had
os.register_at_fork(after_in_child=_drawn.clear)  # or both processes would give them out


def new_uid() -> str:
    """A random UUID (version 4), as objects and requests have them."""
    try:
        digits = _drawn.pop()
    except IndexError:
        digits = _draw()
    # Of the two places that are fixed one says the version, the other has two bits to choose.
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _draw() -> str:
    digits = os.urandom(16 * _UIDS_AT_ONCE).hex()
    first, *others = (digits[at : at + 32] for at in range(0, len(digits), 32))
    _drawn.extend(others)
    return first


def suffix_of(text: str, length: int = 5) -> str:
    """The end of a generated name that is the same for the same text."""
    return "".join([_ALPHABET[byte % len(_ALPHABET)] for byte in hashlib.sha256(text.encode()).digest()[:length]])


def generate(base: str) -> str:
    """A name from `generateName`, cut so that the whole stays a DNS label."""
    return base[:MAX_GENERATED_BASE] + random_suffix()


def template_hash(template: Any, collisions: int = 0) -> str:
    """A short, stable hash of a pod template in name-safe letters; `collisions` makes another one of the same."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":")) + (f"#{collisions}" if collisions else "")
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
    letters = ""
    while len(letters) < 10:
        number, index = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[index]
    return letters
