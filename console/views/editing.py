"""An object edited as text: the text, what the user made of it, and how that meets what others wrote meanwhile. Pure.

What the server alone sets (status, revision, identity, records of managers) is left out of the text and kept as it is.
Remarks stand in the text above the line that they are about, and go again when the text is read.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from common.api import meta
from common.api.meta import Object
from common.errors import ApiError

from .status import Tone
from .yaml_text import Loader, line_of, to_yaml

_SERVERS = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_IDENTITY = ("apiVersion", "kind", "metadata.name", "metadata.namespace")
_REMARK = "#> "
_CONTEXT = 2  # unchanged lines around a change


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong with the text: at a field (`spec.ports[0].port`), at a line (from 1), or as a whole."""

    text: str
    field: str = ""
    line: int = 0


class Unreadable(ValueError):
    """The text is no object, or another one; `remark` says why and where."""

    def __init__(self, remark: Remark) -> None:
        super().__init__(remark.text)
        self.remark = remark


def remarks_of(error: Exception) -> list[Remark]:
    """What to say at the text about a write that failed."""
    if isinstance(error, Unreadable):
        return [error.remark]
    if isinstance(error, Overlap):
        return [Remark("somebody else changed this meanwhile", field=field) for field in error.fields]
    if isinstance(error, ApiError):
        return [Remark(cause.message, field=cause.field) for cause in error.causes] or [Remark(error.message)]
    return [Remark(str(error))]


class Overlap(ValueError):
    """The user and somebody else changed the same field differently; `fields` are their paths."""

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(f"changed by others meanwhile: {', '.join(fields)}")
        self.fields = tuple(fields)


def shown(obj: Object) -> Object:
    """The part of an object that a user edits."""
    kept = {name: value for name, value in obj.items() if name != "status"}
    return kept | {"metadata": {name: value for name, value in obj["metadata"].items() if name not in _SERVERS}}


def opening(obj: Object) -> str:
    """What the editor opens with."""
    what = f"{obj.get('kind', '')} {meta.key(obj)}"
    return f"{_REMARK}{what}: save and leave to see what changes; leave it as it is to give up.\n{to_yaml(shown(obj))}"


def plain(text: str) -> str:
    """The text without remarks."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith(_REMARK))


def parse(text: str, before: Object) -> Object:
    """The object that the text says. Raises Unreadable."""
    try:
        after = yaml.load(plain(text), Loader=Loader)  # noqa: S506  it is a safe one
        json.dumps(after, allow_nan=False)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = str(getattr(error, "problem", "") or error)
        raise Unreadable(Remark(f"this is no YAML: {reason}", line=mark.line + 1 if mark else 0)) from None
    except (TypeError, ValueError, RecursionError) as error:  # YAML has more values than JSON
        raise Unreadable(Remark(f"this cannot be sent to the API: {error}")) from None
    if not isinstance(after, dict) or not isinstance(after.get("metadata"), dict):
        raise Unreadable(Remark("this is no object: apiVersion, kind and metadata are missing"))
    for field in _IDENTITY:
        was, now = _get(before, field), _get(after, field)
        if was != now:
            raise Unreadable(Remark(f"{field}: {now!r} instead of {was!r}: that would be another object", field=field))
    return after


def _get(obj: Object, field: str) -> Any:
    value: Any = obj
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def merged(before: Object, after: Object, fresh: Object) -> Object:
    """`fresh`, the object as it is now, with what turned `before` into `after`. Raises Overlap."""
    clashes: list[str] = []
    result: Object = _merge(shown(before), after, shown(fresh), "", clashes)
    if clashes:
        raise Overlap(clashes)
    kept = {name: fresh["metadata"][name] for name in _SERVERS if name in fresh["metadata"]}
    status = {"status": fresh["status"]} if "status" in fresh else {}
    return {**result, **status, "metadata": {**result["metadata"], **kept}}


_ABSENT: Any = object()


def _merge(before: Any, after: Any, fresh: Any, path: str, clashes: list[str]) -> Any:
    """Maps field by field; lists and plain values as a whole, as nobody can say which items are the same."""
    if after == before and type(after) is type(before):
        return fresh
    if fresh in (before, after):
        return after
    if isinstance(after, dict) and isinstance(fresh, dict):
        base = before if isinstance(before, dict) else {}
        names = [*fresh, *(name for name in after if name not in fresh)]
        fields = {
            name: _merge(base.get(name, _ABSENT), after.get(name, _ABSENT), fresh.get(name, _ABSENT),
                         f"{path}.{name}" if path else name, clashes)
            for name in names
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value is not _ABSENT}
    clashes.append(path)
    return fresh


def remarked(text: str, remarks: Sequence[Remark]) -> str:
    """The text with each remark above its line; those without a place stand on top."""
    lines = plain(text).splitlines()
    places = [(remark.line - 1 if remark.line else line_of(plain(text), remark.field), remark) for remark in remarks]
    for place, remark in sorted(places, key=lambda item: item[0], reverse=True):
        at = min(max(place, 0), len(lines))
        indent = " " * (len(lines[at]) - len(lines[at].lstrip())) if at < len(lines) else ""
        lines[at:at] = [f"{indent}{_REMARK}{part}" for part in remark.text.splitlines()]
    return "\n".join(lines) + "\n"


def decode(content: bytes) -> str:
    """The text that an editor left; bytes that are no UTF-8 come back by `encode`, and `parse` refuses them."""
    return content.decode(errors="surrogateescape")


def encode(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def file_name(obj: Object) -> str:
    """What the text's file is called: names of objects may be longer than those of files."""
    return f"{str(obj.get('kind', 'object')).lower()}.yaml"


def difference(before: Object, after: Object) -> list[tuple[str, Tone]]:
    """The lines that changed, with a few around them, as people read a diff."""
    old, new = (to_yaml(shown(obj)).splitlines() for obj in (before, after))
    lines: list[tuple[str, Tone]] = []
    for line in list(difflib.unified_diff(old, new, lineterm="", n=_CONTEXT))[2:]:
        if line.startswith("@@"):
            if lines:
                lines.append(("  …", Tone.DIM))
        else:
            lines.append((f"{line[0]} {line[1:]}", {"+": Tone.OK, "-": Tone.BAD}.get(line[0], Tone.DIM)))
    return lines
