"""An object whose text named some field more than once; the last value counts, and whoever validates must know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Repeated(dict[str, Any]):
    """A decoded object and the names that came more than once; of YAML also the lines where they came again."""

    def __init__(self, fields: Mapping[str, Any], names: Sequence[str], lines: Sequence[int] = ()) -> None:
        super().__init__(fields)
        self.names = tuple(names)
        self.lines = tuple(lines)
