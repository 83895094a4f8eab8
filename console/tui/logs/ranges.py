"""How far back a log is read, chosen by a digit. Pure."""

from __future__ import annotations

from dataclasses import dataclass

TAIL = 500  # lines of the past that are asked for
HEAD_BYTES = 1_000_000  # of each container, read from its beginning


@dataclass(frozen=True, slots=True)
class Range:
    """`params` are those of the API; `follows` whether new lines are waited for."""

    title: str
    params: tuple[tuple[str, str], ...]
    follows: bool = True


def _since(seconds: int, title: str) -> Range:
    return Range(title, (("sinceSeconds", str(seconds)),))


RANGES = (
    Range("tail", (("tailLines", str(TAIL)),)),
    Range("head", (("limitBytes", str(HEAD_BYTES)),), follows=False),
    _since(60, "1 min"),
    _since(300, "5 min"),
    _since(900, "15 min"),
    _since(1800, "30 min"),
    _since(3600, "1 h"),
)
"""By digit, 0 to 6."""
