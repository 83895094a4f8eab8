"""A watch over HTTP: one JSON object a line, for as long as client and server like.

Most watchers of a resource get the same lines as they are stored. Those are made once for all, as a chunk of HTTP, and
written in the turn in which they are committed, to whoever is not behind; everybody else is told by a task of its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime

import orjson
from aiohttp import web

from common.api.meta import Object
from common.clock import Clock
from common.errors import ApiError
from console.registry.row import Row
from console.registry.tables import table
from console.store import Event, Store
from console.store.entries import frame

from .deadline import Alarm
from .negotiation import Form
from .options import ListOptions
from .responses import partial, shown
from .watching import Watch, bookmark

BOOKMARK_SECONDS = 60.0  # so that the revision a client would resume from stays within the history
MIN_TIMEOUT = 1800  # seconds; with the random rest, watches of many clients do not all end at once
FRAMES = 256  # lines that are converted at once
WRITE_BYTES = 64 * 1024  # lines that are sent at once: a connection keeps the room that its largest write took
WRITE_SECONDS = 30.0  # a client that takes nothing for so long is stuck; its connection is cut and it lists again


Convert = Callable[[Sequence[Event]], Awaitable[Sequence[Event]]]
"""Makes of stored events those that the client asked for, which may be fewer. Raises ApiError."""


class Chunks:
    """The newest lines as a chunk of HTTP, made once for all watchers that get the same."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._chunk = b""

    def of(self, events: list[Event]) -> bytes | None:
        """None for more than is sent at once."""
        if events == self._events:
            return self._chunk
        frames: list[bytes] = []
        size = 0
        for event in events:
            frames.append(event.frame)
            size += len(frames[-1])
            if size > WRITE_BYTES:
                return None
        self._events, self._chunk = list(events), b"%x\r\n%b\r\n" % (size, b"".join(frames))
        return self._chunk


class WatchStream:
    """Writes one watch to one response. `run` raises what `convert` raises. `chunks` are those of the server, for lines
    that go out as they are stored; None where a watcher has lines of its own."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        row: Row,
        options: ListOptions,
        form: Form,
        include_object: str,
        convert: Convert,
        http: web.BaseRequest,
        chunks: Chunks | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._row = row
        self._options = options
        self._form = form
        self._convert = convert
        self._encode = _encoder(row, form, include_object, clock.now)
        self._http = http
        self._chunks = chunks
        self._stuck = Alarm(lambda: cut(http))

    async def run(self, response: web.StreamResponse, watch: Watch) -> None:
        """Until the time is over, the watcher has ended, or the client is gone (ConnectionError). The connection of one
        that is stuck is cut."""
        seconds = self._options.timeout or MIN_TIMEOUT + secrets.randbelow(MIN_TIMEOUT)
        end = self._clock.monotonic() + seconds
        quiet = Alarm(watch.watcher.nudge)
        try:
            await self._write(response, watch.initial)
            if self._options.initial_events and self._options.bookmarks:
                await self._send(response, self._bookmark(watch.revision, ends_initial_events=True))
            watch.watcher.taker = None if self._chunks is None else self._take
            while (left := end - self._clock.monotonic()) > 0 and not watch.watcher.ended:
                quiet.set(min(left, BOOKMARK_SECONDS))
                batch = await watch.watcher.batch()
                if batch:
                    await self._write(response, batch)
                elif self._options.bookmarks and not watch.watcher.ended:
                    # Nothing waits in the queue, so everything up to the store's revision has been told.
                    await self._send(response, self._bookmark(self._store.revision))
        finally:
            watch.watcher.taker = None
            quiet.stop()
            self._stuck.stop()

    def _take(self, events: list[Event]) -> bool:
        """Write changes past the response, whose head is sent by now; not when the client is behind or gone."""
        transport = self._http.transport
        if transport is None or transport.is_closing() or self._http.protocol.writing_paused:
            return False
        chunk = None if self._chunks is None else self._chunks.of(events)
        if chunk is None:
            return False
        transport.write(chunk)
        return True

    async def _write(self, response: web.StreamResponse, events: Sequence[Event]) -> None:
        for start in range(0, len(events), FRAMES):
            batch = await self._convert(events[start : start + FRAMES])
            for lines in gathered(map(self._encode, batch)):
                await self._send(response, lines)

    async def _send(self, response: web.StreamResponse, data: bytes) -> None:
        self._stuck.set(WRITE_SECONDS)
        await response.write(data)
        self._stuck.rest()

    def _bookmark(self, revision: int, *, ends_initial_events: bool = False) -> bytes:
        found = bookmark(self._row, revision, ends_initial_events=ends_initial_events)
        if self._form.is_metadata:
            found = partial(found, self._form)
        return frame("BOOKMARK", orjson.dumps(found))


def gathered(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The same, joined to pieces of WRITE_BYTES or a little more; each is made when it is asked for."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        piece.append(line)
        size += len(line)
        if size >= WRITE_BYTES:
            yield b"".join(piece)
            piece, size = [], 0
    if piece:
        yield b"".join(piece)


def cut(http: web.BaseRequest) -> None:
    """End the connection of a request at once."""
    if http.transport is not None:
        http.transport.abort()


def error_frame(error: ApiError) -> bytes:
    """The last line of a watch that fails."""
    return frame("ERROR", orjson.dumps(error.to_status()))


def _encoder(row: Row, form: Form, include_object: str, now: Callable[[], datetime]) -> Callable[[Event], bytes]:
    if form.is_table:
        return _table_encoder(row, form, include_object, now)
    if form.is_metadata:
        return lambda event: frame(event.type, orjson.dumps(partial(event.entry.obj, form)))
    if row.view is not None:
        return lambda event: frame(event.type, shown(row, event.entry))
    return lambda event: event.frame


def _table_encoder(row: Row, form: Form, include_object: str, now: Callable[[], datetime]) -> Callable[[Event], bytes]:
    """A Table an event, which says what its columns are in the first alone."""
    known = False

    def encode(event: Event) -> bytes:
        nonlocal known
        metadata: Object = {"resourceVersion": str(event.revision)}
        found = table(row, [event.entry.obj], now(), metadata, include_object, form.api_version)
        if known:
            found["columnDefinitions"] = None
        known = True
        return frame(event.type, orjson.dumps(found))

    return encode
