"""ClusterRoles that are made of others: the rules of all that their aggregationRule selects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from common.api import selectors
from common.api.kinds import CLUSTERROLES
from common.api.meta import Key, Object, labels, name, resource_version
from common.errors import NotFound
from console.controllers.base import Controller, Kit


def plan(role: Object, others: Iterable[Object]) -> list[Object] | None:
    """The rules that the role must have, each once, in the order of the names they come from; None when it has them
    already or is made of no others."""
    aggregation = role.get("aggregationRule")
    if not aggregation:
        return None
    wanted = [selectors.from_label_selector(found) for found in aggregation.get("clusterRoleSelectors") or ()]
    rules: list[Object] = []
    for other in sorted(others, key=name):
        if name(other) != name(role) and any(selector.matches(labels(other)) for selector in wanted):
            rules += [rule for rule in other.get("rules") or () if rule not in rules]
    return None if rules == (role.get("rules") or []) else rules


class ClusterRoleAggregationController(Controller[str]):
    """Keys are names of ClusterRoles that select others; any change of a role may concern all of them."""

    name: ClassVar[str] = "clusterrole-aggregation-controller"
    workers: ClassVar[int] = 1

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._roles = self.follow(CLUSTERROLES, self._concerned)

    def _concerned(self, _changed: Object) -> list[str]:
        return [name(role) for role in self._roles.items() if role.get("aggregationRule")]

    async def sync(self, key: str) -> None:
        role = self._roles.get(Key("", key))
        if role is None:
            return
        rules = plan(role, self._roles.items())
        if rules is None:
            return
        patch = {"metadata": {"resourceVersion": resource_version(role)}, "rules": rules or None}
        try:
            await self.client.patch(CLUSTERROLES, key, patch)
        except NotFound:
            return
