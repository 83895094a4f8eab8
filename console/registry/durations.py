"""Ages as `kubectl get` prints them: the two largest units while the number is small, then one."""

from __future__ import annotations

from datetime import datetime

from common.api.meta import parse_time

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def human(seconds: float) -> str:
    """A duration of at most three figures a unit: 119s, 9m59s, 179m, 7h59m, 47h, 7d23h, 729d, 7y3d."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 2 * _MINUTE:
        return f"{max(whole, 0)}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s", 60)
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m", 60)
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h", 24)
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole, _YEAR, "y", _DAY, "d", 365)
    return f"{whole // _YEAR}y"


def _two(whole: int, large: int, large_mark: str, small: int, small_mark: str, wrap: int) -> str:
    rest = whole // small % wrap
    return f"{whole // large}{large_mark}" + (f"{rest}{small_mark}" if rest else "")


def since(timestamp: str | None, now: datetime) -> str:
    """How long ago an API timestamp was; `<unknown>` when there is none."""
    if not timestamp:
        return "<unknown>"
    return human((now - parse_time(timestamp)).total_seconds())
