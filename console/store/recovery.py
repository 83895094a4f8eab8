"""Reading a store back: from the log on disk to tables in memory, with the history that is still there."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from .database import Database
from .entries import Entry, Event, ObjectKey, make_tombstone
from .rows import LogRow, StoreError
from .table import Table


@dataclass(slots=True)
class Recovered:
    """Resources in `archived` have their objects as bytes alone. `superseded` pairs (revision from which nobody needs a
    row, that row's revision), in the order of the first."""

    archived: frozenset[str] = frozenset()
    tables: dict[str, Table] = field(default_factory=dict)
    superseded: deque[tuple[int, int]] = field(default_factory=deque)
    floor: int = 0
    ceiling: int = 0
    revision: int = 0


def recover(database: Database, archived: frozenset[str]) -> Recovered:
    """Blocks. Raises StoreError when an object cannot be decoded."""
    found = Recovered(archived, floor=database.counter("floor"), ceiling=database.counter("ceiling"))
    sealed = False
    for row in database.rows():
        if not sealed and row[0] > found.floor:
            sealed = _seal(found)
        _take(found, row)
        found.revision = row[0]
    if not sealed:
        _seal(found)
    found.revision = max(found.revision, found.ceiling)
    _decode(found, database)
    return found


def _seal(found: Recovered) -> bool:
    for table in found.tables.values():
        table.seal()
    return True


def _take(found: Recovered, row: LogRow) -> None:
    revision, resource, namespace, name, value = row
    key: ObjectKey = (namespace, name)
    table = found.tables.get(resource)
    if table is None:
        table = found.tables[resource] = Table(found.floor, at_hand=resource not in found.archived)
    old = table.entries.get(key)
    if old is not None:
        found.superseded.append((revision, old.revision))
    if value is None:
        found.superseded.append((revision, revision))
    if revision <= found.floor:
        if value is None:
            table.unload(key)
        else:
            table.load(Entry(key, revision, value))
    elif value is not None:
        table.apply(Event("ADDED" if old is None else "MODIFIED", Entry(key, revision, value), old))
    elif old is not None:
        table.apply(Event("DELETED", make_tombstone(old, revision), old))


def _decode(found: Recovered, database: Database) -> None:
    """Decode every object now: damage is to be found at the start, not by whoever reads the object some day."""
    for resource, table in found.tables.items():
        wrong = table.check()
        if wrong is not None:
            raise StoreError(
                f"the store {database.path} is damaged: {resource} {'/'.join(filter(None, wrong))} is not JSON. "
                "Nothing was changed. Put back a copy of the file or move it away"
            )
