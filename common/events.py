"""Events: what components have to say about objects, so that `describe` tells a story.

`Recorder` only queues; a background task correlates and sends, so that nobody waits for an event and a flood of them
costs bounded memory and few writes. Repeats raise `count` of the event that exists, many similar ones are combined, and
one object cannot speak without end: the limits are those that client-go documents for its correlator.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import orjson

from common.aio import Tasks
from common.api.kinds import EVENTS, Resource
from common.api.meta import Object, format_time, metadata, name, namespace, uid
from common.client import Client
from common.clock import Clock
from common.errors import ApiError, NotFound

log = logging.getLogger(__name__)
V = TypeVar("V")

QUEUE_LIMIT = 16384  # events that wait (some 10 MB); the newest of more are dropped, as client-go does
BATCH = 64  # sent together: many share one commit of the store
CACHE_LIMIT = 4096  # remembered events, as in client-go
SIMILAR_LIMIT = 10  # different messages of one reason about one object in SIMILAR_SECONDS, then they are combined
SIMILAR_SECONDS = 600.0
BURST = 25  # events about one object at once, then one in REFILL_SECONDS
REFILL_SECONDS = 300.0
SEND_ATTEMPTS = 3
RETRY_SECONDS = 1.0
COMBINED = "(combined from similar events): "


Reference: TypeAlias = tuple[str, str, str, str, str, str]
"""An ObjectReference: the values of `_REFERENCE`, empty where there is none. Thousands of them wait when a workload
comes up."""
_REFERENCE = ("apiVersion", "kind", "namespace", "name", "uid", "fieldPath")


@dataclass(frozen=True, slots=True)
class Said:
    """One thing to say. `kind` is Normal or Warning; `source` is the component that says it and the host that it runs
    on, if that matters."""

    about: Reference
    kind: str
    reason: str
    message: str
    source: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Write:
    """An event to create, or with `patch` the new figures of the one that exists. `said` is what counts as the same."""

    said: Said
    event: Object
    patch: Object | None = None


class _Cache(Generic[V]):
    """The most recently used entries. What was said is known by its digest: there are thousands, each of a kilobyte."""

    def __init__(self) -> None:
        self._entries: OrderedDict[bytes, V] = OrderedDict()

    def get(self, said: Said) -> V | None:
        return self._entries.get(_digest(said))

    def put(self, said: Said, value: V) -> V:
        digest = _digest(said)
        self._entries[digest] = value
        self._entries.move_to_end(digest)
        if len(self._entries) > CACHE_LIMIT:
            self._entries.popitem(last=False)
        return value

    def drop(self, said: Said) -> None:
        self._entries.pop(_digest(said), None)


def _digest(said: Said) -> bytes:
    return hashlib.blake2b(orjson.dumps(said), digest_size=16).digest()


class _Known(NamedTuple):
    """What of an event that exists the next occurrence needs: its name, the first moment, how often it was said."""

    name: str
    first: str
    times: int = 1


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


@dataclass(slots=True)
class _Similar:
    since: float
    messages: tuple[int, ...] = ()  # hashes, mostly of one


class Correlator:
    """Decides what becomes of each event: a new one, a higher count, or nothing. Pure but for its memory."""

    def __init__(self) -> None:
        self._known: _Cache[_Known] = _Cache()
        self._buckets: _Cache[_Bucket] = _Cache()
        self._similar: _Cache[_Similar] = _Cache()
        self._serial = 0

    def observe(self, said: Said, now: datetime, monotonic: float) -> Write | None:
        """What to write for one more occurrence, or None when its object has said too much."""
        if not self._allowed(said, monotonic):
            return None
        same = said
        message = said.message
        if self._is_one_of_many(said, monotonic):
            same = replace(said, message=COMBINED)
            message = COMBINED + said.message
        moment = format_time(now)
        known = self._known.get(same)
        known = known._replace(times=known.times + 1) if known else _Known(self._new_name(said, now), moment)
        self._known.put(same, known)
        event = _event(said, message, known, moment)
        if known.times == 1:
            return Write(same, event)
        return Write(same, event, {"count": known.times, "lastTimestamp": moment, "message": message})

    def forget(self, said: Said) -> None:
        """The event is not there any more: the next occurrence makes a new one."""
        self._known.drop(said)

    def _is_one_of_many(self, said: Said, monotonic: float) -> bool:
        group = replace(said, message="")
        similar = self._similar.get(group)
        if similar is None or monotonic - similar.since > SIMILAR_SECONDS:
            similar = _Similar(monotonic)
        self._similar.put(group, similar)
        message = hash(said.message)
        if message in similar.messages:
            return False
        if len(similar.messages) >= SIMILAR_LIMIT:
            return True
        similar.messages += (message,)
        return False

    def _allowed(self, said: Said, monotonic: float) -> bool:
        source = Said(said.about, "", "", "", said.source)
        bucket = self._buckets.get(source) or _Bucket(BURST, monotonic)
        bucket.tokens = min(BURST, bucket.tokens + (monotonic - bucket.filled) / REFILL_SECONDS)
        bucket.filled = monotonic
        self._buckets.put(source, bucket)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def _new_name(self, said: Said, now: datetime) -> str:
        self._serial += 1
        name = said.about[_REFERENCE.index("name")]
        return f"{name[:200]}.{int(now.timestamp() * 1_000_000):x}{self._serial:x}"


def _event(said: Said, message: str, known: _Known, last: str) -> Object:
    about = {field: value for field, value in zip(_REFERENCE, said.about, strict=True) if value}
    component, host = said.source
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": known.name, "namespace": about.get("namespace") or "default"},
        "involvedObject": about,
        "type": said.kind,
        "reason": said.reason,
        "message": message,
        "count": known.times,
        "firstTimestamp": known.first,
        "lastTimestamp": last,
        "source": {"component": component, "host": host} if host else {"component": component},
        "reportingComponent": component,
        "reportingInstance": host,
    }


def reference(resource: Resource, obj: Object, field_path: str = "") -> Reference:
    """To `obj`, or a part of it."""
    return (resource.api_version, resource.kind, namespace(obj), name(obj), uid(obj), field_path)


class Voice:
    """Says things for one component of one host; what it says is taken by `say`."""

    def __init__(self, say: Callable[[Said], None], component: str, host: str = "") -> None:
        self._take = say
        self._source = (component, host)

    def normal(self, resource: Resource, obj: Object, reason: str, message: str, field_path: str = "") -> None:
        """`field_path` is the part of the object that it is about: `spec.containers{web}`."""
        self._take(Said(reference(resource, obj, field_path), "Normal", reason, message, self._source))

    def warning(self, resource: Resource, obj: Object, reason: str, message: str, field_path: str = "") -> None:
        self._take(Said(reference(resource, obj, field_path), "Warning", reason, message, self._source))


class Recorder(Voice):
    """Queues, correlates and sends the events of one component, and of others that speak through it."""

    def __init__(self, client: Client, clock: Clock, component: str) -> None:
        super().__init__(self._say, component)
        self._client = client
        self._clock = clock
        self._queue: deque[Said] = deque()
        self._ready = asyncio.Event()
        self._correlator = Correlator()
        self._tasks = Tasks(f"events/{component}")
        self._dropped = 0

    def named(self, component: str, host: str = "") -> Voice:
        """The same queue and memory for another component."""
        return Voice(self._say, component, host)

    def _say(self, said: Said) -> None:
        if len(self._queue) >= QUEUE_LIMIT:
            self._dropped += 1
            return
        self._queue.append(said)
        self._ready.set()

    def start(self) -> None:
        self._tasks.start("send", self._run())

    async def close(self) -> None:
        """Stop; what is still queued is lost, as events may be."""
        await self._tasks.close()

    async def _run(self) -> None:
        while True:
            await self._ready.wait()
            await self._send_batch([self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))])
            if not self._queue:
                self._ready.clear()
                self._tell_dropped()

    def _tell_dropped(self) -> None:
        if self._dropped:
            log.warning("%d events were dropped, more came than could be written", self._dropped)
            self._dropped = 0

    async def _send_batch(self, batch: list[Said]) -> None:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        writes: dict[Said, Write] = {}
        for said in batch:
            write = self._correlator.observe(said, now, monotonic)
            if write is None:
                continue
            earlier = writes.get(write.said)
            # Two occurrences in one batch are one write, with the count of the last.
            created = earlier is not None and earlier.patch is None
            writes[write.said] = Write(write.said, write.event) if created else write
        await asyncio.gather(*(self._send(write) for write in writes.values()))

    async def _send(self, write: Write) -> None:
        for attempt in range(SEND_ATTEMPTS):
            try:
                await self._write(write)
            except (TimeoutError, OSError, ApiError) as error:
                if isinstance(error, ApiError) and error.code < 500:
                    log.debug("event %s was refused: %s", write.said.reason, error)
                    break
                await self._clock.sleep(RETRY_SECONDS * (attempt + 1))
            else:
                return
        self._correlator.forget(write.said)

    async def _write(self, write: Write) -> None:
        meta = metadata(write.event)
        if write.patch is not None:
            try:
                await self._client.patch(EVENTS, meta["name"], write.patch, meta["namespace"])
            except NotFound:
                pass
            else:
                return
        await self._client.create(EVENTS, write.event, meta["namespace"])
