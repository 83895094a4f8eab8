"""Which requests of a connection go past aiohttp, and that all others are its own; that what they rest on holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from common.clock import SystemClock
from console.apiserver.lane import KNOWN_SECONDS, Answer, Lane, LaneServer

HEADERS = "Host: api\r\nAccept: application/json\r\n"
NEVER, FAILS = "/left/to/the/ordinary/way", "/fails"


class AheadClock(SystemClock):
    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


def request(path: str = "/one", headers: str = HEADERS, *, line: str = "GET {} HTTP/1.1", body: str = "") -> bytes:
    return f"{line.format(path)}\r\n{headers}\r\n{body}".encode()


@dataclass
class Served:
    """`met` are the headers of requests that the lane was asked about, in their order."""

    socket: Path
    clock: AheadClock
    server: LaneServer
    runner: web.ServerRunner
    met: list[dict[str, str]] = field(default_factory=list)
    gates: list[asyncio.Event] = field(default_factory=list)
    """What answers of the ordinary way wait for, if anything."""
    reads: int = 0

    @property
    def lanes(self) -> list[Lane]:
        return [connection for connection in self.server.connections if isinstance(connection, Lane)]

    async def read(self, connection: Connection, data: bytes) -> None:
        """Send these bytes and wait until they were read, apart from what comes after them."""
        before = self.reads
        await connection.send(data)
        await until(lambda: self.reads > before)

    async def open(self) -> Connection:
        return Connection(*await asyncio.open_unix_connection(self.socket))


@dataclass
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> str:
        """The body of the next answer, which says the way that its request took."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            return (await self.reader.readexactly(length)).decode()

    async def ask(self, data: bytes) -> str:
        await self.send(data)
        return await self.answer()

    async def is_closed(self) -> bool:
        async with asyncio.timeout(10):
            return not await self.reader.read(1)


def lane(path: str) -> str:
    return f"lane {path}"


def ordinary(path: str, method: str = "GET") -> str:
    return f"ordinary {method} {path}"


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    clock, path = AheadClock(), tmp_path / "lane.sock"
    receive = Lane.data_received

    def receive_and_count(connection: Lane, data: bytes) -> None:
        found.reads += 1
        receive(connection, data)

    monkeypatch.setattr(Lane, "data_received", receive_and_count)

    async def handle(http: web.BaseRequest) -> web.Response:
        for gate in found.gates:
            await gate.wait()
        return web.Response(text=ordinary(http.raw_path, http.method) + (await http.read()).decode())

    def meet(http: web.BaseRequest) -> Answer | None:
        found.met.append(dict(http.headers))
        if "Fails" in http.headers:
            raise RuntimeError
        return None if "Never" in http.headers else answer

    def answer(path: str) -> bytes | None:
        body = lane(path)
        if path == FAILS:
            raise RuntimeError
        return None if path == NEVER else f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    def make(message, payload, protocol, writer, task):  # type: ignore[no-untyped-def]
        return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())

    server = LaneServer(handle, meet, clock, make=make, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=1)
    found = Served(path, clock, server, runner)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    yield found
    await runner.cleanup()


@pytest.fixture
async def connection(served: Served) -> AsyncIterator[Connection]:
    """One that has asked for /first, so that its headers are known."""
    connection = await served.open()
    assert await connection.ask(request("/first")) == ordinary("/first")
    await idle(served)
    yield connection
    connection.writer.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - aiohttp has no event for any of this
            await asyncio.sleep(0)


def waiter_of(lane: Lane) -> Any:
    return lane._waiter


async def idle(served: Served) -> None:
    """Until every connection waits for a request: an answer is there a moment before its connection is at rest."""
    await until(lambda: all(waiter_of(lane) is not None for lane in served.lanes))


async def test_the_same_headers_again_go_past_aiohttp(connection: Connection, served: Served) -> None:
    for path in ("/one", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node", "/one"):
        assert await connection.ask(request(path)) == lane(path)
    assert served.met == [{"Host": "api", "Accept": "application/json"}]
    assert served.server.requests_count == 1


async def test_what_the_lane_leaves_is_answered_in_the_ordinary_way(connection: Connection, served: Served) -> None:
    for _ in range(2):
        assert await connection.ask(request(NEVER)) == ordinary(NEVER)
        await idle(served)
        assert await connection.ask(request("/one")) == lane("/one")
    assert len(served.met) == 1


@pytest.mark.parametrize("failing", [request(FAILS), request(headers=f"{HEADERS}Fails: yes\r\n")])
async def test_what_fails_is_answered_in_the_ordinary_way(
    connection: Connection, served: Served, failing: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = failing.split()[1].decode()
    for _ in range(2):
        assert await connection.ask(failing) == ordinary(path)
        await idle(served)
    assert "a read is left to the ordinary way" in caplog.text
    assert await connection.ask(request("/next")) == (lane("/next") if path == FAILS else ordinary("/next"))


async def test_a_first_request_is_never_of_the_lane(connection: Connection, served: Served) -> None:
    other = await served.open()
    assert await other.ask(request("/one")) == ordinary("/one")
    other.writer.close()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (request("/one", HEADERS + "More: x\r\n"), ordinary("/one")),
        (request("/one", "Host: api\r\nAccept: application/jsom\r\n"), ordinary("/one")),
        (request("/one", f"X: y\r\n{HEADERS}"), ordinary("/one")),
        (request("/one?x=y"), ordinary("/one?x=y")),
        (request("/one?"), ordinary("/one?")),
        (request("/%6fne"), ordinary("/%6fne")),
        (request("/one/"), ordinary("/one/")),
        (request("//one"), ordinary("//one")),
        (request("/a/../one"), ordinary("/a/../one")),
        (request("/a/./one"), ordinary("/a/./one")),
        (request("/one#part"), ordinary("/one#part")),
        (request("/" + "a" * 2000), ordinary("/" + "a" * 2000)),
        (request("/one", line="DELETE {} HTTP/1.1"), ordinary("/one", "DELETE")),
        (request("/one", line="GET {} HTTP/1.0"), ordinary("/one")),
        (request("/one", HEADERS + "Connection: close\r\n"), ordinary("/one")),
        (request("/one", HEADERS + "Content-Length: 4\r\n", body="body"), ordinary("/one") + "body"),
        (request("/one", HEADERS + "Transfer-Encoding: chunked\r\n", body="4\r\nbody\r\n0\r\n\r\n"),
         ordinary("/one") + "body"),
        (b"\r\n" + request("/one"), ordinary("/one")),
    ],
)  # fmt: skip
async def test_all_others_are_aiohttps(connection: Connection, asked: bytes, expected: str) -> None:
    assert await connection.ask(request("/one")) == lane("/one")
    assert await connection.ask(asked) == expected


@pytest.mark.parametrize(
    "more", ["Never: x\r\n", "Expect: 100-continue\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\n"]
)
async def test_requests_of_which_more_comes_teach_nothing(served: Served, more: str) -> None:
    connection = await served.open()
    for _ in range(3):
        assert await connection.ask(request("/one", HEADERS + more)) == ordinary("/one")
        await idle(served)
    connection.writer.close()


async def test_a_request_with_a_body_teaches_nothing(served: Served) -> None:
    connection = await served.open()
    for _ in range(3):
        # Its head alone looks as if it were all.
        await served.read(connection, request("/one", HEADERS + "Content-Length: 4\r\n"))
        assert await connection.ask(b"body") == ordinary("/one") + "body"
        await idle(served)
    assert served.met == []
    connection.writer.close()


async def test_several_in_one_packet_are_answered_in_their_order(connection: Connection, served: Served) -> None:
    await connection.send(b"".join(request(f"/{number}") for number in range(4)))
    assert [await connection.answer() for _ in range(4)] == [ordinary(f"/{number}") for number in range(4)]
    await idle(served)
    # The last of them stood not alone, so that it is not known where its headers began.
    assert await connection.ask(request("/one")) == ordinary("/one")
    await idle(served)
    assert await connection.ask(request("/one")) == lane("/one")


async def test_a_request_behind_one_under_way_waits_for_it(connection: Connection, served: Served) -> None:
    gate = asyncio.Event()
    served.gates.append(gate)
    await connection.send(request("/slow", line="POST {} HTTP/1.1", headers=HEADERS + "Content-Length: 0\r\n"))
    await until(lambda: served.server.requests_count == 2)
    await served.read(connection, request("/one"))
    await served.read(connection, request("/two"))
    gate.set()
    assert [await connection.answer() for _ in range(3)] == [
        ordinary("/slow", "POST"), ordinary("/one"), ordinary("/two")
    ]  # fmt: skip
    await idle(served)
    assert await connection.ask(request("/three")) == ordinary("/three")


@pytest.mark.parametrize("cut", [4, 7, len("GET /one HTTP/1.1"), len("GET /one HTTP/1.1\r\n"), -4, -2, -1])
async def test_a_request_in_pieces(connection: Connection, served: Served, cut: int) -> None:
    asked = request("/one")
    for _ in range(2):
        await served.read(connection, asked[:cut])
        await connection.send(asked[cut:])
        assert await connection.answer() == ordinary("/one")
        await idle(served)
    # Nothing of a request that came in pieces is taken for known: the next whole one is read by aiohttp first.
    assert await connection.ask(asked) == ordinary("/one")
    await idle(served)
    assert await connection.ask(asked) == lane("/one")


async def test_what_came_before_a_whole_request_belongs_to_it(served: Served) -> None:
    """The beginning of a request in one packet, then what looks like a whole one: all of it is one request, whose
    headers are not those of the part that looks whole."""
    connection = await served.open()
    await served.read(connection, b"GET /one HTTP/1.1\r\nNever: x\r\nLast: ")
    assert await connection.ask(request("/one")) == ordinary("/one")
    await idle(served)
    assert served.met == []
    assert await connection.ask(request("/one")) == ordinary("/one")
    assert served.met == [{"Host": "api", "Accept": "application/json"}]
    connection.writer.close()


async def test_half_a_request_line_is_not_the_beginning_of_another(connection: Connection, served: Served) -> None:
    await served.read(connection, b"GET /half")
    answer = await connection.ask(request("/one"))
    assert "lane" not in answer
    assert await connection.is_closed()


def written(body: str = "body", length: str = "Content-Length: 4\r\n") -> bytes:
    return request("/two", HEADERS + length, line="PUT {} HTTP/1.1", body=body)


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        (written(), ordinary("/two", "PUT") + "body"),
        (request("/two?limit=1"), ordinary("/two?limit=1")),
        (request("/two", HEADERS + "More: x\r\n", line="DELETE {} HTTP/1.1"), ordinary("/two", "DELETE")),
    ],
)
async def test_the_lane_stays_open_over_whole_requests(
    connection: Connection, served: Served, between: bytes, expected: str
) -> None:
    for _ in range(2):
        assert await connection.ask(between) == expected
        await idle(served)
        assert await connection.ask(request("/one")) == lane("/one")
    assert len(served.met) == 1


@pytest.mark.parametrize(
    "pieces",
    [
        (written(""), b"body"),
        (written("bo"), b"dy"),
        (written("4\r\nbody\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n"),),
        (written("", "Transfer-Encoding: chunked\r\n"), b"4\r\nbody\r\n0\r\n\r\n"),
        (written() + b"\r\n",),
    ],
)
async def test_the_lane_is_closed_by_what_may_go_on(
    connection: Connection, served: Served, pieces: tuple[bytes, ...]
) -> None:
    for piece in pieces:
        await served.read(connection, piece)
    assert await connection.answer() == ordinary("/two", "PUT") + "body"
    await idle(served)
    assert await connection.ask(request("/one")) == ordinary("/one")
    await idle(served)
    assert await connection.ask(request("/one")) == lane("/one")


async def test_the_headers_of_a_body_are_not_learned(connection: Connection, served: Served) -> None:
    for _ in range(3):
        asked = request("/one", HEADERS + "Content-Length: 4\r\n", body="body")
        assert await connection.ask(asked) == ordinary("/one") + "body"
        await idle(served)
    assert len(served.met) == 1


async def test_headers_change_on_the_way(connection: Connection, served: Served) -> None:
    others = HEADERS + "Authorization: Bearer x\r\n"
    assert await connection.ask(request("/one", others)) == ordinary("/one")
    await idle(served)
    assert await connection.ask(request("/one", others)) == lane("/one")
    assert await connection.ask(request("/one")) == ordinary("/one")
    await idle(served)
    assert await connection.ask(request("/one")) == lane("/one")
    assert [met.get("Authorization") for met in served.met] == [None, "Bearer x", None]


async def test_aiohttp_sees_now_and_then_that_a_connection_is_in_use(connection: Connection, served: Served) -> None:
    assert await connection.ask(request("/one")) == lane("/one")
    served.clock.ahead += KNOWN_SECONDS + 1
    assert await connection.ask(request("/one")) == ordinary("/one")
    await idle(served)
    assert await connection.ask(request("/one")) == lane("/one")
    assert len(served.met) == 1


async def test_who_does_not_read_gets_no_more(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that a client leaves lying are written in the ordinary way, which waits for it."""
    connection = await served.open()
    await connection.ask(request("/one"))
    await idle(served)
    (known,) = served.lanes
    assert known.transport is not None
    monkeypatch.setattr(known, "transport", _Full(known.transport))
    assert await connection.ask(request("/one")) == ordinary("/one")
    connection.writer.close()


class _Full:
    """A transport that has not sent all yet."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def get_write_buffer_size(self) -> int:
        return 1

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)


async def test_a_server_that_closes_takes_no_more(connection: Connection, served: Served) -> None:
    served.server.pre_shutdown()
    await connection.send(request("/one"))
    await served.runner.cleanup()
    assert await connection.is_closed()


async def test_a_connection_that_ended_is_forgotten(connection: Connection, served: Served) -> None:
    (known,) = served.lanes
    connection.writer.close()
    await until(lambda: not served.lanes)
    assert known._known is None


async def test_what_the_lane_knows_of_aiohttp(connection: Connection, served: Served) -> None:
    """`_waiter` is pending between requests and at no other time; without it nothing goes past aiohttp."""
    (known,) = served.lanes
    assert isinstance(waiter_of(known), asyncio.Future)
    assert not waiter_of(known).done()
    gate = asyncio.Event()
    served.gates.append(gate)
    await connection.send(request(NEVER))
    await until(lambda: served.server.requests_count == 2)
    assert waiter_of(known) is None
    gate.set()
    assert await connection.answer() == ordinary(NEVER)
    await idle(served)
    waiter = waiter_of(known)
    known.close()
    assert waiter.cancelled()
