"""What applying manifests would do and did, as people see it: a row for each object, and its differences. Pure.

Values of Secrets are never in it: lengths alone, and whether they change.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from common.api import meta
from common.api.meta import LAST_APPLIED, Object

from . import editing
from .columns.column import Column, dim, text
from .keyvalues import length
from .status import Status, Tone
from .yaml_text import to_yaml

Difference = Sequence[tuple[str, Tone]]

ASKING = Status("asking", Tone.DIM)
CREATE = Status("create", Tone.OK)
CHANGE = Status("change", Tone.WARN)
SAME = Status("as it is", Tone.DIM)
REFUSED = Status("refused", Tone.BAD)
UNTRIED = Status("not tried", Tone.DIM)
UNREADABLE = Status("unreadable", Tone.BAD)
FOLDER = Status("folder", Tone.BRIGHT)
CREATED = Status("created", Tone.DONE)
CONFIGURED = Status("configured", Tone.DONE)
UNCHANGED = Status("unchanged", Tone.DIM)
FAILED = Status("failed", Tone.BAD)


def row(
    index: int, status: Status, file: str, *, kind: str = "", name: str = "", namespace: str = "", line: int = 0
) -> Object:
    """`line` counts from 1; 0 is for what has none."""
    return {
        "metadata": {"name": f"{index:06}"},
        "status": status, "file": file, "line": line, "kind": kind, "called": name, "namespace": namespace,
    }  # fmt: skip


def place(obj: Object) -> str:
    return f"{obj['file']}:{obj['line']}" if obj["line"] else str(obj["file"])


COLUMNS: tuple[Column, ...] = (
    Column("WHAT", lambda obj, _now: obj["status"], letter="S", sort=lambda obj: obj["status"].word),
    text("KIND", lambda obj: obj["kind"], letter="K", flexible=True, prose=True, least=10),
    text("NS", lambda obj: obj["namespace"], drop=3, letter="P", tone=dim, flexible=True, least=8),
    text("NAME", lambda obj: obj["called"], letter="N", flexible=True, least=14),
    text("FILE", place, letter="F", tone=dim, flexible=True, least=14),
)


def sums(rows: Iterable[Object]) -> list[tuple[str, Tone]]:
    """How many objects there are of each state, in the order of their rows."""
    counted: dict[Status, int] = {}
    for obj in rows:
        if obj["status"] != FOLDER:
            counted[obj["status"]] = counted.get(obj["status"], 0) + 1
    spans: list[tuple[str, Tone]] = []
    for status, count in counted.items():
        spans += [(f"{count} {status.word}", status.tone), ("   ", Tone.TEXT)]
    return spans or [("no manifests here", Tone.DIM)]


def difference(before: Object | None, after: Object) -> list[tuple[str, Tone]]:
    """The lines that applying changes; all of them for an object that is not there yet."""
    old, new = (_shown(before) if before is not None else None), _shown(after)
    if after.get("kind") == "Secret":
        old, new = (old and _lengths(old, {})), _lengths(new, old or {})
    if old is None:
        return [(f"+ {line}", Tone.OK) for line in to_yaml(new).splitlines()]
    return editing.difference(old, new)


def _shown(obj: Object) -> Object:
    """What a user writes of an object, without the record of what was applied, which says the same once more."""
    kept = editing.shown(obj)
    notes = {key: value for key, value in meta.annotations(obj).items() if key != LAST_APPLIED}
    others = {key: value for key, value in meta.metadata(kept).items() if key != "annotations"}
    return {**kept, "metadata": {**others, **({"annotations": notes} if notes else {})}}


def _lengths(secret: Object, before: Object) -> Object:
    """A Secret with lengths in place of values; a value that differs from the one before says so."""
    fields: Object = {}
    for field, measure in (("data", _decoded_length), ("stringData", _length)):
        values, old = secret.get(field), before.get(field) or {}
        if isinstance(values, dict):
            fields[field] = {key: _said(measure(value), key, value, old) for key, value in values.items()}
    return {**secret, **fields}


def _said(size: str, key: str, value: Any, old: Mapping[str, Any]) -> str:
    return f"<{size}, another value>" if key in old and old[key] != value else f"<{size}>"


def _length(value: Any) -> str:
    return length(len(str(value).encode()))


def _decoded_length(value: Any) -> str:
    try:
        return length(len(base64.b64decode(str(value), validate=True)))
    except (binascii.Error, ValueError):
        return "not base64"
