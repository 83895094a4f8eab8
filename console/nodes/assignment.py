"""What each node has to know, kept up to date with work in proportion to what changed.

A node gets its own pods, the ConfigMaps, Secrets and claims that they name, the volumes of those, and all Services,
EndpointSlices, Nodes, Namespaces, RuntimeClasses and NetworkPolicies; while there are policies, also what their rules
ask of all pods (`common.api.policypeers`); when it runs the proxy, also all Ingresses, their classes and the TLS
Secrets that they name. `Distribution` learns of changes from informers and marks them in the `Feed` of every node
concerned; a feed's session takes what is marked when its connection is ready for more. So a slow node holds back
nobody, and many changes of one object while it is slow cost one message. Synchronous and without clock or I/O.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import orjson

from common.api import ingressnode, meta
from common.api.conditions import get_condition
from common.api.meta import Object, key, labels, name, namespace, uid
from common.api.pods import node_name
from common.api.policypeers import PEERS, peer
from common.api.references import CONFIGMAPS, INGRESSES, SECRETS, Reference, tls_references
from common.encoding import encode_to_keep
from common.hosts import AGENT_ADDRESS
from common.session import Sync

from .chains import CLAIMS, LINKS, VOLUMES, closure

PODS, NODES = "pods", "nodes"
POLICIES = "networkpolicies"
SHARED = frozenset({"services", "endpointslices", NODES, "namespaces", "runtimeclasses", POLICIES, PEERS})
PROXIED = frozenset({INGRESSES, "ingressclasses"})  # for the nodes that run the proxy
MIN_PACE = 0.01  # seconds; changes come in bursts, a hundredth of a second makes one message of many
PACE_PER_NODE = 0.0005
MAX_ALIKE = 1024  # sets of what pods name that are known: those of so many templates
_UNTOLD = frozenset({"resourceVersion", "managedFields"})  # of a pod: a change of these is none to its node
RESOURCES = (PODS, CONFIGMAPS, SECRETS, CLAIMS, VOLUMES, *sorted(SHARED | PROXIED))


class Item(NamedTuple):
    """An object by plural and uid."""

    resource: str
    uid: str


class Feed:
    """What one node still has to be told, and how far it has come. One session at a time takes from it."""

    def __init__(self, distribution: Distribution, node: str, wake: Callable[[], None]) -> None:
        self._distribution = distribution
        self.node = node
        self._wake = wake
        self._dirty: dict[Item, None] = {}
        self._sent: set[Item] = set()  # of what is not for all nodes
        self._outstanding: deque[tuple[int, int]] = deque()  # (generation, version before it)
        self._version = distribution.version
        self._generation = 0
        self._fresh = True

    def mark(self, item: Item) -> None:
        self._dirty[item] = None
        self._wake()

    @property
    def pending(self) -> bool:
        return self._fresh or bool(self._dirty)

    def take(self) -> Sync | None:
        """What the node lacks now, of objects as they are kept; None when nothing. The first is full."""
        if not self.pending:
            return None
        full, self._fresh = self._fresh, False
        items = self._distribution.wanted(self.node) if full else list(self._dirty)
        self._dirty.clear()
        objects: dict[str, list[Object]] = {}
        removed: dict[str, list[str]] = {}
        for item in items:
            wanted = self._distribution.view(self.node, item)
            is_shared = item.resource in SHARED
            if wanted is not None:
                objects.setdefault(item.resource, []).append(wanted)
                if not is_shared:
                    self._sent.add(item)
            elif is_shared or item in self._sent:
                removed.setdefault(item.resource, []).append(item.uid)
                self._sent.discard(item)
        if not (full or objects or removed):
            return None
        self._generation += 1
        self._outstanding.append((self._generation, self._version))
        self._version = self._distribution.version
        return Sync(self._generation, full, objects, removed)

    def applied(self, generation: int) -> None:
        """The node's tables reflect that generation."""
        while self._outstanding and self._outstanding[0][0] <= generation:
            self._outstanding.popleft()

    def reflects(self, version: int) -> bool:
        """Whether the node's tables reflect every change of the distribution up to that version."""
        if self.pending and self._version < version:
            return False
        return not any(before < version for _, before in self._outstanding)


class Distribution:
    """All objects that nodes need, with the indexes that make a change cheap."""

    def __init__(self) -> None:
        self.version = 0
        self._objects: dict[str, dict[str, Object]] = {resource: {} for resource in RESOURCES}
        self._encoded: dict[Item, tuple[Object, bytes]] = {}
        self._feeds: dict[str, Feed] = {}
        self._pods: dict[str, set[str]] = {}  # node -> uids
        self._references: dict[str, frozenset[Reference]] = {}  # by uid of a pod, whose node is known
        self._alike: dict[frozenset[Reference], frozenset[Reference]] = {}  # one for the pods that name the same
        self._named: dict[Reference, str] = {}  # the uid of what can be referred to
        self._users: dict[Reference, dict[str, set[str]]] = {}  # reference -> node -> uids of pods
        self._proxies: set[str] = set()  # nodes that run the proxy
        self._tls: dict[Reference, set[str]] = {}  # Secret -> uids of Ingresses

    def open(self, node: str, wake: Callable[[], None]) -> Feed:
        """A new session's feed, which begins with everything."""
        feed = self._feeds[node] = Feed(self, node, wake)
        return feed

    def close(self, feed: Feed) -> None:
        if self._feeds.get(feed.node) is feed:
            del self._feeds[feed.node]

    def again(self, pod: Object) -> None:
        """Tell the pod's node how the API has it: somebody else wrote its status."""
        self._mark((node_name(pod),), PODS, None, pod)

    def feed(self, node: str) -> Feed | None:
        return self._feeds.get(node)

    def change(self, resource: str, old: Object | None, new: Object | None) -> None:
        """An informer's listener: the object was added (no old), changed or deleted (no new)."""
        if resource == NODES:
            self._change_proxy(new if new is not None else old, new)
        projected = _project(resource, new) if new is not None else None
        before = self._objects[resource].get(uid(old)) if old is not None else None
        if old is not None and (new is None or uid(new) != uid(old)):
            self._objects[resource].pop(uid(old), None)
            self._encoded.pop(Item(resource, uid(old)), None)
        if new is not None and projected is not None:
            self._objects[resource][uid(new)] = projected
        if resource == PODS and self._objects[POLICIES]:
            self._change_peers(uid(obj) for obj in (old, new) if obj is not None)
        if before is not None and projected is not None and _same(resource, before, projected):
            return
        self.version += 1
        if resource in SHARED:
            self._mark(self._feeds, resource, old, new)
            if resource == POLICIES and bool(self._objects[POLICIES]) != bool(self._objects[PEERS]):
                self._change_peers([*self._objects[PODS]])
        elif resource in PROXIED:
            self._mark(self._proxies, resource, old, new)
            if resource == INGRESSES:
                self._change_ingress(old, new)
        elif resource == PODS:
            self._change_pod(old, new)
        else:
            self._change_named(resource, old, new)

    @property
    def pace(self) -> float:
        """Seconds in which changes are gathered before a node is told: what all nodes get costs the more of them
        there are, and with hundreds a tenth of a second is still quick."""
        return max(MIN_PACE, PACE_PER_NODE * len(self._feeds))

    def encoded(self, resource: str, obj: Object) -> bytes:
        """The object as JSON, made once however many nodes get it as it is now."""
        item = Item(resource, uid(obj))
        if resource not in SHARED | PROXIED or self._objects[resource].get(item.uid) is not obj:
            return orjson.dumps(_without_record(obj))
        cached = self._encoded.get(item)
        if cached is None or cached[0] is not obj:
            cached = self._encoded[item] = (obj, encode_to_keep(_without_record(obj)))
        return cached[1]

    def wanted(self, node: str) -> list[Item]:
        """Everything that the node has to know."""
        items = [Item(resource, found) for resource in sorted(SHARED) for found in self._objects[resource]]
        pods = sorted(self._pods.get(node, ()), key=self._age)  # as changes would have told them: in order
        items += [Item(PODS, found) for found in pods]
        named = {ref for found in pods for ref in self._references.get(found, ())}
        if node in self._proxies:
            items += [Item(resource, found) for resource in sorted(PROXIED) for found in self._objects[resource]]
            named |= self._tls.keys()
        items += [Item(ref[0], self._named[ref]) for ref in sorted(named) if ref in self._named]
        return items

    def _age(self, pod_uid: str) -> tuple[str, int]:
        """Sorts pods by when they were made; those of one second by their latest change."""
        pod = self._objects[PODS][pod_uid]
        return str(meta.metadata(pod).get("creationTimestamp") or ""), int(meta.resource_version(pod) or 0)

    def view(self, node: str, item: Item) -> Object | None:
        """The object if the node needs it."""
        obj = self._objects[item.resource].get(item.uid)
        if obj is None or item.resource in SHARED:
            return obj
        if item.resource == PODS:
            return obj if node_name(obj) == node else None
        if item.resource in PROXIED:
            return obj if node in self._proxies else None
        ref = (item.resource, namespace(obj), name(obj))
        return obj if node in self._users.get(ref, {}) or (node in self._proxies and ref in self._tls) else None

    def _change_peers(self, pods: Iterable[str]) -> None:
        """What policies ask of these pods may have changed; without policies nobody has to know."""
        told = self._objects[PEERS]
        for pod_uid in {*pods}:
            pod = self._objects[PODS].get(pod_uid)
            now = peer(pod) if pod is not None and self._objects[POLICIES] else None
            if now == told.get(pod_uid):
                continue
            if now is None:
                del told[pod_uid]
                self._encoded.pop(Item(PEERS, pod_uid), None)
            else:
                told[pod_uid] = now
            self.version += 1
            for feed in self._feeds.values():
                feed.mark(Item(PEERS, pod_uid))

    def _change_proxy(self, node: Object | None, new: Object | None) -> None:
        """A node that begins to run the proxy, or ceases to, needs other objects than before."""
        where = name(node or {})
        runs = new is not None and ingressnode.may_run(new)
        if runs == (where in self._proxies):
            return
        (self._proxies.add if runs else self._proxies.discard)(where)
        self.version += 1
        feed = self._feeds.get(where)
        if feed is not None:
            named = [Item(SECRETS, self._named[ref]) for ref in self._tls if ref in self._named]
            for item in [*named, *(Item(kind, found) for kind in sorted(PROXIED) for found in self._objects[kind])]:
                feed.mark(item)

    def _change_ingress(self, old: Object | None, new: Object | None) -> None:
        before = tls_references(old) if old is not None else frozenset()
        now = tls_references(new) if new is not None else frozenset()
        ident = uid(new if new is not None else old or {})
        for ref in before - now:
            users = self._tls.get(ref, set())
            users.discard(ident)
            if not users:
                self._tls.pop(ref, None)
        for ref in now - before:
            self._tls.setdefault(ref, set()).add(ident)
        for ref in before ^ now:
            if ref in self._named:
                for where in self._proxies & self._feeds.keys():
                    self._feeds[where].mark(Item(SECRETS, self._named[ref]))

    def _mark(self, nodes: Iterable[str], resource: str, old: Object | None, new: Object | None) -> None:
        items = {Item(resource, uid(obj)) for obj in (old, new) if obj is not None}
        for node in nodes:
            if (feed := self._feeds.get(node)) is not None:
                for item in items:
                    feed.mark(item)

    def _change_pod(self, old: Object | None, new: Object | None) -> None:
        nodes = {node_name(obj) for obj in (old, new) if obj is not None and node_name(obj)}
        was = self._references.get(uid(old), frozenset()) if old is not None else frozenset()
        now = self._closure(new) if new is not None and node_name(new) else frozenset()
        if old is not None and node_name(old):
            self._forget_pod(old, was)
        if new is not None and node_name(new):
            self._pods.setdefault(node_name(new), set()).add(uid(new))
            self._references[uid(new)] = now
            for ref in now:
                self._users.setdefault(ref, {}).setdefault(node_name(new), set()).add(uid(new))
        # What a pod names goes out with it, and goes away after the last pod that names it. A namesake on another node
        # (a deletion and a creation seen as one change) is news there even when it names the same.
        self._mark_named(was ^ now if len(nodes) < 2 else was | now, nodes)
        self._mark(nodes, PODS, old, new)

    def _forget_pod(self, pod: Object, refs: frozenset[Reference]) -> None:
        node = node_name(pod)
        _discard(self._pods, node, uid(pod))
        self._references.pop(uid(pod), None)
        self._release(refs, node, uid(pod))

    def _release(self, refs: Iterable[Reference], node: str, pod_uid: str) -> None:
        for ref in refs:
            users = self._users.get(ref, {})
            _discard(users, node, pod_uid)
            if not users:
                self._users.pop(ref, None)

    def _closure(self, pod: Object) -> frozenset[Reference]:
        """All that the pod needs; the same object for all that need the same."""
        found = closure(pod, self._find)
        if len(self._alike) >= MAX_ALIKE:
            self._alike.clear()
        return self._alike.setdefault(found, found)

    def _find(self, ref: Reference) -> Object | None:
        found = self._named.get(ref)
        return self._objects[ref[0]].get(found) if found is not None else None

    def _change_named(self, resource: str, old: Object | None, new: Object | None) -> None:
        nodes: set[str] = set()
        for obj in (old, new):
            if obj is not None:
                ref = (resource, namespace(obj), name(obj))
                nodes |= self._users.get(ref, {}).keys()
                nodes |= self._proxies if ref in self._tls else set()
                self._named.pop(ref, None)
        if new is not None:
            self._named[(resource, namespace(new), name(new))] = uid(new)
        self._mark(nodes, resource, old, new)
        if resource in LINKS:
            for obj in (old, new):
                if obj is not None:
                    self._follow((resource, namespace(obj), name(obj)))

    def _follow(self, ref: Reference) -> None:
        """A link of a chain changed: what lies behind it is another for the pods that use it."""
        for node, pods in list(self._users.get(ref, {}).items()):
            for pod_uid in list(pods):
                was = self._references[pod_uid]
                now = self._references[pod_uid] = self._closure(self._objects[PODS][pod_uid])
                self._release(was - now, node, pod_uid)
                for found in now - was:
                    self._users.setdefault(found, {}).setdefault(node, set()).add(pod_uid)
                self._mark_named(was ^ now, (node,))

    def _mark_named(self, refs: Iterable[Reference], nodes: Iterable[str]) -> None:
        for ref in refs:
            if (named := self._named.get(ref)) is not None:
                for node in nodes:
                    if (feed := self._feeds.get(node)) is not None:
                        feed.mark(Item(ref[0], named))


def _discard(table: dict[str, set[str]], entry: str, value: str) -> None:
    found = table.get(entry)
    if found is not None:
        found.discard(value)
        if not found:
            del table[entry]


def _project(resource: str, obj: Object) -> Object:
    """What is kept of the object: itself, which others keep too, but of a node what nodes need. It changes often in
    what only people read: every beat of one would go to all."""
    if resource != NODES:
        return obj
    status = obj.get("status") or {}
    ready = get_condition(obj, "Ready")
    told = {AGENT_ADDRESS, *ingressnode.ANNOTATIONS}
    annotations = {field: value for field, value in meta.annotations(obj).items() if field in told}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name(obj), "uid": uid(obj), "labels": labels(obj), "annotations": annotations},
        "spec": obj.get("spec") or {},
        "status": {
            "addresses": status.get("addresses") or [],
            "conditions": [{"type": "Ready", "status": ready.get("status", "Unknown")}] if ready else [],
        },
    }


def _without_record(obj: Object) -> Object:
    """The object as nodes get it: who owns its fields is nothing to them."""
    found = meta.metadata(obj)
    if "managedFields" not in found:
        return obj
    return {**obj, "metadata": {field: value for field, value in found.items() if field != "managedFields"}}


def _same(resource: str, before: Object, now: Object) -> bool:
    """Whether the change is none to a node. A pod's status comes from its node: no need to tell it back, but for the
    conditions that others set for it to be ready."""
    if resource == NODES:
        return before == now
    if resource != PODS or key(before) != key(now):
        return False
    return _as_told(before) == _as_told(now)


def _as_told(pod: Object) -> Object:
    kept = {field: value for field, value in meta.metadata(pod).items() if field not in _UNTOLD}
    return {**pod, "metadata": kept, "status": _gates(pod)}


def _gates(pod: Object) -> Object:
    """By type, the status of the conditions that the pod's readiness waits for."""
    wanted = {gate.get("conditionType") for gate in (pod.get("spec") or {}).get("readinessGates") or ()}
    if not wanted:
        return {}
    found = (pod.get("status") or {}).get("conditions") or ()
    return {item["type"]: item.get("status") for item in found if item.get("type") in wanted}
