"""Long messages go in pieces: whole at the other end, one at a time, and no more of them made than is taken."""

from __future__ import annotations

import asyncio
import tracemalloc

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import pieces, session
from common.pieces import PIECE_BYTES, Inbox, Outbox, is_piece
from common.session import Heartbeat, Message, ProtocolError, Sync
from tests.fakes.loop import settled

OBJECT = 10_000  # bytes of each in what is sent here


class Wire:
    """Takes frames while it is open, as a connection that is full takes none."""

    def __init__(self) -> None:
        self.frames: list[str | bytes] = []
        self.open = asyncio.Event()
        self.open.set()
        self.outbox = Outbox(self._send, self._send)

    async def _send(self, frame: str | bytes) -> None:
        await self.open.wait()
        self.frames.append(frame)
        await asyncio.sleep(0)

    def heard(self) -> list[Message]:
        inbox, found = Inbox(), []
        for frame in self.frames:
            if isinstance(frame, str):
                found.append(session.decode(frame))
            elif is_piece(frame) and (whole := inbox.take(frame)) is not None:
                found.append(session.decode(whole))
        return found


def sync(generation: int, objects: int) -> Sync:
    return Sync(generation, objects={"pods": [{"n": index, "pad": "x" * OBJECT} for index in range(objects)]})


@given(st.integers(0, 4 * PIECE_BYTES) | st.sampled_from([PIECE_BYTES * n + d for n in (1, 2) for d in (-1, 0, 1)]))
async def test_a_message_of_any_length_arrives_whole(length: int) -> None:
    wire = Wire()
    message = Sync(1, objects={"configmaps": [{"data": "ü" * (length // 2)}]}, removed={"pods": ["u"]})
    await wire.outbox.send(message)
    assert wire.heard() == [message]
    assert all(len(frame) <= PIECE_BYTES + len(pieces.STREAM) for frame in wire.frames)


def test_a_sync_that_is_encoded_object_by_object_is_the_same_message() -> None:
    for message in (sync(3, 2), Sync(1, full=True), Sync(2, objects={"a": [], "b": [{}]}, removed={"pods": ["u"]})):
        parts = session.encode_sync(message, lambda _resource, obj: orjson.dumps(obj))
        assert session.decode(b"".join(parts)) == message


async def test_what_is_not_taken_yet_is_not_made_yet() -> None:
    wire = Wire()
    made = 0

    def encoded(_resource: str, obj: object) -> bytes:
        nonlocal made
        made += OBJECT
        return orjson.dumps(obj)

    wire.open.clear()
    sending = asyncio.ensure_future(wire.outbox.send_encoded(session.encode_sync(sync(1, 100), encoded)))
    await settled()
    assert made <= 3 * PIECE_BYTES  # of a million
    wire.open.set()
    await sending
    assert made == 100 * OBJECT
    assert wire.heard() == [sync(1, 100)]


async def test_a_short_message_goes_between_the_pieces_of_a_long_one() -> None:
    wire = Wire()
    await asyncio.gather(wire.outbox.send(sync(1, 20)), wire.outbox.send(Heartbeat(7)))
    assert wire.heard() == [Heartbeat(7), sync(1, 20)]


async def test_two_long_messages_do_not_mix() -> None:
    wire = Wire()
    await asyncio.gather(*(wire.outbox.send(sync(number, 20)) for number in range(3)))
    assert wire.heard() == [sync(number, 20) for number in range(3)]


async def test_one_that_takes_nothing_holds_back_nobody_else() -> None:
    stuck, others = Wire(), [Wire() for _ in range(3)]
    stuck.open.clear()
    waiting = asyncio.ensure_future(stuck.outbox.send(sync(1, 50)))
    async with asyncio.timeout(10):
        await asyncio.gather(*(wire.outbox.send(sync(1, 50)) for wire in others))
    assert not waiting.done()
    assert all(wire.heard() == [sync(1, 50)] for wire in others)
    waiting.cancel()


def test_a_message_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MAX_MESSAGE_BYTES", 10)
    inbox = Inbox()
    assert inbox.take(pieces.STREAM + b"123456") is None
    with pytest.raises(ProtocolError, match="longer than 10 bytes"):
        inbox.take(pieces.STREAM + b"78901")


def test_small_pieces_take_no_more_than_large_ones() -> None:
    inbox = Inbox()
    tracemalloc.start()
    try:
        for _ in range(10_000):
            inbox.take(pieces.STREAM + b"1")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 20_000
    assert inbox.take(pieces.STREAM) == b"1" * 10_000


def test_frames_of_tunnels_are_none_of_the_inbox() -> None:
    assert not is_piece((1).to_bytes(4, "big") + b"data")
    assert not is_piece(b"\0\0")
