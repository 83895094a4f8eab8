"""Where the passphrase of the store's keys comes from: a file, the environment or a person; never an argument, which
everybody on the machine could read."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

FILE, VALUE = "QUARTERDECK_PASSPHRASE_FILE", "QUARTERDECK_PASSPHRASE"
SHORTEST = 8


class PassphraseError(Exception):
    """The passphrase cannot be had; the message says why, and never what it is."""


def find(*, wanted: bool, new: bool) -> str | None:
    """The passphrase, taken out of the environment so that no child inherits it; None when none was given and none is
    `wanted`, or nobody can be asked. `new`: it is to be typed twice. Blocks."""
    path = os.environ.get(FILE, "")
    value = os.environ.pop(VALUE, "")
    if path and value:
        raise PassphraseError(f"both {FILE} and {VALUE} are set: set one of them")
    if path:
        return _checked(_read(Path(path)), FILE)
    if value:
        return _checked(value, VALUE)
    if wanted and sys.stdin.isatty():
        return _checked(_ask(new=new), "the passphrase")
    return None


def _read(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise PassphraseError(f"{FILE}: {path} can be read by others: chmod 600 {path}")
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise PassphraseError(f"{FILE}: {path} is not text") from None
    except OSError as error:
        raise PassphraseError(f"{FILE}: {path}: {error.strerror or error}") from None


def _ask(*, new: bool) -> str:
    if not new:
        return getpass.getpass("Passphrase of the store: ")
    first = getpass.getpass("New passphrase for the store: ")
    if getpass.getpass("Again: ") != first:
        raise PassphraseError("the two passphrases differ; nothing was changed")
    return first


def _checked(found: str, source: str) -> str:
    if len(found) < SHORTEST:
        raise PassphraseError(f"{source} has {len(found)} characters: a passphrase needs {SHORTEST} or more")
    return found
