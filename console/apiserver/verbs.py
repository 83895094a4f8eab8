"""The verbs that change objects, with Kubernetes' semantics and without HTTP.

Each reads the newest state (writes under way included), decides synchronously, and hands the result to the store in the
same turn of the event loop; so nothing comes between reading and writing, and what remains is to wait for the disk. A
write that changes nothing makes no revision.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import orjson

from common import errors
from common.api import meta
from common.api.kinds import Resource
from common.api.meta import Key, Object
from common.clock import Clock
from common.encoding import encode_to_keep
from common.errors import BadRequest, Cause, Forbidden, MethodNotAllowed, ServiceUnavailable
from common.settings import ClusterConfig
from console.registry import admission
from console.registry.row import Context, Row
from console.store import Entry, Event, Store
from console.store.entries import make_unstored

from . import deletion
from .backends import Computed
from .caller import Caller
from .conversion import Conversions
from .extension.chain import Extension, Steps
from .extension.matching import Asked
from .history.journal import Journal
from .history.record import Write
from .listing import Page, Snapshots, list_page, require_revision
from .options import MANAGER_REQUIRED, DeleteOptions, ListOptions, WriteOptions
from .selection import Selection

GENERATED_NAME_TRIES = 8
SCALE = "scale"
_ANY_VERSION = frozenset({"", "0"})  # what an update says that replaces whatever is there
REVIEW_TRIES = 5  # of a write whose object others change while webhooks are asked
_DEFAULT_WRITE = WriteOptions()
_NO_QUERY: Mapping[str, str] = MappingProxyType({})

Change = Callable[[Object], Object]
"""From the current object (not to be changed) to the wanted one, before admission."""
Guard = Callable[[Caller, Resource, Object, Object | None], None]
"""Told of every create (no old object) and update before it is stored; raises Forbidden to refuse it."""


def _let_pass(_caller: Caller, _resource: Resource, _new: Object, _old: Object | None) -> None:
    """The guard of verbs that have none."""


class StoreLookup:
    """Other objects as admission sees them: the newest state, so that two writes in one commit know of each other."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, resource: Resource, key: Key) -> Object | None:
        entry = self._store.newest(resource.group_resource, key.namespace, key.name)
        return None if entry is None else entry.obj

    def items(self, resource: Resource) -> Iterable[Object]:
        return [entry.obj for entry in self._store.newest_entries(resource.group_resource)]

    def has_any(self, resource: Resource) -> bool:
        return self._store.has_any(resource.group_resource)


@dataclass(frozen=True, slots=True)
class Verbs:
    """Entries that come out are durable, except those of a dry run, which are nowhere."""

    store: Store
    clock: Clock
    config: ClusterConfig
    journal: Journal | None = None
    guard: Guard = _let_pass
    computed: Computed | None = None
    extension: Extension | None = None
    conversions: Conversions | None = None
    snapshots: Snapshots = field(init=False)
    lookup: StoreLookup = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "snapshots", Snapshots(self.clock))
        object.__setattr__(self, "lookup", StoreLookup(self.store))

    def context(self, caller: Caller, options: WriteOptions = _DEFAULT_WRITE, subresource: str = "") -> Context:
        manager = options.field_manager or caller.manager
        return Context(
            self.clock.now(), self.lookup, self.config, caller.user, manager, caller.group_list, caller.uid,
            caller.extra, subresource, options.api_version,
        )  # fmt: skip

    def current(self, row: Row, namespace: str, name: str) -> Entry:
        """The newest state of an object; raises NotFound."""
        entry = self.store.newest(row.resource.group_resource, namespace, name)
        if entry is None:
            raise errors.not_found(row.resource.group_resource, name)
        return entry

    def get(self, row: Row, namespace: str, name: str, query: Mapping[str, str] = _NO_QUERY) -> Entry:
        """The committed state of an object, or a computed one; raises NotFound."""
        if row.computed:
            obj = self._source().one(row.resource, namespace, name, query)
            entry = None if obj is None else _computed(obj)
        else:
            require_revision(self.store, query.get("resourceVersion", ""))
            entry = self.store.get(row.resource.group_resource, namespace, name)
        if entry is None:
            raise errors.not_found(row.resource.group_resource, name)
        return entry

    async def shown(self, row: Row, obj: Object) -> Object:
        """A stored object as the version of the row has it."""
        return row.show(obj) if self.conversions is None else await self.conversions.shown(row, obj)

    async def converted(self, row: Row, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Stored entries in the version of the row, where only a webhook can convert them."""
        return entries if self.conversions is None else await self.conversions.entries(row, entries)

    async def converted_events(self, row: Row, events: Sequence[Event]) -> Sequence[Event]:
        """The same for events of a watch."""
        return events if self.conversions is None else await self.conversions.events(row, events)

    def page(self, row: Row, selection: Selection, options: ListOptions, query: Mapping[str, str] = _NO_QUERY) -> Page:
        """A page of the committed state, or all computed objects."""
        if not row.computed:
            return list_page(self.store, row, selection, options, self.snapshots)
        entries = []
        for obj in self._source().every(row.resource, selection.namespace, query):
            entry = _computed(obj)
            if selection.accepts(entry):
                entry.shrink()  # of thousands, the decoded objects take several times what is sent
                entries.append(entry)
        return Page(sorted(entries, key=lambda entry: entry.key), None)

    def _source(self) -> Computed:
        if self.computed is None:
            raise ServiceUnavailable("this API server is not connected to what makes these objects")
        return self.computed

    async def create(
        self,
        caller: Caller,
        row: Row,
        namespace: str,
        obj: Object,
        options: WriteOptions = _DEFAULT_WRITE,
        *,
        applied: bool = False,
    ) -> Entry:
        """`applied`: server-side apply has noted in the object who owns it."""
        obj = _placed(row, obj, namespace)
        _require_acceptance(row)
        self._require_namespace(row, namespace, obj)
        resource, context = row.resource.group_resource, self.context(caller, options)
        name = meta.name(obj)
        generated = not name and bool(meta.metadata(obj).get("generateName"))
        for _ in range(GENERATED_NAME_TRIES if generated else REVIEW_TRIES):
            revision = self.store.assigned
            new = admission.prepare_create(row, obj, context, applied=applied)
            asked = Asked(
                caller, row, "CREATE", namespace, meta.name(new), new, None, dry_run=options.dry_run,
                options=options.document(),
            )  # fmt: skip
            new = await self._extended(asked, new, context, options.warnings)
            new = await self._kept(row, new)
            self._require_namespace(row, namespace, new)
            self.guard(caller, row.resource, new, None)
            if self._is_overtaken(row, new, context, revision):
                continue  # what the caller asked for by value is refused by the next admission
            name = meta.name(new)
            other = self.store.newest(resource, namespace, name)
            if other is None:
                if options.dry_run:
                    return make_unstored((namespace, name), new)
                written = self.store.put(resource, namespace, name, new, None)
                return await self._finish(Write(caller, "create", row.resource, None, new), written)
            if not generated:
                await self.store.settled(resource, other)
                refuse = errors.being_deleted if meta.is_deleting(other.obj) else errors.already_exists
                raise refuse(resource, name)
        raise errors.names_used_up(resource, name) if generated else errors.conflict(resource, name)

    def _is_overtaken(self, row: Row, new: Object, context: Context, revision: int) -> bool:
        """Whether a write since that revision took what the object was given."""
        return self.store.assigned != revision and row.stored.overtaken(new, context)

    def _require_namespace(self, row: Row, namespace: str, obj: Object) -> None:
        if not row.resource.namespaced:
            return
        if not namespace:
            raise BadRequest(f"an empty namespace may not be set during creation of {row.resource.plural}")
        entry = self.store.newest("namespaces", "", namespace)
        if entry is None:
            raise errors.not_found("namespaces", namespace)
        if meta.is_deleting(entry.obj):
            name = meta.name(obj) or str(meta.metadata(obj).get("generateName") or "Unknown")
            raise Forbidden(
                f'{row.resource.group_resource} "{name}" is forbidden: unable to create new content in namespace '
                f"{namespace} because it is being terminated",
                details={"name": name, "group": row.resource.group, "kind": row.resource.plural},
                causes=(
                    Cause("metadata.namespace", f"namespace {namespace} is being terminated", "NamespaceTerminating"),
                ),
            )

    async def update(
        self,
        caller: Caller,
        row: Row,
        namespace: str,
        name: str,
        obj: Object,
        subresource: str = "",
        options: WriteOptions = _DEFAULT_WRITE,
    ) -> Entry:
        """Replace. A resourceVersion in the object makes it conditional."""
        require_name(obj, name)
        obj = _placed(row, obj, namespace)
        if row.conditional_update and not subresource and meta.resource_version(obj) in _ANY_VERSION:
            self.current(row, namespace, name)
            cause = Cause("metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update")
            raise errors.invalid(row.resource.plural, row.resource.group, name, [cause])
        return await self.modify(caller, "update", row, namespace, name, lambda _old: obj, subresource, options)

    async def modify(
        self,
        caller: Caller,
        verb: str,
        row: Row,
        namespace: str,
        name: str,
        change: Change,
        subresource: str = "",
        options: WriteOptions = _DEFAULT_WRITE,
        *,
        applied: bool = False,
    ) -> Entry:
        """Read, change, admit, write: the way of every update and patch."""
        for _ in range(REVIEW_TRIES):
            current, revision = self.current(row, namespace, name), self.store.assigned
            context = self.context(caller, options, subresource)
            new = await self._changed(caller, row, current, change, context, options, applied=applied)
            new = await self._kept(row, new)
            # Webhooks take their time: what was decided on may be old by now.
            if self.store.newest(row.resource.group_resource, namespace, name) is current and not self._is_overtaken(
                row, new, context, revision
            ):
                self.guard(caller, row.resource, new, current.obj)
                new["metadata"]["resourceVersion"] = current.obj["metadata"]["resourceVersion"]
                return await self.write(caller, verb, row, current, new, dry_run=options.dry_run)
        raise errors.conflict(row.resource.group_resource, name)

    async def _changed(
        self,
        caller: Caller,
        row: Row,
        current: Entry,
        change: Change,
        context: Context,
        options: WriteOptions,
        *,
        applied: bool,
    ) -> Object:
        old = await self.shown(row, current.obj)
        wanted = change(old)
        if not _is_based_on(row, wanted, current):
            # First let it be read what stands in the way: whoever reads again at once must not find the old state.
            await self.store.settled(row.resource.group_resource, current)
            raise errors.conflict(row.resource.group_resource, current.key[1])
        new = admission.prepare_update(row, wanted, old, context, applied=applied)
        asked = Asked(
            caller, row, "UPDATE", *current.key, new, old, context.subresource, options.dry_run, options.document()
        )
        return await self._extended(asked, new, context, options.warnings)

    async def _extended(self, asked: Asked, new: Object, context: Context, warnings: list[str]) -> Object:
        """The object after what others have to say of it: those who change it before anybody looks whether it is right,
        the others after that. Without webhooks for it nothing is waited for."""

        def check(ready: Object) -> None:
            admission.check(asked.row, ready, asked.old, context)

        if self.extension is None:
            check(new)
            return new

        def readmit(changed: Object) -> Object:
            return admission.readmit(asked.row, changed, new, asked.old, context)

        if asked.subresource != SCALE:
            view = asked.row.in_version(context.api_version)
            return await self._extended_in(view, asked, Steps(readmit, check), warnings)
        # Whoever looks at a scale sees one, not the object that has it.
        scales = [None if obj is None else admission.scale_of(asked.row, obj) for obj in (asked.new, asked.old)]

        def rescale(changed: Object) -> Object:
            scaled = readmit(admission.apply_scale(asked.row, new, changed))
            results.append(scaled)
            return admission.scale_of(asked.row, scaled)

        results = [new]
        steps = Steps(rescale, lambda _scale: check(results[-1]))
        await self.extension.admit(dataclasses.replace(asked, new=scales[0], old=scales[1]), steps, warnings)
        return results[-1]

    async def _extended_in(self, view: Row | None, asked: Asked, steps: Steps, warnings: list[str]) -> Object:
        """The same for the version that was asked for: whoever has a say is asked about that first."""
        new = asked.new or {}
        if self.extension is None:
            return new
        if view is None or view is asked.row:
            return await self.extension.admit(asked, steps, warnings) or new
        shown = [None if obj is None else view.show(obj) for obj in (asked.new, asked.old)]
        about = dataclasses.replace(asked, row=view, new=shown[0], old=shown[1])
        shown_steps = Steps(
            lambda obj: view.show(steps.readmit(view.keep(obj))),
            lambda obj: steps.check(new if obj == shown[0] else view.keep(obj)),
        )
        changed = await self.extension.admit(about, shown_steps, warnings)
        return new if changed is None or changed == shown[0] else view.keep(changed)

    async def _kept(self, row: Row, obj: Object) -> Object:
        """An admitted object in the version that is stored."""
        return obj if self.conversions is None else await self.conversions.kept(row, obj)

    async def ask(self, asked: Asked, warnings: list[str]) -> Object | None:
        """What others have to say of a request that writes no object itself: connections, bindings, evictions. Raises
        what refuses it; gives what was asked as others changed it."""
        if self.extension is None:
            return asked.new
        return await self.extension.admit(asked, None, warnings)

    async def apply(
        self,
        caller: Caller,
        row: Row,
        namespace: str,
        name: str,
        config: Object,
        subresource: str,
        options: WriteOptions,
    ) -> tuple[Entry, bool]:
        """Server-side apply of an object in the version of `row`. The second value tells whether it made the object."""
        if not options.field_manager:
            raise errors.invalid("PatchOptions", "meta.k8s.io", "", [MANAGER_REQUIRED])
        if meta.name(config) not in {"", name}:
            raise BadRequest(
                f"the name of the object ({meta.name(config)}) does not match the name on the URL ({name})"
            )
        config = _placed(row, {**config, "metadata": {**meta.metadata(config), "name": name}}, namespace)
        request = admission.ApplyRequest(options.field_manager, subresource, options.force)
        now, stored = self.clock.now(), row.stored
        if self.store.newest(row.resource.group_resource, namespace, name) is None and not subresource:
            if uid := meta.uid(config):
                why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                raise errors.conflict(row.resource.group_resource, name, why)
            made = admission.server_side_apply(row, None, config, request, now)
            return await self.create(caller, stored, namespace, made, options, applied=True), True

        def change(old: Object) -> Object:
            return admission.server_side_apply(row, old, config, request, now)

        entry = await self.modify(caller, "patch", stored, namespace, name, change, subresource, options, applied=True)
        return entry, False

    async def write(
        self, caller: Caller, verb: str, row: Row, current: Entry, new: Object, *, dry_run: bool = False
    ) -> Entry:
        """Store an admitted object in place of `current`, or remove it when it was only waiting for this change."""
        resource = row.resource.group_resource
        if new == current.obj:
            return await self.store.settled(resource, current)
        if dry_run:
            return Entry(current.key, current.revision, orjson.dumps(new), new)
        if meta.is_deleting(new) and deletion.is_released(new):
            gone = self.store.delete(resource, current, new)
            return await self._finish(Write(caller, verb, row.resource, current.obj, None), gone)
        written = self.store.put(resource, *current.key, new, current)
        return await self._finish(Write(caller, verb, row.resource, current.obj, new), written)

    async def delete(
        self,
        caller: Caller,
        row: Row,
        namespace: str,
        name: str,
        options: DeleteOptions,
        *,
        agreed: bool = False,
    ) -> tuple[Entry, bool]:
        """The object as it is now or was last, and whether it is gone. `agreed`: others were asked already, about the
        request that this is a part of."""
        current = self.current(row, namespace, name)
        if name in row.immortal:
            raise Forbidden(
                f'{row.resource.group_resource} "{name}" is forbidden: {row.immortal[name]}',
                details={"name": name, "group": row.resource.group, "kind": row.resource.plural},
            )
        deletion.check_preconditions(row, current, options)
        if not agreed:
            current = await self._agreed(caller, row, current, options)
        plan = deletion.plan(row, current.obj, options, self.clock.now())
        resource = row.resource.group_resource
        if options.dry_run:
            return Entry(current.key, current.revision, orjson.dumps(plan.marked), plan.marked), plan.remove
        if plan.remove:
            gone = self.store.delete(resource, current)
            return await self._finish(Write(caller, "delete", row.resource, current.obj, None), gone), True
        if plan.marked is current.obj:
            return await self.store.settled(resource, current), False
        written = self.store.put(resource, *current.key, plan.marked, current)
        return await self._finish(Write(caller, "delete", row.resource, current.obj, plan.marked), written), False

    async def _agreed(self, caller: Caller, row: Row, current: Entry, options: DeleteOptions) -> Entry:
        """The newest state, once nobody has anything against its deletion."""
        if self.extension is None:
            return current
        asked = Asked(
            caller, row, "DELETE", *current.key, None, current.obj, dry_run=options.dry_run, options=options.document()
        )
        if not self.extension.concerns(asked):
            return current
        asked = dataclasses.replace(asked, old=await self.shown(row, current.obj))
        await self.extension.admit(asked, None, options.warnings)
        newest = self.current(row, *current.key)
        deletion.check_preconditions(row, newest, options)
        return newest

    async def delete_all(
        self, caller: Caller, row: Row, entries: Iterable[Entry], options: DeleteOptions
    ) -> list[Entry]:
        """Delete what a list found; what others removed meanwhile is not an error."""

        async def one(entry: Entry) -> Entry | None:
            try:
                return (await self.delete(caller, row, *entry.key, options))[0]
            except errors.NotFound:
                return None

        done = await asyncio.gather(*(one(entry) for entry in entries))
        return [entry for entry in done if entry is not None]

    async def _finish(self, write: Write, written: asyncio.Future[Entry]) -> Entry:
        """Record the write right behind it, in the same turn; then wait for the disk."""
        if self.journal is not None:
            self.journal.record(write)
        return await written


def _computed(obj: Object) -> Entry:
    return Entry((meta.namespace(obj), meta.name(obj)), 0, encode_to_keep(obj), obj)


def require_name(obj: Object, name: str) -> None:
    """Raises BadRequest for another name than the one of the request."""
    given = meta.name(obj)
    if not given:
        raise BadRequest(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if given != name:
        raise BadRequest(f"the name of the object ({given}) does not match the name on the URL ({name})")


def _placed(row: Row, obj: Object, namespace: str) -> Object:
    """The object with the namespace of the request; raises BadRequest when it names another one."""
    named = meta.namespace(obj)
    if not row.resource.namespaced or named == namespace:
        return obj
    if named:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    return {**obj, "metadata": {**meta.metadata(obj), "namespace": namespace}}


def _require_acceptance(row: Row) -> None:
    if row.custom is not None and not row.custom.accepts:
        raise MethodNotAllowed(
            f"create not allowed while custom resource definition is terminating: {row.resource.group_resource}",
            details={"group": row.resource.group, "kind": row.resource.plural},
        )


def _is_based_on(row: Row, wanted: Object, current: Entry) -> bool:
    """Whether the wanted object names no other version than the current one; raises Invalid for what is no version."""
    based_on = meta.resource_version(wanted)
    if based_on in _ANY_VERSION or based_on == str(current.revision):
        return True
    if not based_on.isdecimal():
        cause = Cause("metadata.resourceVersion", f'Invalid value: "{based_on}": must be a whole number')
        raise errors.invalid(row.resource.kind, row.resource.group, current.key[1], [cause])
    return False
