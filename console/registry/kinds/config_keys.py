"""Keys of ConfigMaps and Secrets, which become file names."""

from __future__ import annotations

import re

from common.errors import Cause
from console.registry import validation

_KEY = re.compile("[-._a-zA-Z0-9]+")


def validate_key(path: str, key: str) -> list[Cause]:
    causes: list[Cause] = []
    if len(key) > 253:
        causes.append(validation.wrong(path, key, "must be no more than 253 characters"))
    if not _KEY.fullmatch(key):
        causes.append(
            validation.wrong(
                path,
                key,
                "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
                "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
            )
        )
    if key in {".", ".."}:
        causes.append(validation.wrong(path, key, f"must not be '{key}'"))
    elif key.startswith(".."):
        causes.append(validation.wrong(path, key, "must not start with '..'"))
    return causes
