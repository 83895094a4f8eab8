"""From what metrics ask for to what is done: limits, speed and stabilization, as spec.behavior has them.

An autoscaler without a behavior has the documented one: up at once, by 100 % or 4 pods (whichever is more) in 15 s;
down to the highest recommendation of the last five minutes. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from common.api import quantity
from common.api.meta import Object

from .model import TOLERANCE, History, Scaled, Tolerances

DOWN_WINDOW = 300  # seconds
_DEFAULT: Mapping[str, Any] = MappingProxyType({
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    },
    "scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """Reason and message of a condition."""

    reason: str
    message: str


READY = Said("ReadyForNewScale", "recommended size matches current size")
WITHIN = Said("DesiredWithinRange", "the desired count is within the acceptable range")
UP_STABILIZED = Said(
    "ScaleUpStabilized", "recent recommendations were lower than current one, applying the lowest recent recommendation"
)
DOWN_STABILIZED = Said(
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
TOO_MANY = Said("TooManyReplicas", "the desired replica count is more than the maximum replica count")
TOO_FEW = Said("TooFewReplicas", "the desired replica count is less than the minimum replica count")
UP_LIMIT = Said("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
DOWN_LIMIT = Said("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")


@dataclass(frozen=True, slots=True)
class Normalized:
    """The size to go to, and what held it back: `stabilized` and `limited` are None when nothing did."""

    replicas: int
    stabilized: Said | None
    limited: Said | None
    history: History


def rules(spec: Object, direction: str) -> Object:
    """The scaling rules of scaleUp or scaleDown."""
    found: Object = {**_DEFAULT[direction], **((spec.get("behavior") or {}).get(direction) or {})}
    return found


def tolerances(spec: Object) -> Tolerances:
    def of(direction: str) -> float:
        given = rules(spec, direction).get("tolerance")
        return TOLERANCE if given is None else float(quantity.parse(given))

    return Tolerances(of("scaleDown"), of("scaleUp"))


def windows(spec: Object) -> tuple[int, int]:
    """Stabilization windows up and down, in seconds."""
    up = rules(spec, "scaleUp").get("stabilizationWindowSeconds") or 0
    down = rules(spec, "scaleDown").get("stabilizationWindowSeconds")
    return up, DOWN_WINDOW if down is None else down


def normalize(spec: Object, current: int, wanted: int, history: History, now: datetime) -> Normalized:
    """What of a recommendation is done now."""
    up, down = windows(spec)
    stable = _stabilize(current, wanted, history.recommendations, now - _s(up), now - _s(down))
    said = None
    if stable != wanted:
        said = UP_STABILIZED if wanted >= current else DOWN_STABILIZED
    replicas, limited = _limit(spec, current, stable, history, now)
    kept = tuple(item for item in history.recommendations if item.at >= now - _s(max(up, down)))
    remembered = History((*kept, Scaled(now, wanted)), history.ups, history.downs)
    return Normalized(replicas, said, limited, remembered)


def _s(seconds: int) -> timedelta:
    return timedelta(seconds=seconds)


def _stabilize(
    current: int, wanted: int, recommendations: Iterable[Scaled], up_since: datetime, down_since: datetime
) -> int:
    """Up to the lowest recommendation of the one window, down to the highest of the other."""
    lowest = highest = wanted
    for item in recommendations:
        if item.at > up_since:
            lowest = min(lowest, item.replicas)
        if item.at > down_since:
            highest = max(highest, item.replicas)
    return min(max(current, lowest), highest)


def _limit(spec: Object, current: int, wanted: int, history: History, now: datetime) -> tuple[int, Said | None]:
    least, most = spec.get("minReplicas") or 1, spec["maxReplicas"]
    if wanted > current:
        limit = max(_speed(rules(spec, "scaleUp"), current, history, now, 1), current)
        allowed, said = (limit, UP_LIMIT) if most > limit else (most, TOO_MANY)
        return (allowed, said) if wanted > allowed else (wanted, None)
    if wanted < current:
        limit = min(_speed(rules(spec, "scaleDown"), current, history, now, -1), current)
        allowed, said = (limit, DOWN_LIMIT) if least < limit else (least, TOO_FEW)
        return (allowed, said) if wanted < allowed else (wanted, None)
    return wanted, None


def _speed(given: Object, current: int, history: History, now: datetime, sign: int) -> int:
    """The size that the policies allow by now, up (sign 1) or down (sign -1)."""
    if given.get("selectPolicy") == "Disabled":
        return current
    proposals = []
    for policy in given["policies"]:
        since = now - _s(policy["periodSeconds"])
        start = current - _sum(history.ups, since) + _sum(history.downs, since)
        if policy["type"] == "Pods":
            proposals.append(start + sign * policy["value"])
        elif sign > 0:
            proposals.append(math.ceil(start * (100 + policy["value"]) / 100))
        else:
            proposals.append(int(start * (100 - policy["value"]) / 100))
    widest = given.get("selectPolicy") != "Min"
    chosen: int = max(proposals) if widest == (sign > 0) else min(proposals)
    return chosen


def _sum(events: Iterable[Scaled], since: datetime) -> int:
    return sum(event.replicas for event in events if event.at > since)


def remember(spec: Object, history: History, before: int, after: int, now: datetime) -> History:
    """The history after the size was changed; what no policy looks at any more is forgotten."""
    ups, downs = _recent(history.ups, spec, now), _recent(history.downs, spec, now)
    if after > before:
        ups = (*ups, Scaled(now, after - before))
    elif after < before:
        downs = (*downs, Scaled(now, before - after))
    return History(history.recommendations, ups, downs)


def _recent(events: Sequence[Scaled], spec: Object, now: datetime) -> tuple[Scaled, ...]:
    longest = max(
        policy["periodSeconds"] for way in ("scaleUp", "scaleDown") for policy in rules(spec, way)["policies"]
    )
    return tuple(event for event in events if event.at > now - _s(longest))
