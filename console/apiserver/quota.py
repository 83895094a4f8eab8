"""Keeps namespaces within their ResourceQuotas: refuses what would exceed one, in Kubernetes' words.

What is used is counted from the newest objects themselves, writes under way included, and not read from the quota's
status: of two writes in one commit the second knows of the first, and no count can be stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from common.api import meta, quantity, quotas
from common.api.kinds import EVENTS, PODS, RESOURCEQUOTAS, Resource
from common.api.meta import Object
from common.errors import Forbidden
from console.store import Store

from .caller import Caller


class QuotaGuard:
    def __init__(self, store: Store) -> None:
        self._store = store

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
        used = quotas.total(quota, {name: self._objects(name, new) for name in quotas.resources_of(more)})
        limits = {key: quantity.parse(hard[key]) for key in more}
        over = sorted(key for key in more if used[key] + more[key] > limits[key])
        if over:
            raise _refusal(
                resource,
                new,
                f"exceeded quota: {meta.name(quota)}, requested: {_listed(over, more)}, used: {_listed(over, used)}, "
                f"limited: {_listed(over, limits)}",
            )

    def _objects(self, resource: str, new: Object) -> list[Object]:
        space = meta.namespace(new)
        return [entry.obj for entry in self._store.newest_entries(resource) if entry.key[0] == space]


def _listed(names: list[str], amounts: quotas.Amounts) -> str:
    return ",".join(f"{name}={quotas.shown(name, amounts[name])}" for name in names)


def _refusal(resource: Resource, obj: Object, why: str) -> Forbidden:
    name = meta.name(obj)
    details = {"name": name, "group": resource.group, "kind": resource.plural}
    return Forbidden(f'{resource.group_resource} "{name}" is forbidden: {why}', details=details)
