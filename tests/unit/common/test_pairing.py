"""Pairing: the right code pairs, anything else burns it."""

from __future__ import annotations

import pytest

from common.clock import FakeClock
from common.pairing import ATTEMPT_SECONDS, Answer, Busy, Desk, Initiator, PairingError, WrongCode, new_code

CONSOLE, AGENT = "aa" * 32, "bb" * 32


class Paired:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.shown: list[str] = []
        self.desk = Desk(self.clock, self.shown.append)
        self.desk.open()

    def attempt(self, code: str, *, seen_agent: str = AGENT, seen_console: str = CONSOLE) -> None:
        """A whole pairing in which each end may see another certificate than the other end has."""
        console = Initiator(code, CONSOLE, seen_agent)
        name, answer = self.desk.start(console.message, seen_console, AGENT, b"request")
        console.check(answer, b"request")
        self.desk.finish(name, b"certificate", console.confirm(b"certificate"))


@pytest.fixture
def paired() -> Paired:
    return Paired()


def other(code: str) -> str:
    return code[:-1] + str((int(code[-1]) + 1) % 10)


def test_the_right_code_pairs_however_it_is_typed(paired: Paired) -> None:
    paired.attempt(" " + paired.desk.code.replace("-", " "))
    assert len(paired.shown) == 1


async def test_a_wrong_code_is_told_to_the_console_and_burned(paired: Paired) -> None:
    wrong = other(paired.desk.code)
    with pytest.raises(WrongCode, match="prints a new one"):
        paired.attempt(wrong)
    await paired.clock.advance(ATTEMPT_SECONDS)
    with pytest.raises(Busy, match="failed just now"):
        paired.attempt(paired.shown[0])
    assert len(paired.shown) == 2
    await paired.clock.advance(1)
    paired.attempt(paired.shown[1])


def test_a_wrong_confirmation_burns_the_code(paired: Paired) -> None:
    console = Initiator(other(paired.desk.code), CONSOLE, AGENT)
    name, _ = paired.desk.start(console.message, CONSOLE, AGENT, b"request")
    with pytest.raises(WrongCode):
        paired.desk.finish(name, b"certificate", b"\0" * 32)
    assert len(paired.shown) == 2


@pytest.mark.parametrize("seen", [{"seen_agent": "cc" * 32}, {"seen_console": "cc" * 32}])
def test_somebody_in_between_gets_nothing(paired: Paired, seen: dict[str, str]) -> None:
    with pytest.raises(WrongCode):
        paired.attempt(paired.desk.code, **seen)


def test_a_changed_request_or_payload_is_noticed(paired: Paired) -> None:
    console = Initiator(paired.desk.code, CONSOLE, AGENT)
    name, answer = paired.desk.start(console.message, CONSOLE, AGENT, b"request")
    with pytest.raises(WrongCode):
        console.check(answer, b"another request")
    with pytest.raises(WrongCode):
        paired.desk.finish(name, b"another certificate", console.confirm(b"certificate"))


def test_one_attempt_at_a_time(paired: Paired) -> None:
    console = Initiator(paired.desk.code, CONSOLE, AGENT)
    paired.desk.start(console.message, CONSOLE, AGENT, b"request")
    with pytest.raises(Busy, match="under way") as busy:
        paired.desk.start(console.message, CONSOLE, AGENT, b"request")
    assert busy.value.retry_after == ATTEMPT_SECONDS


async def test_an_attempt_that_takes_too_long_burns_the_code(paired: Paired) -> None:
    console = Initiator(paired.desk.code, CONSOLE, AGENT)
    name, answer = paired.desk.start(console.message, CONSOLE, AGENT, b"request")
    console.check(answer, b"request")
    await paired.clock.advance(ATTEMPT_SECONDS)
    with pytest.raises(WrongCode, match="too long"):
        paired.desk.finish(name, b"certificate", console.confirm(b"certificate"))
    assert len(paired.shown) == 2


def test_an_unknown_attempt_leaves_the_running_one_alone(paired: Paired) -> None:
    console = Initiator(paired.desk.code, CONSOLE, AGENT)
    name, answer = paired.desk.start(console.message, CONSOLE, AGENT, b"request")
    with pytest.raises(PairingError, match="no such pairing attempt"):
        paired.desk.finish("0" * 16, b"certificate", b"")
    console.check(answer, b"request")
    paired.desk.finish(name, b"certificate", console.confirm(b"certificate"))


async def test_attempts_get_slower_with_each_failure(paired: Paired) -> None:
    waits = []
    for _ in range(8):
        with pytest.raises(PairingError, match="malformed"):
            paired.desk.start(b"junk", CONSOLE, AGENT, b"")
        with pytest.raises(Busy) as busy:
            paired.desk.start(b"junk", CONSOLE, AGENT, b"")
        waits.append(busy.value.retry_after)
        await paired.clock.advance(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert len(set(paired.shown)) == 9


@pytest.mark.parametrize("message", [b"", b"A" * 33, b"B" + b"\0" * 32, b"A" + b"\xff" * 32, b"A" * 100_000])
def test_hostile_messages_are_refused(paired: Paired, message: bytes) -> None:
    with pytest.raises(PairingError, match="malformed"):
        paired.desk.start(message, CONSOLE, AGENT, b"")
    with pytest.raises(PairingError, match="malformed"):
        Initiator(new_code(), CONSOLE, AGENT).check(Answer(message, b""), b"")


@pytest.mark.parametrize("text", ["", "1234", "1234-567", "1234-56789", "abcd-efgh", "١٢٣٤٥٦٧٨"])
def test_what_cannot_be_a_code_is_refused_before_it_is_used(text: str) -> None:
    with pytest.raises(PairingError, match="8 digits") as failure:
        Initiator(text, CONSOLE, AGENT)
    assert not text or text not in str(failure.value)


def test_a_retired_desk_takes_no_code(paired: Paired) -> None:
    paired.desk.retire()
    with pytest.raises(PairingError, match="takes no pairing code"):
        paired.desk.start(b"A" * 33, CONSOLE, AGENT, b"")
