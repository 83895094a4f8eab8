"""Keeping the default roles and bindings: what is missing comes back at each start, what somebody added stays.

Whoever wants one of them otherwise sets its annotation `rbac.authorization.kubernetes.io/autoupdate` to "false".
"""

from __future__ import annotations

import asyncio

from common.api import meta
from common.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES, Resource
from common.api.meta import Object
from common.client.base import Client
from common.errors import AlreadyExists, Conflict, NotFound

from . import controllerroles, defaults
from .building import AUTO_UPDATE
from .rules import not_covered, to_rules


async def reconcile(client: Client) -> None:
    """Create and complete the defaults; all at once, so that they cost one commit."""
    wanted = [(CLUSTERROLES, role) for role in (*defaults.ROLES, *controllerroles.ROLES)]
    wanted += [(CLUSTERROLEBINDINGS, binding) for binding in (*defaults.BINDINGS, *controllerroles.BINDINGS)]
    wanted += [(ROLES, role) for role in controllerroles.NAMESPACED_ROLES]
    wanted += [(ROLEBINDINGS, binding) for binding in controllerroles.NAMESPACED_BINDINGS]
    await asyncio.gather(*(_keep(client, resource, obj) for resource, obj in wanted))


async def _keep(client: Client, resource: Resource, wanted: Object) -> None:
    try:
        found = await client.get(resource, meta.name(wanted), meta.namespace(wanted) or None)
    except NotFound:
        found = None
    try:
        if found is None:
            await client.create(resource, wanted)
        elif (completed := complete(found, wanted)) is not None:
            await client.update(resource, completed)
    except (AlreadyExists, Conflict):
        return  # somebody is changing it this moment; the next start looks again


def complete(found: Object, wanted: Object) -> Object | None:
    """The stored role or binding with what it lacks; None when nothing, or when it is not to be touched."""
    if meta.annotations(found).get(AUTO_UPDATE) == "false":
        return None
    result = dict(found)
    if "aggregationRule" in wanted:
        result["aggregationRule"] = found.get("aggregationRule") or wanted["aggregationRule"]
    else:
        missing = [
            rule
            for rule, compiled in zip(wanted.get("rules") or (), to_rules(wanted), strict=True)
            if not_covered(to_rules(found), [compiled])
        ]
        if missing:
            result["rules"] = [*(found.get("rules") or ()), *missing]
    subjects = found.get("subjects") or []
    lacking = [subject for subject in wanted.get("subjects") or () if subject not in subjects]
    if lacking:
        result["subjects"] = [*subjects, *lacking]
    labels = {**meta.labels(found), **meta.labels(wanted)}
    annotations = {**meta.annotations(wanted), **meta.annotations(found)}
    if labels != meta.labels(found) or annotations != meta.annotations(found):
        result["metadata"] = {**meta.metadata(found), "labels": labels, "annotations": annotations}
    return None if result == found else result
