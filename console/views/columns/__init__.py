"""The columns of each kind's table: what they show, how they sort, and which go first when the screen is narrow.

A kind's table is in the module of its family; `TABLES` of all of them make what is shown.
"""

from __future__ import annotations

from common.api.kinds import Resource
from common.api.meta import Object
from console.views.status import Status, Tone

from . import (
    access,
    autoscaling,
    batch,
    configuration,
    containers,
    defined,
    events,
    history,
    networking,
    nodes,
    pods,
    policy,
    scheduling,
    services,
    storage,
    workloads,
)
from .column import GENERIC, GENERIC_CLUSTER, KEEP, NAMESPACE, Column, Table
from .defined import table_of
from .events import event_count, event_message, event_time, involved
from .nodes import address
from .workloads import images

__all__ = [
    "KEEP",
    "NAMESPACE",
    "Column",
    "Table",
    "address",
    "columns_for",
    "columns_of",
    "event_count",
    "event_message",
    "event_time",
    "images",
    "involved",
    "status_of",
    "table_of",
    "tone_of",
]

_FAMILIES = (
    access,
    pods,
    workloads,
    autoscaling,
    batch,
    services,
    networking,
    nodes,
    configuration,
    events,
    history,
    policy,
    scheduling,
    containers,
    storage,
    defined,
)
_TABLES: dict[str, Table] = {
    resource.group_resource: table for family in _FAMILIES for resource, table in family.TABLES.items()
}


_BY_KIND: dict[tuple[str, str], tuple[Column, ...]] = {
    (resource.group, resource.kind): table.columns for family in _FAMILIES for resource, table in family.TABLES.items()
}


def columns_of(obj: Object) -> tuple[Column, ...]:
    """The columns of an object's own kind; none for kinds that we have no own view of."""
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    return _BY_KIND.get((group, str(obj.get("kind"))), ())


def table_for(resource: Resource) -> Table:
    """The table of a resource; kinds that we have no own view of show name, age and labels."""
    return _TABLES.get(resource.group_resource, GENERIC if resource.namespaced else GENERIC_CLUSTER)


def columns_for(resource: Resource) -> tuple[Column, ...]:
    return table_for(resource).columns


def tone_of(resource: Resource, obj: Object) -> Tone:
    """How the object as a whole stands; it tints its name and decides whether it is a fault."""
    found = status_of(resource, obj)
    return found.tone if found else Tone.TEXT


def status_of(resource: Resource, obj: Object) -> Status | None:
    """The status of an object of a kind that has one."""
    status = table_for(resource).status
    return status(obj) if status else None
