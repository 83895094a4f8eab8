"""How controllers of other packages are told to be, when they are started again, and what is kept of their log."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from common.clock import FakeClock
from console.extensions.output import LINES, LONGEST, WINDOW_SECONDS, Output
from console.extensions.states import LONGEST_DELAY, State

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def test_one_that_ends_again_and_again_waits_longer_and_longer() -> None:
    state = State("mine", "theirs 1.0", NOW)
    assert (state.phase, state.delay) == ("Starting", 0.0)
    delays = []
    for _ in range(12):
        state = state.began(NOW).ended("no", NOW)
        delays.append(state.delay)
    assert delays[:4] == [1, 2, 4, 8]
    assert delays[-1] == LONGEST_DELAY
    assert state.restarts == 12


def test_it_is_well_only_after_it_has_run_for_a_while() -> None:
    first = State("mine", "theirs 1.0", NOW).began(NOW)
    assert (first.phase, first.message) == ("Running", "")
    failed = first.ended("boom", NOW)
    again = failed.began(LATER)
    assert (again.phase, again.message, again.since) == ("Failing", "boom", NOW)
    assert again.ended("again", LATER).since == NOW
    well = again.ran_well(LATER)
    assert (well.phase, well.message, well.since, well.delay) == ("Running", "", LATER, 0.0)
    assert well.restarts == 1


def test_what_the_api_shows() -> None:
    made = State("mine", "theirs 1.0", NOW).ended("boom", LATER).to_object()
    assert made["metadata"] == {"name": "mine"}
    assert made["status"] == {
        "group": "quarterdeck.controllers", "package": "theirs 1.0", "user": "quarterdeck:controller:mine",
        "phase": "Failing", "restarts": 1, "since": "2026-11-22T00:01:00Z", "message": "boom",
    }  # fmt: skip


async def test_a_flood_of_words_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = FakeClock()
    output = Output("mine", clock)

    async def say(data: bytes) -> None:
        stream = asyncio.StreamReader()
        stream.feed_data(data)
        stream.feed_eof()
        await output.follow(stream)

    await say(b"line\n" * (LINES + 5) + b"\n" + b"x" * (10 * LONGEST) + b"\nlast words")
    assert output.last == "last words"
    assert len(caplog.messages) == LINES
    await clock.advance(WINDOW_SECONDS)
    await say(b"again\n")
    assert caplog.messages[-2:] == ["7 more lines were left out", "again"]
