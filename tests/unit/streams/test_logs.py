"""A log that is taken up again after cuts: every line once, in its order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.api.meta import Key, parse_time
from common.client.http import Params
from common.clock import FakeClock
from common.errors import NotFound, ServiceUnavailable
from console.streams.logs import LONGEST_LINE, Overlap, follow

POD = Key("default", "web")
BEGIN = datetime(2026, 11, 22, 9, 14, tzinfo=UTC)


def line(milliseconds: int, text: str) -> bytes:
    moment = BEGIN + timedelta(milliseconds=milliseconds)
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z {text}\n".encode()


class Log:
    """A server with one log. Streams break after so many bytes, one after the other, then end."""

    def __init__(self, lines: list[bytes], cuts: list[int] | None = None) -> None:
        self.lines = lines
        self.cuts = cuts or []
        self.piece = 7
        self.asked: list[dict[str, str]] = []

    async def stream(self, _path: str, params: Params = ()) -> AsyncIterator[bytes]:
        asked = dict(params)
        self.asked.append(asked)
        since = parse_time(asked["sinceTime"]) if "sinceTime" in asked else None
        shown = [item for item in self.lines if since is None or parse_time(item.split(b" ")[0].decode()) >= since]
        if "tailLines" in asked:
            shown = shown[-int(asked["tailLines"]) :]
        data = b"".join(shown)
        if self.cuts:
            cut = self.cuts.pop(0)
            yield data[:cut]
            raise ServiceUnavailable("the connection was cut")
        for start in range(0, len(data), self.piece):
            yield data[start : start + self.piece]


async def read(log: Log, clock: FakeClock, overlap: Overlap | None = None, **params: str) -> list[bytes]:
    found: list[bytes] = []
    told: list[str] = []

    async def ended() -> bool:
        return False

    async def all_of_it() -> None:
        asked = {"container": "app", "follow": "true", **params}
        lines = follow(log, POD, asked, overlap or Overlap(), clock, runs=ended, told=told.append)
        async for batch in lines:
            found.extend(item + b"\n" for item in batch)

    work = asyncio.ensure_future(all_of_it())
    while not work.done():
        await asyncio.sleep(0)
        await clock.advance(8)
    await work
    return found


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 900), st.sampled_from(["same", "a", "b", ""])), max_size=30),
    st.lists(st.integers(0, 900), max_size=6),
)
def test_cuts_anywhere_lose_and_double_no_line(gaps: list[tuple[int, str]], cuts: list[int]) -> None:
    at, lines = 0, []
    for gap, text in gaps:
        at += gap
        lines.append(line(at, text))
    assert asyncio.run(read(Log(lines, cuts), FakeClock(), Overlap())) == lines


async def test_lines_of_two_streams_out_of_order_survive_a_cut() -> None:
    lines = [line(0, "a"), line(1010, "out"), line(990, "err"), line(1000, "late")]
    log = Log(lines, [len(lines[0]) + len(lines[1])])
    assert await read(log, FakeClock()) == lines


async def test_a_memory_that_is_full_knows_what_is_older_than_it() -> None:
    lines = [line(number, str(number)) for number in range(100)]
    log = Log(lines, [sum(map(len, lines[:60]))])
    assert await read(log, FakeClock(), Overlap(most=10)) == lines


async def test_the_tail_is_asked_for_once() -> None:
    lines = [line(number * 1000, str(number)) for number in range(10)]
    log = Log(lines, [sum(map(len, lines[5:8]))])
    assert await read(log, FakeClock(), tailLines="5") == lines[5:]
    assert [asked.get("tailLines") for asked in log.asked] == ["5", None]


async def test_lines_without_a_time_are_not_doubled_either() -> None:
    lines = [b"plain one\n", b"plain two\n", b"plain three\n"]

    class Plain(Log):
        async def stream(self, path: str, params: Params = ()) -> AsyncIterator[bytes]:
            data = b"".join(self.lines)
            if self.cuts:
                yield data[: self.cuts.pop(0)]
                raise ServiceUnavailable("cut")
            yield data

    assert await read(Plain(lines, [20]), FakeClock()) == lines


async def test_a_log_that_is_not_followed_is_not_taken_up() -> None:
    with pytest.raises(ServiceUnavailable):
        await read(Log([line(0, "a")], [3]), FakeClock(), follow="")


async def test_what_the_api_refuses_ends_it() -> None:
    class Gone(Log):
        def stream(self, path: str, params: Params = ()) -> AsyncIterator[bytes]:
            raise NotFound('pods "web" not found')

    with pytest.raises(NotFound):
        await read(Gone([]), FakeClock())


async def test_a_log_that_goes_with_its_pod_has_ended() -> None:
    class Going(Log):
        def stream(self, path: str, params: Params = ()) -> AsyncIterator[bytes]:
            if self.asked:
                raise NotFound('pods "web" not found')
            return super().stream(path, params)

    lines = [line(0, "a"), line(1, "b")]
    assert await read(Going(lines, [len(lines[0])]), FakeClock()) == lines[:1]


async def test_a_line_without_an_end_comes_in_pieces() -> None:
    log = Log([b"x" * (LONGEST_LINE + 100)])
    log.piece = 10_000
    assert b"".join(piece.removesuffix(b"\n") for piece in await read(log, FakeClock())) == log.lines[0]
