"""Which names a definition gets and what its conditions say. Pure.

Names are taken in the order in which definitions come: one that is in use in the group is not given twice, by which the
second definition is neither accepted nor served until the first one lets go of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from common.api.conditions import get_condition, set_condition
from common.api.meta import Object, is_deleting, metadata, name

from . import approval
from .definitions import is_structural

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
"""The finalizer of a definition that is being deleted: its objects go first."""

_NAMES = ("plural", "singular", "shortNames", "kind", "listKind", "categories")


def status_of(definition: Object, others: Iterable[Object], now: datetime) -> Object:
    """The status that a definition should have, given all others (itself may be among them)."""
    status: Object = dict(definition.get("status") or {})
    accepted, clash = accepted_names(definition, others)
    conditions: list[Object] = list(status.get("conditions") or ())
    reason, message = clash or ("NoConflicts", "no conflicts found")
    conditions = set_condition(conditions, "NamesAccepted", str(not clash), reason, message, now)
    conditions = _established(definition, conditions, is_clear=not clash, now=now)
    problems = is_structural(definition)
    if problems:
        text = "; ".join(problems)
        conditions = set_condition(conditions, "NonStructuralSchema", "True", "Violations", text, now)
    else:
        conditions = [item for item in conditions if item.get("type") != "NonStructuralSchema"]
    approved = approval.state(definition)
    if approved is not None:
        conditions = set_condition(conditions, approval.CONDITION, *approved, now)
    if is_deleting(definition) and not get_condition({"status": {"conditions": conditions}}, "Terminating"):
        conditions = set_condition(
            conditions, "Terminating", "True", "InstanceDeletionInProgress",
            "CustomResource deletion is in progress", now,
        )  # fmt: skip
    return {**status, "acceptedNames": accepted, "conditions": conditions}


def _established(definition: Object, conditions: list[Object], *, is_clear: bool, now: datetime) -> list[Object]:
    found = get_condition(definition, "Established")
    if found is not None and found.get("status") == "True":
        return conditions
    if is_clear:
        reason, message = "InitialNamesAccepted", "the initial names have been accepted"
        return set_condition(conditions, "Established", "True", reason, message, now)
    return set_condition(conditions, "Established", "False", "NotAccepted", "not all names are accepted", now)


def accepted_names(definition: Object, others: Iterable[Object]) -> tuple[Object, tuple[str, str] | None]:
    """The names that the definition has, and why it does not get all that it asks for (reason, message)."""
    spec = definition["spec"]
    wanted: Object = spec["names"]
    present: Object = (definition.get("status") or {}).get("acceptedNames") or {}
    resources, listed_kinds = _taken(definition, others)
    clash: tuple[str, str] | None = None
    accepted = {field: present[field] for field in _NAMES if field in present}
    for field in ("plural", "singular", "shortNames", "kind", "listKind", "categories"):
        if wanted.get(field) is None:
            accepted.pop(field, None)
            continue
        why = _why_not(field, wanted[field], listed_kinds if field in {"kind", "listKind"} else resources)
        if why is None:
            accepted[field] = wanted[field]
        else:
            clash = (_REASONS[field], why)  # of several the last one is told
    accepted.setdefault("plural", "")
    accepted.setdefault("kind", "")
    return accepted, clash


_REASONS = {
    "plural": "PluralConflict",
    "singular": "SingularConflict",
    "shortNames": "ShortNamesConflict",
    "kind": "KindConflict",
    "listKind": "ListKindConflict",
    "categories": "",
}


def _why_not(field: str, value: str | list[str], taken: set[str]) -> str | None:
    if field == "categories":
        return None
    clashing = [item for item in (value if isinstance(value, list) else [value]) if item in taken]
    return ", ".join(f'"{item}" is already in use' for item in clashing) or None


def _taken(definition: Object, others: Iterable[Object]) -> tuple[set[str], set[str]]:
    """Resource names and kinds that other definitions of the group were given."""
    resources: set[str] = set()
    listed_kinds: set[str] = set()
    for other in others:
        same = name(other) == name(definition)
        if same or other["spec"]["group"] != definition["spec"]["group"] or not metadata(other).get("uid"):
            continue
        given = (other.get("status") or {}).get("acceptedNames") or {}
        resources |= {given.get("plural", ""), given.get("singular", ""), *(given.get("shortNames") or ())} - {""}
        listed_kinds |= {given.get("kind", ""), given.get("listKind", "")} - {""}
    return resources, listed_kinds
