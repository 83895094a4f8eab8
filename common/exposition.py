"""Figures in the text format of Prometheus, for all who are asked for theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def family(name: str, kind: str, about: str, values: Iterable[tuple[dict[str, str], float]]) -> Iterator[str]:
    """One metric with all its values."""
    yield from head(name, kind, about)
    for labels, value in values:
        yield sample(name, labels, value)


def head(name: str, kind: str, about: str) -> Iterator[str]:
    yield f"# HELP {name} {about}\n"
    yield f"# TYPE {name} {kind}\n"


def sample(name: str, labels: dict[str, str], value: float, moment: int | None = None) -> str:
    """`moment` is in milliseconds since 1970, None for now."""
    listed = ",".join(f'{key}="{_escaped(text)}"' for key, text in sorted(labels.items()))
    stamp = "" if moment is None else f" {moment}"
    return f"{name}{{{listed}}} {number(value)}{stamp}\n" if listed else f"{name} {number(value)}{stamp}\n"


def number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
