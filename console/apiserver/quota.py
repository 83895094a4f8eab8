"""Keeps namespaces within their ResourceQuotas: refuses what would exceed one, in Kubernetes' words.

What is used is counted from the newest objects themselves, writes under way included, and not read from the quota's
status: of two writes in one commit the second knows of the first, and no count can be stale.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from math import ceil

from common.api import meta, quantity, quotas
from common.api.kinds import EVENTS, PODS, RESOURCEQUOTAS, Resource
from common.api.meta import Object
from common.clock import Clock
from common.errors import Forbidden
from console.store import Entry, Store

from .caller import Caller

Key = tuple[str, str]
_Usage = tuple[tuple[str, int], ...]  # names and amounts, in billionths: whole numbers add up quickly
_KEPT = 20_000  # objects, before memory is worth more than time

_NANO = 10**9


class QuotaGuard:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[tuple[str, Key], tuple[int, _Usage]] = {}
        """What objects take, by resource and name, with the revision that it was counted at; the objects themselves are
        not held."""

    def check(self, _caller: Caller, resource: Resource, new: Object, old: Object | None) -> None:
        """Raises Forbidden. `new` is admitted already; whoever writes it, controllers too."""
        if not resource.namespaced or resource.group_resource == EVENTS.group_resource:
            return
        if resource == PODS and old is not None and new.get("spec") == old.get("spec"):
            return  # a status asks for nothing, whatever it says of resources
        space = meta.namespace(new)
        found = [
            entry.obj for entry in self._store.newest_entries(RESOURCEQUOTAS.group_resource) if entry.key[0] == space
        ]
        for quota in sorted(found, key=meta.name):
            self._check_one(quota, resource, new, old)

    def _check_one(self, quota: Object, resource: Resource, new: Object, old: Object | None) -> None:
        name = resource.group_resource
        if not quotas.counts_in(quota, name, new):
            return
        hard = (quota.get("spec") or {}).get("hard") or {}
        if resource == PODS and old is None:
            lacking = quotas.unspecified(hard, new)
            if lacking:
                raise _refusal(resource, new, f"failed quota: {meta.name(quota)}: must specify {lacking}")
        before = quotas.usage(name, old) if old is not None and quotas.counts_in(quota, name, old) else {}
        more = {
            key: amount - before.get(key, Fraction())
            for key, amount in quotas.usage(name, new).items()
            if key in hard and amount > before.get(key, Fraction())
        }
        if more:
            self._check_amounts(quota, resource, new, hard, more)

    def _check_amounts(
        self, quota: Object, resource: Resource, new: Object, hard: Mapping[str, str], more: quotas.Amounts
    ) -> None:
        used = self._used(quota, meta.namespace(new), more)
        limits = {key: quantity.parse(hard[key]) for key in more}
        over = sorted(key for key in more if used[key] + more[key] > limits[key])
        if over:
            raise _refusal(
                resource,
                new,
                f"exceeded quota: {meta.name(quota)}, requested: {_listed(over, more)}, used: {_listed(over, used)}, "
                f"limited: {_listed(over, limits)}",
            )

    def _used(self, quota: Object, space: str, names: Collection[str]) -> quotas.Amounts:
        """What the objects of a namespace take of these names, within the scopes of the quota."""
        used = dict.fromkeys(names, 0)
        for resource in quotas.resources_of(names):
            for entry in self._store.newest_entries(resource):
                if entry.key[0] == space and quotas.counts_in(quota, resource, entry.obj):
                    for name, amount in self._usage(resource, entry):
                        if name in used:
                            used[name] += amount
        return {name: Fraction(amount, _NANO) for name, amount in used.items()}

    def _usage(self, resource: str, entry: Entry) -> _Usage:
        """What an object takes, counted once: of hundreds of objects in a namespace few change between two writes."""
        place = (resource, entry.key)
        known = self._known.get(place)
        if known is not None and known[0] == entry.revision:
            return known[1]
        if len(self._known) >= _KEPT:
            self._known.clear()
        found = quotas.usage(resource, entry.obj, self._clock.now())
        counted = tuple((name, ceil(amount * _NANO)) for name, amount in found.items())
        if not meta.is_deleting(entry.obj):  # a pod that is takes nothing once its time is over
            self._known[place] = (entry.revision, counted)
        return counted


def _listed(names: list[str], amounts: quotas.Amounts) -> str:
    return ",".join(f"{name}={quotas.shown(name, amounts[name])}" for name in names)


def _refusal(resource: Resource, obj: Object, why: str) -> Forbidden:
    name = meta.name(obj)
    details = {"name": name, "group": resource.group, "kind": resource.plural}
    return Forbidden(f'{resource.group_resource} "{name}" is forbidden: {why}', details=details)
