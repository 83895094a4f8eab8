"""How large each ReplicaSet of a Deployment should be now. Pure.

The rules are those of Kubernetes' Deployment controller: never more than replicas + maxSurge in sum of sizes, never so
few that available falls below replicas - maxUnavailable by our doing, unhealthy old replicas first, and a change of
scale during a rollout spread over the ReplicaSets in proportion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from .model import Family, Member, Spec

Sizes: TypeAlias = dict[str, int]
"""Target size by ReplicaSet name, only those that change or must be annotated anew."""


def initial_size(spec: Spec, family: Family) -> int:
    """The size with which the new ReplicaSet is made."""
    return grown(spec, family, 0)


def grown(spec: Spec, family: Family, size: int) -> int:
    """How far the new ReplicaSet may grow from `size` with all others as they are."""
    if not spec.rolling:
        return spec.replicas
    total = sum(member.size for member in family.all)
    room = spec.max_total - total
    return size if room <= 0 else size + min(room, spec.replicas - size)


def is_scaling(spec: Spec, family: Family) -> bool:
    """Whether `replicas` changed since the ReplicaSets were sized."""
    return any(member.desired is not None and member.desired != spec.replicas for member in family.active)


def rescale(spec: Spec, family: Family) -> Sizes:
    """Sizes after a change of `replicas` (or while paused), with the rollout itself standing still."""
    only = _active_or_latest(family)
    if only is not None:
        return {} if only.size == spec.replicas else {only.name: spec.replicas}
    if _is_saturated(spec, family.new):
        return {member.name: 0 for member in family.old if member.size > 0}
    return _proportional(spec, family) if spec.rolling and family.active else {}


def _active_or_latest(family: Family) -> Member | None:
    """The one ReplicaSet to scale, when there is just one with pods or none at all."""
    active = family.active
    if len(active) > 1:
        return None
    if active:
        return active[0]
    return family.new or (family.old[-1] if family.old else None)


def _is_saturated(spec: Spec, new: Member | None) -> bool:
    return new is not None and new.size == new.desired == new.available == spec.replicas


def _proportional(spec: Spec, family: Family) -> Sizes:
    """Of ReplicaSets of which some have pods."""
    active = family.active
    allowed = spec.max_total if spec.replicas > 0 else 0
    to_add = allowed - sum(member.size for member in active)
    newest_first = sorted(active, key=lambda member: member.age_key, reverse=to_add > 0)
    ordered = sorted(newest_first, key=lambda member: -member.size)
    sizes: Sizes = {}
    added = 0
    for member in ordered:
        share = _share(spec, member, to_add, added, sum(other.replicas for other in family.all))
        sizes[member.name] = member.size + share
        added += share
    if to_add:
        first = ordered[0].name
        sizes[first] = max(0, sizes[first] + to_add - added)
    return sizes


def _share(spec: Spec, member: Member, to_add: int, added: int, existing: int) -> int:
    """The member's part of what is to be added (or taken away, negative), bounded by what is left of it."""
    if to_add in (0, added):
        return 0
    if spec.replicas == 0:
        wanted = -member.size
    else:
        before = member.max_replicas or existing or spec.max_total
        wanted = _round(member.size * spec.max_total, before) - member.size
    left = to_add - added
    # Never against the direction of the change: annotations that are out of date must not make an overshoot.
    return min(max(wanted, 0), left) if to_add > 0 else max(min(wanted, 0), left)


def _round(numerator: int, denominator: int) -> int:
    """Half away from zero; both are positive."""
    return (2 * numerator + denominator) // (2 * denominator)


def roll(spec: Spec, family: Family, new: Member) -> Sizes:
    """One step of a rolling update: first the new ReplicaSet, and only when that need not change the old ones."""
    if new.size != spec.replicas:
        size = spec.replicas if new.size > spec.replicas else grown(spec, family, new.size)
        if size != new.size:
            return {new.name: size}
    return _shrink_old(spec, family, new)


def _shrink_old(spec: Spec, family: Family, new: Member) -> Sizes:
    if not any(member.size for member in family.old):
        return {}
    min_available = spec.replicas - spec.max_unavailable
    # New pods that are not available yet hold their share of the budget, or a bad template would take all old pods.
    budget = sum(member.size for member in family.all) - min_available - (new.size - new.available)
    if budget <= 0:
        return {}
    sizes = {member.name: member.size for member in family.old}
    _take(family.old, sizes, budget, lambda member: max(0, member.size - member.available))
    healthy = sum(member.available for member in family.all) - min_available
    _take(family.old, sizes, healthy, lambda member: sizes[member.name])
    return {member.name: sizes[member.name] for member in family.old if sizes[member.name] != member.size}


def _take(members: Sequence[Member], sizes: Sizes, budget: int, available: Callable[[Member], int]) -> None:
    """Shrink `sizes` by up to `budget` in all, oldest first, each by at most `available(member)`."""
    for member in members:
        if budget <= 0:
            return
        count = min(budget, available(member), sizes[member.name])
        sizes[member.name] -= count
        budget -= count


def recreate(spec: Spec, family: Family, old_pods_running: bool) -> Sizes:
    """Recreate: all old pods are gone before the first new one comes."""
    shrinking = {member.name: 0 for member in family.old if member.size > 0}
    if shrinking or old_pods_running or family.new is None or family.new.size == spec.replicas:
        return shrinking
    return {family.new.name: spec.replicas}
