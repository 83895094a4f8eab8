"""The API in memory: `FakeApi` keeps objects and their history, `FakeClient` is a `common.client.Client` on it.

It follows the API's rules that components depend on: one revision counter, conflicts, generations, the status
subresource, graceful deletion, finalizers, watches from a revision. It validates nothing. Tests script its failures:
`fail` makes calls raise, `hold`/`release` delay watch events, `repeat` sends some twice, `cut` ends watches, `expire`
forgets history. `assert_untouched` finds who changed a shared object.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from common.api import selectors
from common.api.kinds import CHANGES, NAMESPACES, NODES, PODS, Resource
from common.api.meta import Key, Object, format_time, is_deleting, key, labels, metadata, resource_version
from common.api.names import generate
from common.api.pods import is_terminal, node_name
from common.client import ObjectList, PatchType, WatchEvent
from common.clock import Clock, FakeClock
from common.errors import ApiError, BadRequest, Cause, Expired, Forbidden, already_exists, conflict, not_found
from console.registry import jsonpatch

# Kinds whose status, like everything else in them, is written with the object itself.
_WITHOUT_STATUS = frozenset(
    {"configmaps", "secrets", "events", "serviceaccounts", "endpoints", "endpointslices.discovery.k8s.io",
     "leases.coordination.k8s.io", "hosts.quarterdeck.io", "controllerrevisions.apps"}
)  # fmt: skip
_POLICY_FINALIZERS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}


def copy(obj: Any) -> Any:
    """A deep copy of JSON data."""
    return orjson.loads(orjson.dumps(obj))


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as tests look at them and failures choose among them."""

    verb: str
    resource: Resource
    key: Key
    subresource: str = ""
    body: Any = None


@dataclass(slots=True)
class _Failure:
    error: Callable[[], BaseException]
    matches: Callable[[Call], bool]
    times: int
    after: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One write of the history; `old` is None for a create, `new` for a removal."""

    revision: int
    group_resource: str
    old: Object | None
    new: Object | None
    digest: bytes


class FakeApi:
    """Objects, history and scripted failures. Its methods are synchronous; every client shares them."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or FakeClock()
        self.revision = 1
        self.calls: list[Call] = []
        self._objects: dict[str, dict[Key, Object]] = {}
        self._history: list[Change] = []
        self._compacted = 0
        self._failures: list[_Failure] = []
        self._held: set[str] = set()
        self._cuts = 0
        self._repeats: deque[Change] = deque()
        self._waiters: set[asyncio.Event] = set()
        self._uids = itertools.count(1)

    # What tests say and ask

    def client(self) -> FakeClient:
        return FakeClient(self)

    def seed(self, resource: Resource, *objects: Object) -> Object:
        """Store objects as they are, status included; returns the last one stored."""
        stored: Object = {}
        for given in objects:
            obj = self._prepared(resource, given, None)
            existing = self.find(resource, key(obj))
            if existing is not None:
                metadata(obj)["uid"] = metadata(given).get("uid") or metadata(existing)["uid"]
            stored = self._store(resource, existing, obj)
        return stored

    def find(self, resource: Resource, obj_key: Key) -> Object | None:
        return self._objects.get(resource.group_resource, {}).get(obj_key)

    def items(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        found = self._objects.get(resource.group_resource, {})
        return [obj for obj_key, obj in sorted(found.items()) if namespace in (None, obj_key.namespace)]

    def vanish(self, resource: Resource, obj_key: Key) -> None:
        """Remove at once, whatever finalizers or grace period say."""
        obj = self.find(resource, obj_key)
        if obj is not None:
            self._store(resource, obj, None)

    def fail(
        self,
        error: ApiError | type[BaseException],
        *,
        verb: str = "",
        resource: Resource | None = None,
        subresource: str | None = None,
        name: str = "",
        namespace: str | None = None,
        times: int = 1,
        after: bool = False,
    ) -> None:
        """Make the next `times` calls that match raise; with `after` the call takes effect and its answer is lost."""

        def matches(call: Call) -> bool:
            return (
                verb in ("", call.verb)
                and resource in (None, call.resource)
                and subresource in (None, call.subresource)
                and name in ("", call.key.name)
                and namespace in (None, call.key.namespace)
            )

        make = (
            error
            if isinstance(error, type)
            else lambda: type(error)(error.message, details=error.details, causes=error.causes)
        )
        self._failures.append(_Failure(make, matches, times, after))

    def heal(self) -> None:
        """Forget all scripted failures."""
        self._failures.clear()

    def hold(self, *resources: Resource) -> None:
        """Watches of these resources deliver nothing until `release`."""
        self._held |= {resource.group_resource for resource in resources}

    def release(self) -> None:
        self._held.clear()
        self._wake()

    def repeat(self, count: int) -> None:
        """Open watches deliver the last `count` changes once more, as a resumed watch may."""
        self._repeats.extend(self._history[-count:] if count else ())
        self._wake()

    def cut(self) -> None:
        """End all open watches, without an error."""
        self._cuts += 1
        self._wake()

    def expire(self) -> None:
        """Forget all history: older revisions cannot be watched any more."""
        self._compacted = self.revision
        self.cut()

    @property
    def is_holding(self) -> bool:
        return bool(self._held)

    def changes(self, start: int) -> list[Change]:
        """The history from its `start`-th write on."""
        return self._history[start:]

    def assert_untouched(self) -> None:
        """AssertionError when somebody changed an object that the API shares."""
        for change in self._history:
            obj = change.new if change.new is not None else change.old
            assert orjson.dumps(obj) == change.digest, f"shared object changed: {obj}"

    # Verbs

    def request(self, call: Call, act: Callable[[], Object]) -> Object:
        self.calls.append(call)
        failure = self._failing(call)
        if failure is not None and not failure.after:
            raise failure.error()
        result = act()
        if failure is not None:
            raise failure.error()
        return result

    def _failing(self, call: Call) -> _Failure | None:
        for failure in self._failures:
            if failure.matches(call):
                failure.times -= 1
                if failure.times <= 0:
                    self._failures.remove(failure)
                return failure
        return None

    def get(self, resource: Resource, obj_key: Key) -> Object:
        obj = self.find(resource, obj_key)
        if obj is None:
            raise not_found(resource.group_resource, obj_key.name)
        return obj

    def create(self, resource: Resource, given: Object, namespace: str | None) -> Object:
        obj = self._prepared(resource, given, namespace)
        if resource.group_resource not in _WITHOUT_STATUS and resource != NODES:
            obj.pop("status", None)
        if resource == PODS:
            obj["status"] = {"phase": "Pending"}
        if resource == NAMESPACES:
            obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
            obj["status"] = {"phase": "Active"}
        if self.find(resource, key(obj)) is not None:
            raise already_exists(resource.group_resource, key(obj).name)
        home = self.find(NAMESPACES, Key("", key(obj).namespace))
        if home is not None and is_deleting(home):
            text = f"namespace {key(obj).namespace} is being terminated"
            cause = Cause("metadata.namespace", text, "NamespaceTerminating")
            raise Forbidden(f"unable to create new content, {text}", causes=(cause,))
        return self._store(resource, None, obj)

    def _prepared(self, resource: Resource, given: Object, namespace: str | None) -> Object:
        obj: Object = copy(given)
        meta = obj.setdefault("metadata", {})
        if resource.namespaced:
            meta["namespace"] = meta.get("namespace") or namespace or "default"
        if not meta.get("name"):
            meta["name"] = generate(meta["generateName"])
        obj.setdefault("apiVersion", resource.api_version)
        obj.setdefault("kind", resource.kind)
        meta.setdefault("uid", str(uuid.UUID(int=next(self._uids))))
        meta.setdefault("creationTimestamp", format_time(self.clock.now()))
        meta.setdefault("generation", 1)
        return obj

    def update(self, resource: Resource, given: Object, subresource: str) -> Object:
        old = self.get(resource, key(given))
        if resource_version(given) not in ("", resource_version(old)):
            raise conflict(resource.group_resource, key(given).name)
        if metadata(given).get("uid") not in (None, metadata(old)["uid"]):
            raise conflict(resource.group_resource, key(given).name, "the UID in the precondition differs")
        obj = self._merged(resource, old, copy(given), subresource)
        meta = obj["metadata"]
        for field in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
            meta.pop(field, None)
            if field in metadata(old):
                meta[field] = metadata(old)[field]
        meta["resourceVersion"] = resource_version(old)
        if _content(obj) != _content(old):
            meta["generation"] = metadata(old).get("generation", 0) + 1
        if obj == old:
            return old
        return self._store(resource, old, None if _may_go(resource, obj) else obj)

    def _merged(self, resource: Resource, old: Object, given: Object, subresource: str) -> Object:
        if subresource in ("status", "approval"):
            return {**copy(old), "status": given.get("status", {})}
        if subresource == "scale":
            return {**copy(old), "spec": {**copy(old["spec"]), "replicas": given["spec"]["replicas"]}}
        if subresource == "finalize":
            return {**copy(old), "spec": given.get("spec", {})}
        if subresource not in ("", "ephemeralcontainers", "resize"):
            raise BadRequest(f"the fake API has no subresource {subresource}")
        if resource.group_resource not in _WITHOUT_STATUS:
            given.pop("status", None)
            if "status" in old:
                given["status"] = copy(old["status"])
        return given

    def patch(self, resource: Resource, obj_key: Key, patch: Any, kind: PatchType, subresource: str) -> Object:
        if kind is PatchType.APPLY and self.find(resource, obj_key) is None:
            return self.create(resource, patch, obj_key.namespace)
        old = self.get(resource, obj_key)
        base = copy(old)
        if subresource == "scale":
            base = {"metadata": base["metadata"], "spec": {"replicas": base["spec"].get("replicas", 1)}}
        changed = jsonpatch.apply(base, patch) if kind is PatchType.JSON else merge(base, copy(patch))
        return self.update(resource, changed, subresource)

    def delete(
        self, resource: Resource, obj_key: Key, uid: str | None, grace: int | None, policy: str | None
    ) -> Object:
        old = self.get(resource, obj_key)
        if uid not in (None, metadata(old)["uid"]):
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {metadata(old)['uid']}"
            raise conflict(resource.group_resource, obj_key.name, why)
        obj = copy(old)
        meta = obj["metadata"]
        if policy is not None:
            kept = [name for name in meta.get("finalizers", []) if name not in _POLICY_FINALIZERS.values()]
            meta["finalizers"] = kept + ([_POLICY_FINALIZERS[policy]] if policy in _POLICY_FINALIZERS else [])
        seconds = _grace(resource, obj, grace)
        if not is_deleting(obj):
            meta["generation"] = meta.get("generation", 0) + 1
        if not is_deleting(obj) or seconds < meta.get("deletionGracePeriodSeconds", 0):
            meta["deletionTimestamp"] = format_time(self.clock.now() + timedelta(seconds=seconds))
            meta["deletionGracePeriodSeconds"] = seconds
        if resource == NAMESPACES:
            obj["status"] = {**obj.get("status", {}), "phase": "Terminating"}
        if obj == old:
            return old
        return self._store(resource, old, None if _may_go(resource, obj) else obj)

    def bind(self, pod_key: Key, body: Object) -> Object:
        old = self.get(PODS, pod_key)
        if metadata(body).get("uid") not in (None, "", metadata(old)["uid"]):
            raise conflict("pods/binding", pod_key.name, "the UID in the precondition differs")
        if is_deleting(old):
            raise conflict(
                "pods/binding", pod_key.name, f"pod {pod_key.name} is being deleted, cannot be assigned to a host"
            )
        if node_name(old):
            raise conflict(
                "pods/binding", pod_key.name, f"pod {pod_key.name} is already assigned to node {node_name(old)}"
            )
        obj = copy(old)
        obj.setdefault("spec", {})["nodeName"] = body["target"]["name"]
        now = format_time(self.clock.now())
        others = [entry for entry in obj["status"].get("conditions", []) if entry["type"] != "PodScheduled"]
        obj["status"]["conditions"] = [
            *others, {"type": "PodScheduled", "status": "True", "lastTransitionTime": now}
        ]  # fmt: skip
        self._store(PODS, old, obj)
        return {"kind": "Status", "apiVersion": "v1", "status": "Success", "code": 201}

    # Storage and watching

    def _store(self, resource: Resource, old: Object | None, new: Object | None) -> Object:
        self.revision += 1
        table = self._objects.setdefault(resource.group_resource, {})
        latest: Object = new if new is not None else copy(old)
        latest["metadata"]["resourceVersion"] = str(self.revision)
        if new is None:
            del table[key(latest)]
            change = Change(self.revision, resource.group_resource, latest, None, orjson.dumps(latest))
        else:
            table[key(latest)] = latest
            change = Change(self.revision, resource.group_resource, old, latest, orjson.dumps(latest))
        self._history.append(change)
        self._wake()
        return latest

    def _wake(self) -> None:
        for waiter in self._waiters:
            waiter.set()

    async def watch(
        self, resource: Resource, since: int, wanted: Callable[[Object], bool]
    ) -> AsyncIterator[WatchEvent]:
        if since < self._compacted:
            raise Expired(f"too old resource version: {since} ({self._compacted})")
        position = next((i for i, change in enumerate(self._history) if change.revision > since), len(self._history))
        cuts = self._cuts
        repeated = len(self._repeats)
        waiter = asyncio.Event()
        self._waiters.add(waiter)
        try:
            while cuts == self._cuts:
                waiter.clear()
                if resource.group_resource not in self._held:
                    pending = [*itertools.islice(self._repeats, repeated, None), *self._history[position:]]
                    repeated, position = len(self._repeats), len(self._history)
                    for event in _events(pending, resource.group_resource, wanted):
                        yield event
                    if position < len(self._history):
                        continue
                await waiter.wait()
        finally:
            self._waiters.discard(waiter)


def _events(changes: Iterable[Change], group_resource: str, wanted: Callable[[Object], bool]) -> Iterable[WatchEvent]:
    for change in changes:
        if change.group_resource != group_resource:
            continue
        before = change.old is not None and wanted(change.old)
        if change.new is not None and wanted(change.new):
            yield WatchEvent("MODIFIED" if before else "ADDED", change.new)
        elif before and change.old is not None:
            gone = change.old
            if change.new is not None:  # it left the selection: the event carries its new revision
                gone = {**gone, "metadata": {**gone["metadata"], "resourceVersion": resource_version(change.new)}}
            yield WatchEvent("DELETED", gone)


def _content(obj: Object) -> Object:
    return {field: value for field, value in obj.items() if field not in ("metadata", "status")}


def _grace(resource: Resource, obj: Object, asked: int | None) -> int:
    if resource != PODS or not node_name(obj) or is_terminal(obj):
        return 0
    return asked if asked is not None else int(obj.get("spec", {}).get("terminationGracePeriodSeconds", 30))


def _may_go(resource: Resource, obj: Object) -> bool:
    meta = metadata(obj)
    held = meta.get("finalizers") or (resource == NAMESPACES and obj.get("spec", {}).get("finalizers"))
    return is_deleting(obj) and not held and not meta.get("deletionGracePeriodSeconds")


def merge(target: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for field, value in patch.items():
        if value is None:
            result.pop(field, None)
        else:
            result[field] = merge(result.get(field), value)
    return result


class FakeClient:
    """A client of a `FakeApi`. Strategic and apply patches are merged as JSON merge patches."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api

    async def _request(
        self, verb: str, resource: Resource, obj_key: Key, act: Callable[[], Object], subresource: str = "",
        body: Any = None,
    ) -> Object:  # fmt: skip
        await asyncio.sleep(0)
        return self.api.request(Call(verb, resource, obj_key, subresource, body), act)

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str = ""
    ) -> Object:
        wanted = Key(namespace or "", name)
        return await self._request("get", resource, wanted, lambda: self.api.get(resource, wanted), subresource)

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        page: str = "",
    ) -> ObjectList:
        wanted = _filter(namespace, label_selector, field_selector)
        await self._request("list", resource, Key(namespace or "", ""), dict)
        found = [obj for obj in self.api.items(resource) if wanted(obj)]
        start = int(page or 0)
        end = start + limit if limit else len(found)
        return ObjectList(found[start:end], str(self.api.revision), str(end) if end < len(found) else "")

    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        await self._request("watch", resource, Key(namespace or "", ""), dict)
        wanted = _filter(namespace, label_selector, field_selector)
        async for event in self.api.watch(resource, int(resource_version or self.api.revision), wanted):
            yield event

    async def create(self, resource: Resource, obj: Object, namespace: str | None = None) -> Object:
        wanted = Key(namespace or key(obj).namespace, key(obj).name)
        return await self._request(
            "create", resource, wanted, lambda: self.api.create(resource, obj, namespace), body=obj
        )

    async def update(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        return await self._request(
            "update", resource, key(obj), lambda: self.api.update(resource, obj, subresource), subresource, obj
        )

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        namespace: str | None = None,
        *,
        kind: PatchType = PatchType.MERGE,
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> Object:
        wanted = Key(namespace or "", name)
        return await self._request(
            "patch", resource, wanted, lambda: self.api.patch(resource, wanted, patch, kind, subresource), subresource,
            patch,
        )  # fmt: skip

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        grace_period_seconds: int | None = None,
        propagation_policy: str | None = None,
    ) -> Object:
        wanted = Key(namespace or "", name)

        def act() -> Object:
            return self.api.delete(resource, wanted, uid, grace_period_seconds, propagation_policy)

        return await self._request("delete", resource, wanted, act)

    async def post(
        self, resource: Resource, name: str, subresource: str, body: Object, namespace: str | None = None
    ) -> Object:
        wanted = Key(namespace or "", name)

        def act() -> Object:
            if (resource, subresource) == (PODS, "binding"):
                return self.api.bind(wanted, body)
            if (resource, subresource) == (PODS, "eviction"):
                return self.api.delete(resource, wanted, None, None, None)
            if (resource, subresource) == (CHANGES, "undo"):
                return copy(self.api.find(resource, wanted))
            raise BadRequest(f"the fake API has no subresource {resource.plural}/{subresource}")

        return await self._request("post", resource, wanted, act, subresource, body)


def _filter(namespace: str | None, label_selector: str, field_selector: str) -> Callable[[Object], bool]:
    by_label = selectors.parse(label_selector)
    by_field = selectors.parse_fields(field_selector)

    def wanted(obj: Object) -> bool:
        return (
            namespace in (None, key(obj).namespace)
            and by_label.matches(labels(obj))
            and selectors.matches_fields(obj, by_field)
        )

    return wanted
