"""Watches: where one starts, and what it is told first."""

from __future__ import annotations

from dataclasses import dataclass

from common.api.meta import Object
from common.errors import too_large_version
from console.registry.row import Row
from console.store import Event, Store, Watcher

from .listing import parse_revision
from .options import ListOptions
from .selection import Selection

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class Watch:
    """`initial` comes first, as ADDED events of the state at `revision`; then what the watcher brings."""

    watcher: Watcher
    initial: list[Event]
    revision: int


def open_watch(store: Store, row: Row, selection: Selection, options: ListOptions) -> Watch:
    """Without a revision (or with 0) the present state comes first, unless it is not wanted; from a revision only what
    changed since.

    Raises Expired when the revision is older than the history, or newer than anything this store has seen: it is of
    another store then. Raises Timeout for a present state that is still to come.
    """
    resource = row.resource.group_resource
    asked = parse_revision(options.resource_version)
    if not asked and options.initial_events is False:
        return Watch(_watcher(store, resource, store.revision, selection), [], store.revision)
    if not asked or options.initial_events:
        revision = store.revision
        if asked > revision:
            raise too_large_version(asked, revision)
        # Registers first: it fails for a closing store, and nothing can change before this function returns.
        watcher = _watcher(store, resource, revision, selection)
        found = store.page(resource, selection.namespace, revision, None, selection.accepts)
        return Watch(watcher, [Event("ADDED", entry, None) for entry in found], revision)
    return Watch(_watcher(store, resource, asked, selection), [], asked)


def _watcher(store: Store, resource: str, revision: int, selection: Selection) -> Watcher:
    everything = selection.is_whole and not selection.namespace
    return store.watch(resource, revision, None if everything else selection.view)


def bookmark(row: Row, revision: int, *, ends_initial_events: bool = False) -> Object:
    """The object of a BOOKMARK: everything up to `revision` has been told."""
    metadata: Object = {"resourceVersion": str(revision), "creationTimestamp": None}
    if ends_initial_events:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return {"kind": row.resource.kind, "apiVersion": row.resource.api_version, "metadata": metadata}
