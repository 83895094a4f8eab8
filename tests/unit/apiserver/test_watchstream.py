"""What a watch sends at once is bounded, and made when the connection takes it."""

from __future__ import annotations

from collections.abc import Iterator

from console.apiserver.watchstream import WRITE_BYTES, gathered

LINE = b"x" * 5000


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
