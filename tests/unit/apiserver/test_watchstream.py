"""What a watch sends at once is bounded, made when the connection takes it, and once for all who get the same."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from console.apiserver.watchstream import WRITE_BYTES, Chunks, gathered
from console.store import Entry, Event

LINE = b"x" * 5000


def events(*names: str) -> list[Event]:
    raw = [orjson.dumps({"metadata": {"name": name}}) for name in names]
    return [Event("ADDED", Entry(("", name), 1, body), None) for name, body in zip(names, raw, strict=True)]


def test_lines_go_out_together_and_no_more_than_so_many_bytes_at_once() -> None:
    lines = [b"%d" % number + LINE for number in range(100)]
    pieces = list(gathered(lines))
    assert b"".join(pieces) == b"".join(lines)
    assert all(WRITE_BYTES <= len(piece) < WRITE_BYTES + 2 * len(LINE) for piece in pieces[:-1])
    assert len(pieces) < 10


def test_lines_are_made_when_the_ones_before_were_taken() -> None:
    made = 0

    def lines() -> Iterator[bytes]:
        nonlocal made
        for _ in range(1000):
            made += 1
            yield LINE

    first = next(iter(gathered(lines())))
    assert len(first) == made * len(LINE)
    assert made < 20


def test_a_line_larger_than_that_goes_alone_and_nothing_is_nothing() -> None:
    large = b"y" * (2 * WRITE_BYTES)
    assert list(gathered([large, LINE])) == [large, LINE]
    assert list(gathered([])) == []


def test_what_many_watchers_get_is_made_once() -> None:
    chunks, told = Chunks(), events("a", "b")
    first = chunks.of(told)
    assert first is not None
    size, lines = first.split(b"\r\n", 1)
    assert int(size, 16) == len(lines) - 2
    assert lines.endswith(b"\n\r\n")
    assert [orjson.loads(line)["object"]["metadata"]["name"] for line in lines.splitlines() if line] == ["a", "b"]
    assert chunks.of(list(told)) is first
    assert chunks.of(told[1:]) != first
    assert chunks.of(told) == first


def test_a_chunk_is_kept_apart_from_the_queue_that_it_was_made_of() -> None:
    chunks, queue = Chunks(), events("a")
    first = chunks.of(queue)
    queue += events("b")
    both = chunks.of(queue)
    assert first is not None
    assert both is not None
    assert (first.count(b'"type"'), both.count(b'"type"')) == (1, 2)


def test_more_than_is_sent_at_once_is_no_chunk() -> None:
    chunks = Chunks()
    assert chunks.of(events("a" * WRITE_BYTES)) is None
    assert chunks.of(events(*("a" * 5000 for _ in range(20)))) is None
    assert chunks.of(events("a")) is not None
