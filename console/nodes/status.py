"""What agents report, written to the API: statuses of pods and of the node, ends of pods, events, and the lease.

Reports are levels, so writing one twice is harmless, and what the API already says is not written again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable

import orjson

from common.api import conditions as conditions_of
from common.api.kinds import LEASES, NODES, PODS, Resource
from common.api.meta import Key, Object, format_micro_time, format_time, key, metadata, name, uid
from common.api.pods import node_name
from common.api.resizing import IN_PROGRESS, PENDING
from common.client import Client, Informer
from common.clock import Clock
from common.errors import AlreadyExists, BadRequest, Conflict, Forbidden, Invalid, NotFound, RequestEntityTooLarge
from common.events import Recorder
from common.session import Report

from . import extended
from .freshest import Freshest

log = logging.getLogger(__name__)
LEASE_NAMESPACE = "kube-node-lease"
KUBELET = "kubelet"  # what agents are to whoever reads events: that name selects what nodes say
LEASE_SECONDS = 40  # as kubelet's; renewed every quarter of it
PARALLEL_WRITES = 32  # statuses of one report: many share one commit of the store
ATTEMPTS = 16  # at one status, while others write to the same object: more is no coincidence
_OF_OTHERS = ("qosClass", "nominatedNodeName", "resourceClaimStatuses", "extendedResourceClaimStatus")
_REFUSALS = (BadRequest, Forbidden, RequestEntityTooLarge, Invalid)  # which the same status gets again
_RESOURCES = {"Pod": PODS, "Node": NODES}


def objects(values: object) -> list[Object]:
    """The JSON objects in what should be a list of them: agents are trusted with their node, not with our health."""
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def merge_conditions(current: Iterable[Object], reported: object, now: str) -> list[Object]:
    """The reported conditions, with the moment of their last change, and those of other writers."""
    known = {str(condition.get("type")): condition for condition in current}
    merged: dict[str, Object] = {}
    for condition in objects(reported):
        kind = str(condition.get("type"))
        before = known.get(kind, {})
        since = before.get("lastTransitionTime") if before.get("status") == condition.get("status") else None
        merged[kind] = {**condition, "lastTransitionTime": condition.get("lastTransitionTime") or since or now}
    return [*merged.values(), *(condition for kind, condition in known.items() if kind not in merged)]


def merge_pod_status(current: Object, reported: Object, now: str) -> Object:
    """The agent's status, with what others own: conditions of the scheduler, the QoS class, the nomination, claims."""
    others: Object = {field: current[field] for field in _OF_OTHERS if field in current}
    # Those of a resize stand for what is under way: what the agent no longer says is over.
    lasting = [item for item in current.get("conditions") or () if item.get("type") not in {PENDING, IN_PROGRESS}]
    merged = merge_conditions(lasting, reported.get("conditions"), now)
    return {**others, **reported, "conditions": merged}


class StatusWriter:
    """Shared by all sessions. `pods` is the mirror that answers what the API says now. `overwritten` gets each pod of a
    Ready node whose status somebody else wrote: the last word on it has its agent, as kubelet has."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        pods: Informer,
        nodes: Informer,
        events: Recorder,
        overwritten: Callable[[Object], None] = lambda _pod: None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._overwritten = overwritten
        self._pods = Freshest(pods, self._pod_overwritten)
        self._nodes = Freshest(nodes, self._node_overwritten)
        self._said: dict[str, bytes] = {}  # by node, its status as its agent told it last
        self._overwritten_nodes: set[str] = set()
        self._node_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._events = events
        self._by_uid = pods
        pods.add_index("uid", lambda pod: [uid(pod)])

    async def write(self, node: str, report: Report) -> None:
        """Store a report. ApiError when the API is not able to: the report is then not acknowledged."""
        limit = asyncio.Semaphore(PARALLEL_WRITES)

        async def limited(entry: Object) -> None:
            async with limit:
                await self._write_pod(node, entry)

        # All are waited for: what would go on behind a report that is tried again could come after later ones.
        results = await asyncio.gather(*(limited(entry) for entry in objects(report.pods)), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        for pod_uid in report.gone:
            await self._remove_pod(node, str(pod_uid))
        if report.node is not None:
            await self.write_node(node, report.node)
        for event in objects(report.events):
            self._record(node, event)

    def _pod_overwritten(self, pod: Object) -> None:
        node = self._nodes.get(Key("", node_name(pod)))
        if node is not None and conditions_of.is_true(node, "Ready"):
            self._overwritten(pod)

    def _node_overwritten(self, node: Object) -> None:
        ready = conditions_of.get_condition(node, "Ready")
        if ready is not None and ready.get("status") != "Unknown":  # what the agent of a lost node said is no longer so
            self._overwritten_nodes.add(name(node))

    def is_due(self, node: Object) -> bool:
        """Whether somebody else wrote the node's status since its agent told it, so that it is to be written again."""
        return name(node) in self._overwritten_nodes or extended.is_due(node)

    async def write_node(self, node: str, reported: Object, labels: Object | None = None) -> None:
        """The node's status as its agent says, and labels that its agent knows best. What is reported may be nothing:
        then it is what was reported last, and what is allocatable follows the capacity."""
        async with self._node_locks[node]:
            current = self._nodes.get(Key("", node))
            if current is None:
                self._said.pop(node, None)
                return
            reported = self._remembered(node, reported)
            if labels and not labels.items() <= (metadata(current).get("labels") or {}).items():
                current = await self._client.patch(NODES, node, {"metadata": {"labels": labels}})
                self._nodes.put(current)
            now = format_time(self._clock.now())

            def merged(status: Object) -> Object:
                conditions = merge_conditions(status.get("conditions") or (), reported.get("conditions"), now)
                return {**status, **reported, **extended.kept(status, reported), "conditions": conditions}

            await self._update(NODES, self._nodes, current, merged)

    def _remembered(self, node: str, reported: Object) -> Object:
        self._overwritten_nodes.discard(node)
        if not reported:
            found: Object = orjson.loads(self._said.get(node, b"{}"))
            return found
        # The images are most of it, and nobody writes those.
        self._said[node] = orjson.dumps({field: value for field, value in reported.items() if field != "images"})
        return reported

    async def set_node_condition(self, node: str, kind: str, status: str, reason: str, message: str) -> None:
        """Set one condition that the control plane finds out itself."""
        async with self._node_locks[node]:
            current = self._nodes.get(Key("", node))
            if current is None:
                return

            def merged(found: Object) -> Object:
                known, now = found.get("conditions") or [], self._clock.now()
                updated = conditions_of.set_condition(known, kind, status, reason, message, now)
                return {**found, "conditions": updated}

            await self._update(NODES, self._nodes, current, merged)

    async def renew_lease(self, node: str) -> None:
        """The node's Lease, as kubelet renews it; tools look at it."""
        renewed = format_micro_time(self._clock.now())
        try:
            await self._client.patch(LEASES, node, {"spec": {"renewTime": renewed}}, LEASE_NAMESPACE)
        except NotFound:
            await self._create_lease(node, renewed)

    async def _create_lease(self, node: str, renewed: str) -> None:
        owner = self._nodes.get(Key("", node))
        if owner is None:
            return
        reference = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid(owner)}
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": node, "namespace": LEASE_NAMESPACE, "ownerReferences": [reference]},
            "spec": {"holderIdentity": node, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": renewed},
        }
        try:
            await self._client.create(LEASES, lease, LEASE_NAMESPACE)
        except AlreadyExists:
            log.debug("the lease of node %s was made meanwhile", node)

    async def _write_pod(self, node: str, entry: Object) -> None:
        pod = self._pods.get(Key(str(entry.get("namespace", "")), str(entry.get("name", ""))))
        reported = entry.get("status")
        if pod is None or uid(pod) != entry.get("uid") or not isinstance(reported, dict):
            return
        if (pod.get("spec") or {}).get("nodeName") != node:
            log.warning("node %s reports a pod that is not its own: %s/%s", node, entry["namespace"], entry["name"])
            return
        now = format_time(self._clock.now())
        try:
            await self._update(PODS, self._pods, pod, lambda status: merge_pod_status(status, reported, now))
        except _REFUSALS as error:
            # The same report would be refused for ever, and with it what the node has to say of other pods.
            log.warning("what node %s reports of pod %s is refused: %s", node, key(pod), error.message)

    async def _update(
        self, kind: Resource, mirror: Freshest, found: Object, merged: Callable[[Object], Object]
    ) -> None:
        """Write the status that `merged` makes of the one that is there. The mirror is a moment behind, and a status is
        written with the labels, annotations and conditions of whoever else writes to the object: on the object that
        they have changed meanwhile it is decided anew."""
        for _ in range(ATTEMPTS):
            current = found.get("status") or {}
            status = merged(current)
            if status == current:
                return
            try:
                with mirror.writing(key(found)):
                    mirror.put(await self._client.update(kind, {**found, "status": status}, subresource="status"))
                return
            except NotFound:
                break
            except Conflict:
                newest = await self._newest(kind, key(found))
                if newest is None or uid(newest) != uid(found):
                    break
                found = newest
        else:
            raise Conflict(f"{kind.plural} {name(found)} changes too fast for its status to be written")
        log.debug("%s %s was deleted meanwhile", kind.plural, name(found))

    async def _newest(self, kind: Resource, obj_key: Key) -> Object | None:
        try:
            return await self._client.get(kind, obj_key.name, obj_key.namespace or None)
        except NotFound:
            return None

    async def _remove_pod(self, node: str, pod_uid: str) -> None:
        for pod in self._by_uid.by_index("uid", pod_uid):
            if (pod.get("spec") or {}).get("nodeName") != node or not metadata(pod).get("deletionTimestamp"):
                continue
            meta = metadata(pod)
            try:
                await self._client.delete(PODS, meta["name"], meta["namespace"], uid=pod_uid, grace_period_seconds=0)
            except (NotFound, Conflict):
                log.debug("pod %s/%s was removed meanwhile", meta["namespace"], meta["name"])

    def _record(self, node: str, event: Object) -> None:
        about = event.get("involvedObject")
        resource = _RESOURCES.get(str(about.get("kind"))) if isinstance(about, dict) else None
        if resource is None or not isinstance(about, dict):
            return
        obj: Object = {"metadata": {field: about.get(field, "") for field in ("name", "namespace", "uid")}}
        voice = self._events.named(KUBELET, node)
        say = voice.warning if event.get("type") == "Warning" else voice.normal
        reason, message = str(event.get("reason", ""))[:128], str(event.get("message", ""))[:1024]
        say(resource, obj, reason, message, str(about.get("fieldPath") or "")[:256])
