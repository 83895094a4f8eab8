"""Changes: who wrote what."""

from __future__ import annotations

from common.api import ages, changes, kinds
from common.api.meta import Object
from console.views.status import Status, Tone

from .column import Column, Table, dim, newest_first, state, text

_TONES = {"create": Tone.OK, "update": Tone.KEY, "delete": Tone.BAD}


def change_status(change: Object) -> Status:
    """The verb; a deletion stands out."""
    verb = str(change.get("verb", ""))
    return Status(verb, _TONES.get(verb, Tone.TEXT))


CHANGE_COLUMNS = (
    Column("AGE", lambda obj, now: ages.since(obj.get("time"), now), right=True, live=True, letter="A", tone=dim,
           sort=lambda obj: newest_first(obj.get("time"))),
    text("USER", changes.who, flexible=True, least=10, drop=4, letter="O", tone=dim),
    state("VERB", change_status, letter="S"),
    text("NS", lambda obj: str((obj.get("object") or {}).get("namespace") or "-"), drop=5, letter="P", tone=dim,
         flexible=True, least=8),
    text("OBJECT", changes.about, flexible=True, least=16, letter="N"),
    text("WHAT", changes.summary, flexible=True, prose=True, least=20),
    text("FROM", lambda obj: str(obj.get("source", "")), wide=True, drop=8, tone=dim),
    text("CHANGE", lambda obj: str(obj["metadata"]["name"]), wide=True, drop=9, tone=dim),
)  # fmt: skip

TABLES = {kinds.CHANGES: Table(CHANGE_COLUMNS)}
