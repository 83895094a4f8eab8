"""Durations and ages in Kubernetes' short form: `41s`, `3m12s`, `5h`, `14d`."""

from __future__ import annotations

from datetime import datetime

from .meta import Object, metadata, parse_time

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400

# Below each limit: the unit shown, and the smaller one that still matters there. Source: kubectl's ages.
_STEPS = (
    (2 * MINUTE, 1, 0),
    (10 * MINUTE, MINUTE, 1),
    (3 * HOUR, MINUTE, 0),
    (8 * HOUR, HOUR, MINUTE),
    (2 * DAY, HOUR, 0),
    (8 * DAY, DAY, HOUR),
    (2 * YEAR, DAY, 0),
    (8 * YEAR, YEAR, DAY),
)
_LETTERS = {1: "s", MINUTE: "m", HOUR: "h", DAY: "d", YEAR: "y"}


def duration(seconds: float) -> str:
    """A duration in one or two units, as `kubectl get` shows ages."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    unit, minor = next(((unit, minor) for limit, unit, minor in _STEPS if whole < limit), (YEAR, 0))
    text = f"{whole // unit}{_LETTERS[unit]}"
    rest = whole % unit // minor if minor else 0
    return f"{text}{rest}{_LETTERS[minor]}" if rest else text


def since(moment: str | None, now: datetime) -> str:
    """How long ago an RFC 3339 moment was; `<unknown>` without one."""
    if not moment:
        return "<unknown>"
    return duration((now - parse_time(moment)).total_seconds())


def age(obj: Object, now: datetime) -> str:
    """The time since the object was made."""
    return since(metadata(obj).get("creationTimestamp"), now)
