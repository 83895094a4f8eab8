"""Tells in the status of ValidatingAdmissionPolicies where their expressions do not fit the kinds that they are about.

A warning changes nothing about the policy. It is worked out when a policy changes, as in Kubernetes: a definition that
comes later counts with the next change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from common.aio import Tasks, WorkQueue, run_workers
from common.api import meta
from common.api.kinds import NAMESPACES, VALIDATINGADMISSIONPOLICIES
from common.api.meta import Object
from common.clock import Clock
from common.errors import NotFound
from common.pki import MASTERS
from console.apiserver.caller import Caller
from console.apiserver.verbs import Verbs
from console.registry.catalog import Registry
from console.registry.custom import celauthorizer, celfunctions, celtypes, expressions
from console.registry.row import Row
from console.registry.schema import Schema
from console.store import Event, Store

MAX_KINDS = 10  # that one policy is checked against
_CALLER = Caller("system:kube-controller-manager", frozenset({MASTERS}))
_DYNAMIC = ("request", "authorizer", celauthorizer.REQUEST_RESOURCE, expressions.VARIABLES)


class TypeChecking:
    def __init__(self, store: Store, registry: Registry, verbs: Verbs, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._verbs = verbs
        self._queue: WorkQueue[str] = WorkQueue(clock, "type-checking")
        self._tasks = Tasks("type-checking")

    def start(self) -> None:
        resource = VALIDATINGADMISSIONPOLICIES.group_resource
        for entry in self._store.entries(resource):
            self._queue.add(meta.name(entry.obj))
        self._store.follow(resource, self._changed)
        run_workers(self._queue, self._sync, 1, self._tasks, "type-checking")

    async def close(self) -> None:
        await self._tasks.close()
        await self._queue.close()

    def _changed(self, event: Event) -> None:
        if event.type != "DELETED":
            self._queue.add(meta.name(event.entry.obj))

    async def _sync(self, name: str) -> None:
        entry = self._store.get(VALIDATINGADMISSIONPOLICIES.group_resource, "", name)
        if entry is None:
            return
        policy, status = entry.obj, entry.obj.get("status") or {}
        if status.get("observedGeneration") == meta.generation(policy) and status.get("typeChecking") is not None:
            return
        found = await asyncio.to_thread(warnings, policy, self._registry.rows())
        typed = {"observedGeneration": meta.generation(policy), "typeChecking": found}
        row = self._registry.row_for(VALIDATINGADMISSIONPOLICIES)

        def change(old: Object) -> Object:
            return {**old, "status": {**(old.get("status") or {}), **typed}}

        try:
            await self._verbs.modify(_CALLER, "update", row, "", name, change, "status")
        except NotFound:
            return


def warnings(policy: Object, rows: list[Row]) -> Object:
    """The `typeChecking` of a policy's status. Blocks for some milliseconds an expression."""
    spec = policy["spec"]
    checked = _kinds(spec, rows)
    found = []
    for index, item in enumerate(spec.get("validations") or ()):
        for name in ("expression", "messageExpression"):
            lines = list(_problems(str(item.get(name) or ""), spec, checked, rows)) if item.get(name) else []
            if lines:
                text = "\n".join(f"{line}\n" for line in lines)
                found.append({"fieldRef": f"spec.validations[{index}].{name}", "warning": text})
    return {"expressionWarnings": found} if found else {}


def _problems(text: str, spec: Object, checked: list[Row], rows: list[Row]) -> Iterator[str]:
    params = _params(spec, rows)
    space = [row.type for row in rows if row.resource == NAMESPACES]
    for row in checked:
        roots = {"object": row.type, "oldObject": row.type, **params}
        roots |= {"namespaceObject": space[0]} if space else {}
        _, problem = celtypes.type_of(text, roots, _known(spec, roots))
        if problem:
            resource = row.resource
            yield f"{resource.api_version}, Kind={resource.kind}: {problem}"


def _known(spec: Object, roots: dict[str, Schema]) -> dict[str, Any]:
    """The types of all that is no part of an object: of variables as far as they have one."""
    if celfunctions.environment() is None:
        return {}
    dynamic = celfunctions.types().DYN
    known: dict[str, Any] = dict.fromkeys([*roots, *_DYNAMIC, *expressions.PARAMS], dynamic)
    for variable in spec.get("variables") or ():
        kind, _ = celtypes.type_of(str(variable["expression"]), roots, known)
        known[f"{expressions.VARIABLES}.{variable['name']}"] = kind or dynamic
    return known


def _params(spec: Object, rows: list[Row]) -> dict[str, Schema]:
    kind = spec.get("paramKind") or {}
    wanted = (kind.get("apiVersion"), kind.get("kind"))
    found = (row.type for row in rows if (row.resource.api_version, row.resource.kind) == wanted)
    return dict(zip(expressions.PARAMS, found, strict=False))


def _kinds(spec: Object, rows: list[Row]) -> list[Row]:
    """The kinds that the rules name, where they name them: wildcards are not looked into."""
    constraints = spec.get("matchConstraints") or {}
    found = [row for rule in constraints.get("resourceRules") or () for row in _named(rule, rows)]
    unique = {row.resource: row for row in found}
    ordered = sorted(unique, key=lambda resource: (resource.group, resource.version, resource.kind))
    return [unique[resource] for resource in ordered][:MAX_KINDS]


def _named(rule: Object, rows: list[Row]) -> Iterable[Row]:
    groups, versions = rule.get("apiGroups") or (), rule.get("apiVersions") or ()
    if any("*" in text for text in (*groups, *versions)):
        return []
    resources = rule.get("resources") or ()
    return [row for row in rows
            if row.resource.group in groups and row.resource.version in versions
            and row.resource.plural in resources]  # fmt: skip
