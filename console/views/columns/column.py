"""What a column of a table is, and the columns that most kinds have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from common.api import ages, meta
from common.api.meta import Object
from console.views.status import Status, Tone

T = TypeVar("T")
KEEP = 0  # a column with this `drop` never goes


@dataclass(frozen=True, slots=True)
class Column:
    """`value` gives the text, or a Status for text with a glyph. Columns with a higher `drop` leave a narrow screen
    first. `sort` orders rows (default: the text); `letter` is the shifted key that sorts by it. A `flexible` column
    is cut down to `least` cells: in the middle, or `prose` at its end. `live` text changes with time alone and is
    made when it is drawn.
    """

    title: str
    value: Callable[[Object, datetime], str | Status]
    drop: int = KEEP
    right: bool = False
    wide: bool = False
    live: bool = False
    flexible: bool = False
    prose: bool = False
    least: int = 0
    letter: str = ""
    sort: Callable[[Object], Any] | None = None
    tone: Callable[[Object], Tone] | None = None


def number(title: str, value: Callable[[Object], int], **rest: Any) -> Column:
    return Column(title, lambda obj, _now: str(value(obj)), right=True, sort=value, **rest)


def text(title: str, value: Callable[[Object], str], **rest: Any) -> Column:
    return Column(title, lambda obj, _now: value(obj), **rest)


def state(title: str, value: Callable[[Object], Status], *, least: int = 13, **rest: Any) -> Column:
    """A long word is cut, down to `least` cells, before other columns go: its beginning and its glyph say enough."""
    return Column(title, lambda obj, _now: value(obj), flexible=True, prose=True, least=least, **rest)


def dim(_obj: Object) -> Tone:
    return Tone.DIM


NAMESPACE = text("NS", meta.namespace, drop=2, letter="P", tone=dim, flexible=True, least=8)
NAME = text("NAME", meta.name, flexible=True, least=22, letter="N")
AGE = Column(
    "AGE", ages.age, right=True, live=True, drop=1, letter="A", tone=dim,
    sort=lambda obj: newest_first(meta.metadata(obj).get("creationTimestamp")),
)  # fmt: skip
LABELS = text(
    "LABELS",
    lambda obj: ",".join(f"{k}={v}" for k, v in sorted(meta.labels(obj).items())) or "-",
    wide=True,
    drop=9,
    tone=dim,
)


def once_a_row(read: Callable[[Object], T]) -> Callable[[Object], T]:
    """Columns of a row ask for the same one after the other: `read` is asked once for the very same object, which
    nobody changes."""
    latest: tuple[Object, T] | None = None

    def answer(obj: Object) -> T:
        nonlocal latest
        if latest is None or latest[0] is not obj:
            latest = (obj, read(obj))
        return latest[1]

    return answer


def newest_first(moment: str | None) -> float:
    return -meta.parse_time(moment).timestamp() if moment else 0.0


@dataclass(frozen=True, slots=True)
class Table:
    """How a kind is shown: its columns and, where it has one, the status that tells how an object as a whole stands."""

    columns: tuple[Column, ...]
    status: Callable[[Object], Status] | None = None


GENERIC = Table((NAMESPACE, NAME, AGE, LABELS))
GENERIC_CLUSTER = Table((NAME, AGE, LABELS))
