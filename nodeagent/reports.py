"""What the node has to tell the control plane, kept until it was acknowledged.

The agent says states (`pod`, `node`, `gone`, `event`), the session takes `Report`s out and hands acknowledgements in.
Level-triggered: of a pod's statuses only the latest counts, and after a reconnect everything is said again, because
the control plane may be another one with older data. It prevents lost statuses and unbounded memory while the
control plane is away.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from dataclasses import dataclass

from common.api import meta
from common.api.meta import Object
from common.session import Report

log = logging.getLogger(__name__)

MAX_EVENTS = 1000  # events of hours without a console; the oldest are the least wanted
MAX_PODS_A_REPORT = 200  # keeps a message well below the session's limit after a reconnect


@dataclass(frozen=True, slots=True)
class _Sent:
    seq: int
    gone: tuple[str, ...]
    events: tuple[Object, ...]


class Reports:
    """The outgoing side of one agent; used on the event loop only."""

    def __init__(self) -> None:
        self._seq = 0
        self._pods: dict[str, Object] = {}
        self._node: Object | None = None
        self._pods_due: OrderedDict[str, None] = OrderedDict()
        self._node_due = False
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._gone_due: OrderedDict[str, None] = OrderedDict()
        self._events: deque[Object] = deque(maxlen=MAX_EVENTS)
        self._sent: _Sent | None = None  # not acknowledged yet
        self._due = asyncio.Event()

    def pod(self, namespace: str, name: str, uid: str, status: Object) -> None:
        """The pod's status is this now; saying the same again sends nothing."""
        entry: Object = {"namespace": namespace, "name": name, "uid": uid, "status": status}
        if self._pods.get(uid) != entry:
            self._pods[uid] = entry
            self._pods_due[uid] = None
            self._due.set()

    def contradict(self, pod: Object) -> None:
        """Where the control plane has another status of the pod than was said last, somebody else wrote it: it is said
        once more, because only the node knows."""
        entry = self._pods.get(meta.uid(pod))
        if entry is not None and not _is_kept(entry["status"], pod.get("status") or {}):
            self._pods_due[meta.uid(pod)] = None
            self._due.set()

    def node(self, status: Object) -> None:
        if self._node != status:
            self._node = status
            self._node_due = True
            self._due.set()

    def gone(self, uid: str) -> None:
        """Nothing of this deleted pod is left here; its last status goes out before or together with this."""
        if uid not in self._gone:
            self._gone[uid] = None
            self._gone_due[uid] = None
            self._due.set()

    def event(self, event: Object) -> None:
        """Something that a person wants to know; the oldest are dropped when nobody listens for long."""
        self._events.append(event)
        self._due.set()

    def forget(self, uid: str) -> None:
        """The control plane no longer has this pod: never mention it again."""
        self._pods.pop(uid, None)
        self._pods_due.pop(uid, None)
        self._gone.pop(uid, None)
        self._gone_due.pop(uid, None)

    def node_status(self) -> Object | None:
        return self._node

    async def wait(self) -> None:
        """Return when there is something to take."""
        await self._due.wait()

    def take(self) -> Report | None:
        """The next report to send on this connection; None when all was said, or while the last is not acknowledged:
        what happens meanwhile is said together, and of a pod only how it ended up."""
        if self._sent is not None or not (self._pods_due or self._node_due or self._gone_due or self._events):
            self._due.clear()
            return None
        uids = [self._pods_due.popitem(last=False)[0] for _ in range(min(len(self._pods_due), MAX_PODS_A_REPORT))]
        # A pod may be called gone only after its last status went out.
        gone = tuple(uid for uid in self._gone_due if uid not in self._pods_due)
        for uid in gone:
            del self._gone_due[uid]
        events = tuple(self._events)
        self._events.clear()
        node = self._node if self._node_due else None
        self._node_due = False
        self._seq += 1
        self._sent = _Sent(self._seq, gone, events)
        return Report(self._seq, [self._pods[uid] for uid in uids], node, list(gone), list(events))

    def ack(self, seq: int) -> None:
        """Everything up to this report has arrived and was stored."""
        if self._sent is None or self._sent.seq > seq:
            return
        for uid in self._sent.gone:
            self._gone.pop(uid, None)
        self._sent = None
        self._due.set()

    def reconnected(self) -> None:
        """A new connection: say all states again, and once more what was never acknowledged."""
        unheard = self._sent.events if self._sent is not None else ()
        self._sent = None
        self._events = deque([*unheard, *self._events], maxlen=MAX_EVENTS)
        self._pods_due = OrderedDict.fromkeys(self._pods)
        self._gone_due = OrderedDict.fromkeys(self._gone)
        self._node_due = self._node is not None
        self._due.set()


def _is_kept(said: Object, known: Object) -> bool:
    """Whether the control plane has what was said, beside what others say of the pod."""
    if any(known.get(field) != value for field, value in said.items() if field != "conditions"):
        return False
    found = {item.get("type"): _standing(item) for item in known.get("conditions") or ()}
    return all(found.get(item.get("type")) == _standing(item) for item in said.get("conditions") or ())


def _standing(condition: Object) -> Object:
    return {field: value for field, value in condition.items() if field != "lastTransitionTime"}
