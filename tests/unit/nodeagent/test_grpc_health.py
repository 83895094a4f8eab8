"""gRPC health checks against scripted servers on the loopback address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeagent.grpc_health import GrpcError, _status, check

DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 1) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def message(status: int) -> bytes:
    body = bytes((8, status)) if status else b""
    return b"\0" + len(body).to_bytes(4) + body


TRAILERS = frame(HEADERS, b"\x88", flags=5)
HELLO = frame(SETTINGS, stream=0) + frame(HEADERS, b"\x88", flags=4)


@asynccontextmanager
async def answering(*answer: bytes, heard: list[bytes] | None = None) -> AsyncIterator[int]:
    """A server that says that, whatever it hears, once the call has been made."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.readuntil(b"kube-probe/1.36")
        writer.write(b"".join(answer))
        await writer.drain()
        said += await reader.read(4096)
        if heard is not None:
            heard.append(said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


@pytest.mark.parametrize(("number", "word"), [(0, "UNKNOWN"), (1, "SERVING"), (2, "NOT_SERVING"), (9, "9")])
async def test_the_status_stands_in_the_message(number: int, word: str) -> None:
    async with answering(HELLO, frame(DATA, message(number)), TRAILERS) as port:
        assert await check("127.0.0.1", port, "db") == word


async def test_a_message_may_come_in_padded_pieces_between_pings() -> None:
    whole = message(1)
    padded = frame(DATA, b"\x02" + whole[:3] + b"\0\0", flags=8)
    parts = (HELLO, padded, frame(PING, bytes(8), stream=0), frame(DATA, whole[3:], flags=1))
    async with answering(*parts) as port:
        assert await check("127.0.0.1", port, "") == "SERVING"


async def test_it_asks_for_the_service_by_name() -> None:
    heard: list[bytes] = []
    async with answering(HELLO, frame(DATA, message(1)), TRAILERS, heard=heard) as port:
        await check("127.0.0.1", port, "db")
    await asyncio.sleep(0)
    assert b"\x00\x00\x00\x00\x04\x0a\x02db" in heard[0]
    assert b"/grpc.health.v1.Health/Check" in heard[0]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((HELLO, TRAILERS), "does not implement"),
        ((frame(GOAWAY, bytes(8), stream=0),), "refused the call"),
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "no HTTP/2 server"),
        ((HELLO[:4],), "closed before"),
    ],
)
async def test_what_is_no_answer_says_so(answer: tuple[bytes, ...], why: str) -> None:
    async with answering(*answer) as port:
        with pytest.raises(GrpcError, match=why):
            await check("127.0.0.1", port, "")


@given(st.binary(max_size=40))
def test_any_body_gives_a_word_or_an_error(body: bytes) -> None:
    if len(body) < 5 or body[0]:
        with pytest.raises(GrpcError):
            _status(body)
    else:
        assert _status(body)
