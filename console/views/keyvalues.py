"""The keys of a Secret or ConfigMap being edited: what is there, what was changed, and the patch that says so. Pure.

Values leave here only on demand: rows, differences and words have lengths alone.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from common.api import meta
from common.api.configuration import User, will_restart
from common.api.kinds import CONFIGMAPS, SECRETS, Resource
from common.api.meta import Object

from .columns.column import Column, dim, number, text
from .status import Status, Tone

KINDS = {"secrets": SECRETS, "configmaps": CONFIGMAPS}
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_MASK_CELLS = 8  # always: a mask as long as its value would tell more than intended at a glance


@dataclass(frozen=True, slots=True)
class Difference:
    """A key with the lengths of its value in bytes; None when it is not there."""

    key: str
    old: int | None
    new: int | None

    @property
    def words(self) -> str:
        if self.old is None:
            return f"new, {length(self.new or 0)}"
        if self.new is None:
            return f"deleted, was {length(self.old)}"
        return f"changed, {length(self.old)} before, {length(self.new)} now"


def length(count: int) -> str:
    return "1 byte" if count == 1 else f"{count} bytes"


@dataclass(frozen=True, slots=True)
class Draft:
    """An object with edits on top of it; None deletes a key."""

    obj: Object
    edits: Mapping[str, bytes | None] = field(default_factory=dict, repr=False)

    @property
    def is_secret(self) -> bool:
        return self.obj.get("kind") == "Secret"

    @property
    def resource(self) -> Resource:
        return SECRETS if self.is_secret else CONFIGMAPS

    @property
    def is_immutable(self) -> bool:
        return bool(self.obj.get("immutable"))

    def stored(self) -> dict[str, bytes]:
        """The values of the object itself."""
        return values_of(self.obj)

    def values(self) -> dict[str, bytes]:
        """The values with the edits."""
        merged: dict[str, bytes | None] = {**self.stored(), **self.edits}
        return {key: value for key, value in merged.items() if value is not None}

    def set(self, key: str, value: bytes) -> Draft:
        return self._with(key, value)

    def delete(self, key: str) -> Draft:
        return self._with(key, None)

    def restore(self, key: str) -> Draft:
        """The key as the object has it."""
        return Draft(self.obj, {name: value for name, value in self.edits.items() if name != key})

    def _with(self, key: str, value: bytes | None) -> Draft:
        if self.stored().get(key) == value:
            return self.restore(key)
        return Draft(self.obj, {**self.edits, key: value})

    def onto(self, newer: Object) -> Draft:
        """The same edits on a newer state of the object."""
        draft = Draft(newer)
        for key, value in self.edits.items():
            draft = draft._with(key, value)
        return draft

    def differences(self) -> list[Difference]:
        stored = self.stored()
        return [Difference(key, _length(stored.get(key)), _length(value)) for key, value in sorted(self.edits.items())]

    def patch(self) -> Object:
        """A merge patch with the edits, refused when the object was written meanwhile."""
        if self.is_secret:
            data = {key: None if value is None else base64.b64encode(value).decode()
                    for key, value in self.edits.items()}  # fmt: skip
            return {"metadata": {"resourceVersion": meta.resource_version(self.obj)}, "data": data}
        plain: dict[str, str | None] = {}
        binary: dict[str, str | None] = {}
        for key, value in self.edits.items():
            decoded = _decoded(value) if value is not None else None
            plain[key] = decoded
            binary[key] = base64.b64encode(value).decode() if value is not None and decoded is None else None
        patch = {"metadata": {"resourceVersion": meta.resource_version(self.obj)}, "data": plain}
        return {**patch, "binaryData": binary} if self.obj.get("binaryData") or any(binary.values()) else patch


def values_of(obj: Object) -> dict[str, bytes]:
    """The values of a Secret or ConfigMap in bytes, by key."""
    encoded = dict(obj.get("binaryData") or {})
    plain = dict(obj.get("data") or {})
    if obj.get("kind") == "Secret":
        encoded, plain = plain, {}
    found = {key: str(value).encode() for key, value in plain.items()}
    return found | {key: base64.b64decode(str(value)) for key, value in encoded.items()}


def _length(value: bytes | None) -> int | None:
    return None if value is None else len(value)


def _decoded(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def is_text(value: bytes) -> bool:
    """Whether an editor can show it."""
    decoded = _decoded(value)
    return decoded is not None and "\0" not in decoded


def wrong_key(key: str) -> str:
    """What is wrong with the name of a key, in a sentence; empty when nothing is."""
    if not _KEY.fullmatch(key) or len(key) > 253:
        return "a key has letters, digits, '-', '_' and '.', at most 253 of them"
    return "a key cannot begin with '..' or be '.'" if key == "." or key.startswith("..") else ""


# Rows


def rows(draft: Draft, revealed: str) -> list[Object]:
    """One for each key, deleted ones too; only the revealed one has its value."""
    stored, now = draft.stored(), draft.values()
    found = []
    for key in sorted({*stored, *now}):
        value = now.get(key, stored.get(key, b""))
        word = "deleted" if key not in now else "new" if key not in stored else "edited" if key in draft.edits else ""
        shown = key == revealed or not draft.is_secret
        found.append({
            "metadata": {"name": key},
            "state": word,
            "size": len(value),
            "binary": not is_text(value),
            "value": value if shown else None,
        })  # fmt: skip
    return found


_TONES = {"new": Tone.OK, "edited": Tone.WARN, "deleted": Tone.BAD}


def _state(row: Object) -> Status:
    return Status(row["state"] or "as stored", _TONES.get(row["state"], Tone.DONE))


def columns(*, ascii_only: bool) -> tuple[Column, ...]:
    mask = ("*" if ascii_only else "•") * _MASK_CELLS

    def preview(row: Object) -> str:
        if row["value"] is None:
            return mask
        if row["binary"]:
            return "binary"
        value: bytes = row["value"]
        lines = value.decode().splitlines() or [""]
        return lines[0] + (f"  (and {len(lines) - 1} more)" if len(lines) > 1 else "")

    return (
        text("KEY", meta.name, flexible=True, least=16, letter="N"),
        Column("STATE", lambda row, _now: _state(row), drop=1, letter="S", sort=lambda row: row["state"]),
        number("BYTES", lambda row: row["size"], drop=2),
        text("VALUE", preview, flexible=True, prose=True, least=20, tone=dim),
    )


# Users


def users_phrase(users: list[User]) -> str:
    """`used by 3, a change replaces 6 pods`."""
    if not users:
        return "used by nobody"
    count = will_restart(users)
    effect = f"a change replaces {count} {'pod' if count == 1 else 'pods'}" if count else "a change restarts nothing"
    return f"used by {len(users)}, {effect}"


def user_lines(users: list[User]) -> list[str]:
    """What each does when the object changes."""
    if not users:
        return ["Nobody names it: no workload, pod, Ingress or ServiceAccount of its namespace."]
    lines = []
    for user in users:
        pods = f", {user.pods} {'pod' if user.pods == 1 else 'pods'}" if user.pods else ""
        lines += [f"{user.kind} {user.name}{pods}", f"  Uses:      {', '.join(user.how)}"]
        lines += [f"  A change:  {_effect(user)}", ""]
    return [*lines, *_LEGEND]


_LEGEND = (
    "Files follow a change within seconds; variables and subPath mounts stay until the pod is replaced.",
    'The annotation quarterdeck.io/restart-on-config-change: "true" on a Deployment, StatefulSet or DaemonSet',
    "has its pods replaced, in its own way, when its configuration changes.",
)


def _effect(user: User) -> str:
    if user.restarts:
        return "its pods are replaced"
    effects = {
        "files": "its files follow",
        "env": "variables stay as they are until its pods are replaced",
        "files (fixed)": "files mounted by subPath stay until its pods are replaced",
        "image pulls": "counts for the next pull",
        "TLS": "counts for new connections",
    }
    return "; ".join(effects[how] for how in user.how)
