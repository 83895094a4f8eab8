"""Pods are replaced when their configuration changes, for workloads that ask for it by annotation.

The workload's own controller does the replacing, in the workload's own way: what happens here is one write, which
notes what the pods are made of now and, when that differs from before, changes the pod template.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, TypeAlias

from common.api import meta
from common.api.configuration import NOTED, STAMP, Find, Made, made_of, template, wants_restart
from common.api.kinds import CONFIGMAPS, DAEMONSETS, DEPLOYMENTS, SECRETS, STATEFULSETS, Resource
from common.api.meta import Key, Object, is_deleting, name, namespace, resource_version
from common.api.references import Reference, configuration
from common.client import Informer
from common.errors import NotFound
from console.controllers.base import Controller, Kit

WORKLOADS = (DEPLOYMENTS, STATEFULSETS, DAEMONSETS)
BY_CONFIGURATION = "configuration"
_Work: TypeAlias = tuple[Resource, Key]


def plan(workload: Object, find: Find) -> tuple[Object, Made] | None:
    """The patch, and why; None when nothing is to be done."""
    if not wants_restart(workload) or is_deleting(workload):
        return None
    made = made_of(workload, find)
    if made is None or meta.annotations(workload).get(NOTED) == made.noted:
        return None
    patch: Object = {"metadata": {"resourceVersion": resource_version(workload), "annotations": {NOTED: made.noted}}}
    if made.changed:
        patch["spec"] = {"template": {"metadata": {"annotations": {STAMP: made.stamp}}}}
    return patch, made


def _configuration_index(workload: Object) -> list[str]:
    return ["/".join(ref) for ref in configuration(template(workload))] if wants_restart(workload) else []


class ConfigRolloutController(Controller[_Work]):
    """Keys are workloads; a ConfigMap or Secret that changes concerns those that name it."""

    name: ClassVar[str] = "config-rollout-controller"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._workloads = {resource: self._follow_workload(resource) for resource in WORKLOADS}
        self._sources = {resource.plural: self._follow_source(resource) for resource in (CONFIGMAPS, SECRETS)}

    def _follow_workload(self, resource: Resource) -> Informer:
        self.index(resource, BY_CONFIGURATION, _configuration_index)
        return self.follow(resource, lambda workload: [(resource, meta.key(workload))])

    def _follow_source(self, resource: Resource) -> Informer:
        return self.follow(resource, lambda obj: self._users(resource.plural, obj))

    def _users(self, plural: str, obj: Object) -> Iterable[_Work]:
        reference = "/".join((plural, namespace(obj), name(obj)))
        for resource, mirror in self._workloads.items():
            for workload in mirror.by_index(BY_CONFIGURATION, reference):
                yield resource, meta.key(workload)

    def _find(self, reference: Reference) -> Object | None:
        plural, space, found = reference
        return self._sources[plural].get(Key(space, found))

    async def sync(self, key: _Work) -> None:
        resource, place = key
        workload = self._workloads[resource].get(place)
        planned = plan(workload, self._find) if workload is not None else None
        if workload is None or planned is None:
            return
        patch, made = planned
        try:
            await self.client.patch(resource, place.name, patch, place.namespace)
        except NotFound:
            return
        if made.changed:
            text = f"Replacing pods because their configuration changed: {made.words}"
            self.events.normal(resource, workload, "ConfigurationChanged", text)
