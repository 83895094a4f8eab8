"""Tokens of pods on a node: asked for once, renewed in time, kept over a restart."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common.api.meta import Object, format_time
from common.clock import FakeClock
from common.session import TokenGiven, TokenNeeded
from nodeagent.tokens import ANSWER_SECONDS, LOOK_SECONDS, Tokens, TokenUnavailable, needed_by

from .fakes import pod

NEEDED = TokenNeeded("u1", "", 3607)


def mounted(**token: Any) -> Object:
    sources = [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3607, **token}}, {"configMap": {}}]
    return pod(None, volumes=[{"name": "v", "projected": {"sources": sources}}, {"name": "w", "emptyDir": {}}])


class ControlPlane:
    """Answers each question at once with token1, token2 …, or with what `error` says; `silent` answers nothing."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked: list[TokenNeeded] = []
        self.error = ""
        self.silent = False
        self.tokens: Tokens

    async def send(self, needed: TokenNeeded) -> None:
        self.asked.append(needed)
        if self.silent:
            return
        token = "" if self.error else f"token{len(self.asked)}"
        expires = format_time(self.clock.now() + timedelta(seconds=needed.seconds))
        self.tokens.given(TokenGiven(needed.pod, needed.audience, needed.seconds, token, expires, self.error))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def changes() -> list[str]:
    return []


@pytest.fixture
def plane(clock: FakeClock, changes: list[str]) -> ControlPlane:
    found = ControlPlane(clock)
    found.tokens = Tokens(clock, None, lambda: changes.append("changed"))
    found.tokens.attach(found.send)
    return found


def test_what_a_pod_needs_is_in_its_volumes() -> None:
    assert needed_by(mounted()) == {NEEDED}
    assert needed_by(mounted(audience="vault", expirationSeconds=600)) == {TokenNeeded("u1", "vault", 600)}
    assert needed_by(pod(None)) == set()


async def test_a_token_is_asked_for_once(plane: ControlPlane, changes: list[str]) -> None:
    await plane.tokens.ensure(mounted())
    await plane.tokens.ensure(mounted())
    assert plane.asked == [NEEDED]
    assert plane.tokens.of("u1") == {("", 3607): "token1"}
    assert plane.tokens.of("u2") == {}
    assert changes == []


async def test_it_is_replaced_after_four_fifths_of_its_life(
    plane: ControlPlane, clock: FakeClock, changes: list[str]
) -> None:
    await plane.tokens.ensure(mounted())
    keeping = asyncio.get_running_loop().create_task(plane.tokens.keep_fresh(lambda: [mounted()]))
    await asyncio.sleep(0)
    await clock.advance(3607 * 0.8 - LOOK_SECONDS)
    assert len(plane.asked) == 1
    await clock.advance(2 * LOOK_SECONDS)
    assert len(plane.asked) == 2
    assert plane.tokens.of("u1") == {("", 3607): "token2"}
    assert changes == ["changed"]
    keeping.cancel()


async def test_a_day_is_the_longest_that_one_is_used(plane: ControlPlane, clock: FakeClock) -> None:
    wanted = mounted(expirationSeconds=30 * 86400)
    await plane.tokens.ensure(wanted)
    await clock.advance(86400 + 1)
    await plane.tokens.ensure(wanted)
    assert len(plane.asked) == 2


async def test_an_old_token_is_used_while_nobody_answers(plane: ControlPlane, clock: FakeClock) -> None:
    await plane.tokens.ensure(mounted())
    plane.tokens.detach(plane.send)
    await clock.advance(5000)
    await plane.tokens.ensure(mounted())
    assert plane.tokens.of("u1") == {("", 3607): "token1"}


async def test_without_a_token_the_pod_waits_and_hears_why(plane: ControlPlane) -> None:
    plane.error = 'serviceaccounts "web" not found'
    with pytest.raises(TokenUnavailable, match=r'failed to fetch token: .*serviceaccounts "web" not found'):
        await plane.tokens.ensure(mounted())
    plane.tokens.detach(plane.send)
    with pytest.raises(TokenUnavailable, match="the control plane is away"):
        await plane.tokens.ensure(mounted())


async def test_a_connection_that_ends_ends_the_waiting(plane: ControlPlane) -> None:
    plane.silent = True
    waiting = asyncio.get_running_loop().create_task(plane.tokens.ensure(mounted()))
    await asyncio.sleep(0)
    plane.tokens.detach(plane.send)
    async with asyncio.timeout(ANSWER_SECONDS / 2):
        with pytest.raises(TokenUnavailable, match="the connection to the control plane was lost"):
            await waiting


async def test_a_newer_session_is_not_detached_by_an_older_ones_end(plane: ControlPlane, clock: FakeClock) -> None:
    newer = ControlPlane(clock)
    newer.tokens = plane.tokens
    plane.tokens.attach(newer.send)
    plane.tokens.detach(plane.send)
    await plane.tokens.ensure(mounted())
    assert newer.asked == [NEEDED]


async def test_a_clock_that_was_set_back_asks_anew(plane: ControlPlane, clock: FakeClock) -> None:
    await plane.tokens.ensure(mounted())
    clock._now -= timedelta(days=1)
    await plane.tokens.ensure(mounted())
    assert len(plane.asked) == 2


async def test_tokens_of_pods_that_are_gone_are_forgotten(plane: ControlPlane) -> None:
    await plane.tokens.ensure(mounted())
    plane.tokens.keep_only(set())
    assert plane.tokens.of("u1") == {}


async def test_tokens_survive_a_restart_sealed(plane: ControlPlane, clock: FakeClock, tmp_path: Path) -> None:
    plane.tokens = Tokens(clock, tmp_path, lambda: None)
    plane.tokens.attach(plane.send)
    await plane.tokens.ensure(mounted())
    await plane.tokens.save()
    assert not any(b"token1" in path.read_bytes() for path in tmp_path.iterdir())
    again = Tokens(clock, tmp_path, lambda: None)
    await again.ensure(mounted())
    assert again.of("u1") == {("", 3607): "token1"}


@pytest.mark.parametrize("damage", [b"", b"x" * 100])
async def test_a_damaged_file_means_asking_anew(
    clock: FakeClock, tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await Tokens(clock, tmp_path, lambda: None).save()
    (tmp_path / "tokens.sealed").write_bytes(damage)
    assert Tokens(clock, tmp_path, lambda: None).of("u1") == {}
    assert "its tokens are asked for anew" in caplog.text


def test_nothing_that_is_printed_has_the_token() -> None:
    assert "secret" not in repr(TokenGiven("u1", "", 600, "secret", "2026-01-01T00:00:00Z"))
