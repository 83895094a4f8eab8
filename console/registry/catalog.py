"""All rows in the order of discovery. What is served is what is in the registry, and nothing else says so."""

from __future__ import annotations

from collections.abc import Iterable

from common.api.kinds import Resource
from common.errors import not_found

from .kinds import apps, coordination, core, discovery, events, nodes, pods, quarterdeck, services
from .row import Row

_FAMILIES = (core, nodes, pods, services, events, apps, coordination, discovery, quarterdeck)


class Registry:
    """Rows by every name that a request can use. Rows may come and go while it is in use (custom resources)."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows: dict[tuple[str, str, str], Row] = {}
        self._kinds: dict[tuple[str, str, str], Row] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Serve a kind; one of the same group, version and plural is replaced."""
        resource = row.resource
        self._rows[resource.group, resource.version, resource.plural] = row
        self._kinds[resource.group, resource.version, resource.kind] = row

    def remove(self, row: Row) -> None:
        """Serve a kind no longer."""
        resource = row.resource
        self._rows.pop((resource.group, resource.version, resource.plural), None)
        self._kinds.pop((resource.group, resource.version, resource.kind), None)

    def rows(self) -> list[Row]:
        return list(self._rows.values())

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
        """Versions by group, both in the order of discovery: the first version is the preferred one."""
        found: dict[str, list[str]] = {}
        for group, version, _ in self._rows:
            versions = found.setdefault(group, [])
            if version not in versions:
                versions.append(version)
        return found


def default_registry() -> Registry:
    """Everything that is built in."""
    return Registry(row for family in _FAMILIES for row in family.ROWS)
