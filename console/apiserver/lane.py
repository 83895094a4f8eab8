"""Reads that come again on a connection, answered in the turn in which they arrive.

Programs get one object after another with the same headers. Of each request aiohttp makes a message, wakes a task,
which makes another one, a request, a writer and a response: several times what finding the answer takes. Such a request
goes past all that when its bytes say plainly what it is; whoever answers may leave any of them to the ordinary way,
which then gets the bytes as they came.

Nothing is parsed here but a request line of the plainest sort. What the headers mean is aiohttp's to say: they are the
same bytes as those of an earlier request of this connection that aiohttp took for just these headers and no more. And
what aiohttp read before was one whole request: otherwise these bytes may be the rest of something else.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from aiohttp import web

from common.clock import Clock

log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")

KNOWN_SECONDS = 60.0
"""For how long requests go past aiohttp, at most, before one is left to it: it closes connections that it thinks idle,
and none may seem so that is in use."""
_LINE = re.compile(rb"GET ((?:/[A-Za-z0-9][A-Za-z0-9._:-]*)+) HTTP/1\.1\r\n")
_HEAD = re.compile(rb"[A-Z]+ [^ \r\n]+ HTTP/1\.1\r\n((?:[^\r\n]+\r\n)+\r\n)")
_LONGEST_LINE = 1024
_CHANGE_THE_CONNECTION = ("Upgrade", "Expect")

Answer = Callable[[str], bytes | None]
"""Head and body of the answer to a GET of a path; None to leave it to the ordinary way, as if nobody had been asked."""
Meet = Callable[[web.BaseRequest], Answer | None]
"""What answers requests with the headers of this one; None when none of them can be."""
MakeRequest = Callable[..., web.BaseRequest]


@dataclass(frozen=True, slots=True)
class _Known:
    """Headers, as they came and as aiohttp split them, and what answers requests that have them."""

    rest: bytes
    raw: tuple[tuple[bytes, bytes], ...]
    answer: Answer | None


class Lane(web.RequestHandler):
    """A connection. Of aiohttp's private parts it looks at one: `_waiter`, the future that `start` waits for between
    two requests. It is pending exactly while nothing is parsed, queued, under way or being closed. Were it not there,
    every request would go the ordinary way."""

    __slots__ = ("_clock", "_is_open", "_known", "_meet", "_offered", "_until")

    def __init__(self, server: web.Server, meet: Meet, clock: Clock, **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._meet = meet
        self._clock = clock
        self._known: _Known | None = None
        self._offered = b""  # what aiohttp was given last, if that may be one whole request
        self._is_open = False  # whether that was one, so that its parser stands at the beginning of another
        self._until = 0.0

    def data_received(self, data: bytes) -> None:
        if self._is_open and self._takes(data):
            return
        if data:  # aiohttp looks with nothing whether anything is left
            self._is_open = False
            self._offered = data if self._is_idle() else b""
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._known, self._is_open = None, False  # they know the connection, which is to be forgotten
        super().connection_lost(exc)

    def _takes(self, data: bytes) -> bool:
        """Answer, if this is a request of the lane and nothing stands in its way."""
        known, transport = self._known, self.transport
        if known is None or transport is None or not data.endswith(known.rest) or not self._is_idle():
            return False
        end = len(data) - len(known.rest)
        line = _LINE.fullmatch(data, 0, end) if end <= _LONGEST_LINE else None
        if line is None or transport.get_write_buffer_size() or self._clock.monotonic() > self._until:
            return False
        found = None if known.answer is None else _outcome(known.answer, line[1].decode())
        if found is None:
            return False
        transport.write(found)
        return True

    def _is_idle(self) -> bool:
        waiter = getattr(self, "_waiter", None)
        return waiter is not None and not waiter.done()

    def understood(self, request: web.BaseRequest) -> None:
        """Told of each request that aiohttp took from the connection."""
        offered, self._offered = self._offered, b""
        head = _HEAD.match(offered) if offered else None
        if head is None or not _is_whole(request, len(offered) - head.end()):
            return
        known, rest = self._known, head[1]
        raw = known.raw if known is not None and known.rest == rest else _split(rest)
        if raw != request.raw_headers:
            return  # a part of it had come before
        if (known is None or known.raw is not raw) and _LINE.match(offered) and not request.body_exists:
            known = self._known = _Known(rest, raw, _outcome(self._meet, request))
        self._is_open = known is not None and known.answer is not None
        self._until = self._clock.monotonic() + min(KNOWN_SECONDS, self.keepalive_timeout / 2)


def _outcome(function: Callable[[T], R | None], argument: T) -> R | None:
    """None when it fails: an exception here would end the connection, or leave it without an answer for good."""
    try:
        return function(argument)
    except Exception:
        log.exception("a read is left to the ordinary way")
        return None


def _is_whole(request: web.BaseRequest, more: int) -> bool:
    """Whether a request with so many bytes behind its head ends with them, and nothing but its answer comes of it. A
    body in chunks is still to come, then, and changes what is known when it does."""
    if more != (request.content_length or 0):
        return False
    return not any(name in request.headers for name in _CHANGE_THE_CONNECTION)


def _split(rest: bytes) -> tuple[tuple[bytes, bytes], ...]:
    lines = (line.partition(b":") for line in rest.split(b"\r\n")[:-2])
    return tuple((name, value.strip(b" \t")) for name, _, value in lines)


class LaneServer(web.Server):
    """A web.Server whose connections are lanes. `make` makes the requests of the ordinary way, `handle` answers them;
    `options` are those of connections."""

    def __init__(
        self,
        handle: Callable[[web.BaseRequest], Any],
        meet: Meet,
        clock: Clock,
        *,
        make: MakeRequest,
        handler_cancellation: bool,
        **options: Any,
    ) -> None:
        super().__init__(handle, request_factory=_telling(make), handler_cancellation=handler_cancellation)
        self._make_lane = partial(Lane, self, meet, clock, **options)

    def __call__(self) -> web.RequestHandler:
        return self._make_lane()


def _telling(make: MakeRequest) -> MakeRequest:
    def made(message: Any, payload: Any, protocol: Lane, writer: Any, task: asyncio.Task[None]) -> web.BaseRequest:
        request = make(message, payload, protocol, writer, task)
        protocol.understood(request)
        return request

    return made
