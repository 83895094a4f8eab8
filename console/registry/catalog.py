"""All rows in the order of discovery. What is served is what is in the registry, and nothing else says so."""

from __future__ import annotations

import re
from collections.abc import Iterable

from common.api.kinds import Resource
from common.errors import not_found

from .kinds import (
    admissionregistration,
    apiextensions,
    apiservices,
    apps,
    authentication,
    authorization,
    autoscaling,
    batch,
    certificates,
    componentstatuses,
    coordination,
    core,
    deviceclaims,
    deviceslices,
    discovery,
    endpoints,
    events,
    fits,
    flowcontrol,
    keyrotations,
    limitranges,
    metrics,
    mutatingpolicies,
    networking,
    nodes,
    persistentvolumeclaims,
    persistentvolumes,
    pods,
    podtemplates,
    policy,
    quarterdeck,
    quotas,
    rbac,
    replicationcontrollers,
    runtimeclasses,
    scheduling,
    serviceranges,
    services,
    storage,
)
from .row import Row

_FAMILIES = (
    core,
    componentstatuses,
    nodes,
    pods,
    replicationcontrollers,
    services,
    endpoints,
    persistentvolumes,
    persistentvolumeclaims,
    quotas,
    limitranges,
    podtemplates,
    apps,
    events,
    batch,
    autoscaling,
    coordination,
    discovery,
    networking,
    serviceranges,
    policy,
    scheduling,
    storage,
    rbac,
    authentication,
    authorization,
    certificates,
    metrics,
    admissionregistration,
    mutatingpolicies,
    apiextensions,
    apiservices,
    flowcontrol,
    runtimeclasses,
    deviceclaims,
    deviceslices,
    quarterdeck,
    fits,
    keyrotations,
)
_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")
_STAGES = ("", "beta", "alpha")


class Registry:
    """Rows by every name that a request can use. Rows may come and go while it is in use (custom resources)."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows: dict[tuple[str, str, str], Row] = {}
        self._kinds: dict[tuple[str, str, str], Row] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Serve a kind in all its versions; one of the same group, version and plural is replaced."""
        for served in (row, *row.views()):
            resource = served.resource
            self._rows[resource.group, resource.version, resource.plural] = served
            self._kinds[resource.group, resource.version, resource.kind] = served

    def remove(self, row: Row) -> None:
        """Serve a kind no longer, in none of its versions."""
        for served in (row, *row.views()):
            resource = served.resource
            self._rows.pop((resource.group, resource.version, resource.plural), None)
            self._kinds.pop((resource.group, resource.version, resource.kind), None)

    def rows(self) -> list[Row]:
        """Everything that is served: a kind with several versions has a row for each."""
        return list(self._rows.values())

    def kept(self) -> list[Resource]:
        """What objects there are on disk, each kind in the version that is stored."""
        return [row.resource for row in self._rows.values() if row.durable and row.view is None]

    def versions(self) -> dict[Resource, Resource]:
        """The other versions of these kinds that are served, each with the one that is stored."""
        rows = [row for row in self._rows.values() if row.durable and row.kept is not None]
        return {row.resource: row.stored.resource for row in rows}

    def row(self, group: str, version: str, plural: str) -> Row | None:
        return self._rows.get((group, version, plural))

    def by_kind(self, group: str, version: str, kind: str) -> Row | None:
        return self._kinds.get((group, version, kind))

    def row_for(self, resource: Resource) -> Row:
        """The row of a resource that our own code names; NotFound when it is not served."""
        row = self.row(resource.group, resource.version, resource.plural)
        if row is None:
            raise not_found(resource.group_resource, "")
        return row

    def groups(self) -> dict[str, list[str]]:
        """Versions by group, groups in the order of discovery, the preferred version first."""
        found: dict[str, set[str]] = {}
        for group, version, _ in self._rows:
            found.setdefault(group, set()).add(version)
        return {group: sorted(versions, key=version_order) for group, versions in found.items()}


def version_order(version: str) -> tuple[int, int, int, str]:
    """Sorts the preferred version first, as Kubernetes does: v10, v2, v1, v11beta2, v10beta3, v3alpha1, then others."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return (len(_STAGES), 0, 0, version)
    major, stage, minor = match.groups()
    return (_STAGES.index(stage or ""), -int(major), -int(minor or 0), version)


def default_registry() -> Registry:
    """Everything that is built in."""
    return Registry(row for family in _FAMILIES for row in family.ROWS)
