"""Port-forwards of this console as people see them: a row for each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.api.meta import Object
from common.api.quantity import format_bytes

from .columns import Column
from .columns.column import dim, number, text
from .status import Status, Tone


def row(
    name: str, target: str, namespace: str, remote: str, listening: Sequence[str], figures: dict[str, int],
    pod: str, problem: str,
) -> Object:  # fmt: skip
    """`figures` are `open`, `total` (connections), `received` and `sent` (bytes)."""
    return {
        "metadata": {"name": name, "namespace": namespace},
        "target": target, "remote": remote, "listening": list(listening), "pod": pod, "problem": problem, **figures,
    }  # fmt: skip


def state(obj: Object) -> Status:
    if obj["problem"]:
        return Status("failing", Tone.BAD)
    return Status("in use", Tone.OK) if obj["open"] else Status("waiting", Tone.DIM)


def _bytes(title: str, field: str, drop: int) -> Column:
    def shown(obj: Object, _now: datetime) -> str:
        return format_bytes(obj[field])

    return Column(title, shown, right=True, drop=drop, sort=lambda obj: -obj[field])


COLUMNS: tuple[Column, ...] = (
    text("LOCAL", lambda obj: str(obj["listening"][0]) if obj["listening"] else "-", least=15),
    text("TARGET", lambda obj: obj["target"], letter="N", flexible=True, least=14),
    text("PORT", lambda obj: obj["remote"]),
    text("NS", lambda obj: obj["metadata"]["namespace"], drop=6, letter="P", tone=dim),
    text("POD NOW", lambda obj: obj["pod"] or "-", drop=3, flexible=True, least=12, tone=dim),
    Column("STATE", lambda obj, _now: state(obj), letter="S", sort=lambda obj: state(obj).word),
    number("OPEN", lambda obj: int(obj["open"]), drop=2),
    number("TOTAL", lambda obj: int(obj["total"]), drop=4),
    _bytes("IN", "received", 5),
    _bytes("OUT", "sent", 5),
)


def about(obj: Object) -> list[list[tuple[str, Tone]]]:
    """What the row under the cursor does, in words."""
    lines: list[list[tuple[str, Tone]]] = [
        [("Listens on ", Tone.DIM), (", ".join(obj["listening"]), Tone.BRIGHT)],
        [("leads to ", Tone.DIM), (f"{obj['target']} port {obj['remote']}", Tone.TEXT),
         (f"  now pod {obj['pod']}" if obj["pod"] else "", Tone.DIM)],
    ]  # fmt: skip
    if obj["problem"]:
        lines.append([(obj["problem"], Tone.BAD)])
    return lines
