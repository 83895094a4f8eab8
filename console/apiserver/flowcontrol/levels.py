"""A priority level at work: how many of its requests are served at once, and who waits for whom.

Requests that find no seat wait in one of the level's queues. Each flow has a few of them, dealt by a hash of it, and
takes the shortest, so that a flow that floods the level fills its own queues and leaves others room; the queues take
turns. Every request takes one seat: what it costs is not estimated, and no level lends seats to another.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, deque
from math import ceil

from common.api.meta import Object
from common.errors import TooManyRequests

SEATS = 600
"""Requests that all limited levels together serve at once, as kube-apiserver's two limits of 400 and 200 have it."""
WAIT = 15.0  # seconds in a queue, a quarter of the time that a request may take
RETRY_SECONDS = 1


class Level:
    """`uid` is that of its object. A level that is exempt, or that no object describes, has no limit."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.uid = ""
        self.is_exempt = True
        self.seats = 0
        self.executing = 0
        self.shares = 0
        self.dispatched: Counter[str] = Counter()
        """By the name of the schema."""
        self.rejected: Counter[tuple[str, str]] = Counter()
        """By the name of the schema, and why."""
        self._queues = self._hand = self._length = 0
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}
        self._turns: deque[int] = deque()

    def configure(self, uid: str, spec: Object, total_shares: int) -> None:
        """Take over what the level's object says; who waits already goes on waiting."""
        self.uid, self.is_exempt = uid, spec.get("type") == "Exempt"
        limited = spec.get("limited") or {}
        self.shares = shares_of(spec)
        self.seats = ceil(SEATS * self.shares / total_shares) if total_shares else 0
        queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
        self._queues, self._hand = int(queuing.get("queues") or 0), int(queuing.get("handSize") or 0)
        self._length = int(queuing.get("queueLengthLimit") or 0)
        self._dispatch()

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    @property
    def active_queues(self) -> int:
        """In how many queues somebody waits."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether whoever comes has to wait."""
        return not self.is_exempt and (self.executing >= self.seats or bool(self._turns))

    def try_enter(self, schema: str) -> bool:
        """Take a seat, if one is free and nobody waits for it."""
        if self.is_full:
            return False
        self.executing += 1
        self.dispatched[schema] += 1
        return True

    def passed(self, schema: str) -> None:
        """Count a request that had a seat for less than a turn of the event loop, so that nobody saw it taken."""
        self.dispatched[schema] += 1

    async def enter(self, schema: str, distinguisher: str) -> None:
        """Wait for a seat. Raises TooManyRequests when there is no room to wait, or it takes too long."""
        if self.try_enter(schema):
            return
        if not self._queues:
            raise self._overflow(schema, "concurrency-limit")
        hand = dealt(f"{schema}\0{distinguisher}", self._queues, self._hand)
        index = min(hand, key=lambda queue: len(self._waiting.get(queue, ())))
        queue = self._waiting.setdefault(index, deque())
        if len(queue) >= self._length:
            raise self._overflow(schema, "queue-full")
        seat = asyncio.get_running_loop().create_future()
        queue.append(seat)
        if len(queue) == 1:
            self._turns.append(index)
        try:
            async with asyncio.timeout(WAIT):
                await seat
        except TimeoutError:
            self._give_up(index, seat)
            raise self._overflow(schema, "time-out") from None
        except asyncio.CancelledError:
            self._give_up(index, seat)
            self.rejected[schema, "cancelled"] += 1
            raise
        self.dispatched[schema] += 1

    def leave(self) -> None:
        """Give the seat back; who is next has it at once."""
        self.executing -= 1
        self._dispatch()

    def _dispatch(self) -> None:
        while self._turns and (self.is_exempt or self.executing < self.seats):
            index = self._turns.popleft()
            queue = self._waiting[index]
            seat = queue.popleft()
            if queue:
                self._turns.append(index)
            else:
                del self._waiting[index]
            if not seat.done():
                self.executing += 1
                seat.set_result(None)

    def _give_up(self, index: int, seat: asyncio.Future[None]) -> None:
        """Leave the queue; a seat that came in the same moment goes to the next."""
        if seat.done() and not seat.cancelled():
            self.leave()
            return
        queue = self._waiting.get(index)
        if queue is not None and seat in queue:
            queue.remove(seat)
            if not queue:
                del self._waiting[index]
                self._turns.remove(index)

    def _overflow(self, schema: str, why: str) -> TooManyRequests:
        self.rejected[schema, why] += 1
        return TooManyRequests("Too many requests, please try again later.", retry_after=RETRY_SECONDS)


def shares_of(spec: Object) -> int:
    return int((spec.get("limited") or spec.get("exempt") or {}).get("nominalConcurrencyShares") or 0)


def dealt(flow: str, queues: int, hand: int) -> list[int]:
    """The queues of a flow: `hand` different ones of all, the same whenever it is asked."""
    value = int.from_bytes(hashlib.blake2b(flow.encode(), digest_size=16).digest())
    cards: list[int] = []
    for index in range(min(hand, queues)):
        value, card = divmod(value, queues - index)
        for other in sorted(cards):
            card += card >= other
        cards.append(card)
    return cards
