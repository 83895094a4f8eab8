"""Undoing a recorded write: another write by whoever undoes it, admitted and recorded like any other.

An update is taken back field by field: what others changed meanwhile stays, and when they changed the same field
nothing is done. A deletion is undone by creating the object again, under a new uid; what its controller had made of it
comes back by the controller. A creation is undone by deleting the very object that it made.
"""

from __future__ import annotations

from collections.abc import Callable

from common import errors
from common.api import meta
from common.api.kinds import CHANGES
from common.api.meta import Object
from common.errors import Conflict, NotFound
from console.apiserver.caller import Caller
from console.apiserver.options import DeleteOptions, WriteOptions
from console.apiserver.requestinfo import RequestInfo
from console.apiserver.verbs import Verbs
from console.registry.catalog import Registry
from console.registry.row import Row

from .deltas import Diverged, Missing, revert, text
from .journal import Journal
from .record import differences

_RELEASED = frozenset({"finalizers", "ownerReferences", "deletionTimestamp", "deletionGracePeriodSeconds"})
Authorize = Callable[[Caller, RequestInfo], None]


class Undo:
    """`authorize` raises Forbidden when the caller may not do the write that undoes a Change."""

    def __init__(self, verbs: Verbs, registry: Registry, journal: Journal, authorize: Authorize) -> None:
        self._verbs = verbs
        self._registry = registry
        self._journal = journal
        self._authorize = authorize

    async def undo(self, caller: Caller, change: Object, *, dry_run: bool = False) -> Object:
        """Undo a Change; the object that was written. Raises NotFound when what it takes is forgotten, Conflict when
        the object went on meanwhile, and whatever the write itself raises."""
        about = change["object"]
        row = self._row(about)
        space, name = str(about.get("namespace", "")), str(about["name"])
        verb = {"create": "delete", "delete": "create"}.get(str(change["verb"]), "update")
        resource = row.resource
        self._authorize(caller, RequestInfo(verb, resource.group, resource.version, resource.plural, space, name))
        options = WriteOptions(dry_run=dry_run)
        if verb == "delete":
            wanted = DeleteOptions(uid=str(about["uid"]), dry_run=dry_run, propagation="Background")
            entry, _ = await self._verbs.delete(caller, row, space, name, wanted)
            return entry.obj
        record = self._journal.undo_record(meta.name(change))
        if record is None:
            raise errors.not_found(CHANGES.group_resource, meta.name(change))
        if verb == "create":
            return (await self._verbs.create(caller, row, space, _revived(record["old"]), options)).obj
        return await self._take_back(caller, row, (space, name), record, options)

    def _row(self, about: Object) -> Row:
        group, _, version = str(about["apiVersion"]).rpartition("/")
        row = self._registry.by_kind(group, version, str(about["kind"]))
        if row is None:
            raise NotFound(f"{about['kind']} of {about['apiVersion']} is no longer served, so it cannot be undone")
        return row

    async def _take_back(
        self, caller: Caller, row: Row, key: tuple[str, str], record: Object, options: WriteOptions
    ) -> Object:
        if record["old"].get("apiVersion") != record["new"].get("apiVersion"):
            why = "another version of the kind is stored since; edit the object"
            raise errors.conflict(row.resource.group_resource, key[1], why)
        changed = differences(record["old"], record["new"])

        def wanted(current: Object) -> Object:
            try:
                return revert(current, changed)
            except Diverged as error:
                raise _overtaken(row, key[1], error) from error

        return (await self._verbs.modify(caller, "update", row, *key, wanted, "", options)).obj


def _revived(old: Object) -> Object:
    """A deleted object as it is created again: free of what tied it to its end or to owners that may be gone."""
    kept = {field: value for field, value in meta.metadata(old).items() if field not in _RELEASED}
    return {**old, "metadata": kept}


def _overtaken(row: Row, name: str, error: Diverged) -> Conflict:
    """Field and kind of difference only: the value may be a secret."""
    state = "is gone" if isinstance(error.found, Missing) else "was changed again"
    why = f"{text(error.delta.path)} {state} since; undo the later change first, or edit the object"
    return errors.conflict(row.resource.group_resource, name, why)
