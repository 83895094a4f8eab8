"""Status conditions: typed statements about an object, each with the moment of its last change."""

from __future__ import annotations

from datetime import datetime

from .meta import Object, format_time


def get_condition(obj: Object, kind: str) -> Object | None:
    """The condition of that type in the object's status."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), None)


def is_true(obj: Object, kind: str) -> bool:
    condition = get_condition(obj, kind)
    return condition is not None and condition.get("status") == "True"


def set_condition(
    conditions: list[Object], kind: str, status: str, reason: str, message: str, now: datetime
) -> list[Object]:
    """A new list with the condition set; `lastTransitionTime` moves only when `status` changes."""
    updated = {"type": kind, "status": status, "reason": reason, "message": message}
    result = []
    found = False
    for condition in conditions:
        if condition.get("type") != kind:
            result.append(condition)
            continue
        found = True
        same = condition.get("status") == status
        moment = condition.get("lastTransitionTime") if same else format_time(now)
        result.append({**condition, **updated, "lastTransitionTime": moment})
    if not found:
        result.append({**updated, "lastTransitionTime": format_time(now)})
    return result
