"""A row of the log, and the error of a log that cannot be used."""

from __future__ import annotations

from typing import TypeAlias

LogRow: TypeAlias = tuple[int, str, str, str, bytes | None]
"""revision, resource, namespace, name, encoded object (None: deleted)"""


class StoreError(Exception):
    """The store cannot be opened. The message names the file, what is wrong and what to do; the file is untouched."""
