"""Streams inside a session: bytes arrive whole and in order, a standing reader holds back only its own writer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from common.session import TUNNEL_WINDOW, Message, ProtocolError, TunnelClose, TunnelWindow
from common.tunnel import MAX_STREAMS, Connect, Tunnels
from tests.fakes.loop import settled


class Wire:
    """Two ends joined in memory."""

    def __init__(self) -> None:
        self.near = Tunnels(self._to_far, self._bytes_to_far)
        self.far = Tunnels(self._to_near, self._bytes_to_near)
        self.closes: list[TunnelClose] = []

    async def _to_far(self, message: Message) -> None:
        await self._deliver(self.far, message)

    async def _to_near(self, message: Message) -> None:
        await self._deliver(self.near, message)

    async def _deliver(self, end: Tunnels, message: Message) -> None:
        await asyncio.sleep(0)
        if isinstance(message, TunnelWindow):
            end.window(message.stream, message.count)
        elif isinstance(message, TunnelClose):
            self.closes.append(message)
            end.closed(message.stream)

    async def _bytes_to_far(self, frame: bytes) -> None:
        self.far.data(frame)

    async def _bytes_to_near(self, frame: bytes) -> None:
        self.near.data(frame)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    found = Wire()
    yield found
    await found.near.close()
    await found.far.close()


async def pair() -> tuple[tuple[asyncio.StreamReader, asyncio.StreamWriter], Connect, asyncio.Server]:
    """A connected stream, what opens the other end of it, and the listener to close."""
    accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.put_nowait((reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    mine = await asyncio.open_connection(host, port)
    return mine, accepted.get, server


async def test_bytes_arrive_whole_and_in_order_both_ways(wire: Wire) -> None:
    (near_reader, near_writer), near_end, first = await pair()
    (far_reader, far_writer), far_end, second = await pair()
    wire.near.open(1, near_end)
    wire.far.open(1, far_end)
    sent = bytes(range(256)) * 8192  # eight windows
    answer = sent[::-1]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bytes:
        writer.write(data)
        writer.write_eof()
        return await reader.read()

    async with asyncio.timeout(20):
        got_near, got_far = await asyncio.gather(
            talk(near_reader, near_writer, sent), talk(far_reader, far_writer, answer)
        )
    assert (got_near, got_far) == (answer, sent)
    for closing in (near_writer, far_writer, first, second):
        closing.close()


async def test_a_reader_that_stands_still_holds_back_its_writer(wire: Wire) -> None:
    (_, near_writer), near_end, server = await pair()
    never = asyncio.Event()

    async def not_yet() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await never.wait()
        raise AssertionError

    carried = 0
    inner = wire.far.data

    def count(frame: bytes) -> None:
        nonlocal carried
        carried += len(frame) - 4
        inner(frame)

    wire.far.data = count  # type: ignore[method-assign]
    wire.far.open(1, not_yet)
    wire.near.open(1, near_end)
    near_writer.write(b"x" * (TUNNEL_WINDOW * 4))
    for _ in range(200):
        await asyncio.sleep(0.001)
    assert carried == TUNNEL_WINDOW
    near_writer.close()
    server.close()


async def test_a_connection_that_cannot_be_made_is_told(wire: Wire) -> None:
    (near_reader, near_writer), near_end, server = await pair()

    async def refused() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        raise ConnectionRefusedError(111, "Connection refused")

    wire.near.open(1, near_end)
    wire.far.open(1, refused)
    async with asyncio.timeout(60):
        assert await near_reader.read() == b""
    assert "Connection refused" in wire.closes[0].error
    near_writer.close()
    server.close()


async def test_a_peer_that_overruns_the_window_loses_the_stream_and_nothing_else(wire: Wire) -> None:
    async def not_yet() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await asyncio.Event().wait()
        raise AssertionError

    wire.far.open(1, not_yet)
    wire.far.open(2, not_yet)
    for _ in range(9):
        wire.far.data(b"\x00\x00\x00\x01" + b"x" * (TUNNEL_WINDOW // 8))
    await settled()
    assert [close.stream for close in wire.closes] == [1]


@pytest.mark.parametrize("count", [-1, 1, TUNNEL_WINDOW])
async def test_a_peer_that_grants_what_it_was_not_sent_loses_the_stream(wire: Wire, count: int) -> None:
    async def not_yet() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await asyncio.Event().wait()
        raise AssertionError

    wire.far.open(1, not_yet)
    wire.far.window(1, count)
    await settled()
    assert [close.stream for close in wire.closes] == [1]


async def test_late_frames_of_a_stream_that_ended_are_ignored(wire: Wire) -> None:
    wire.near.data(b"\x00\x00\x00\x09late")
    wire.near.window(9, 5)
    wire.near.closed(9)
    with pytest.raises(ProtocolError, match="no stream number"):
        wire.near.data(b"\x00")


async def test_numbers_in_use_and_too_many_streams_are_refused(wire: Wire) -> None:
    async def not_yet() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await asyncio.Event().wait()
        raise AssertionError

    for number in range(MAX_STREAMS):
        wire.near.open(number, not_yet)
    for number in (0, MAX_STREAMS):
        with pytest.raises(ProtocolError, match="cannot be opened"):
            wire.near.open(number, not_yet)
