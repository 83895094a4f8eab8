"""A link ends when a part of it does: its node is then dialled anew, and says and is told everything again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from common import session
from common.api.meta import Object, format_micro_time
from common.clock import FakeClock
from common.session import Ack, Message, Open, Report, Welcome
from console.nodes.assignment import Distribution
from console.nodes.link import Link, Target, Watcher

NOW = format_micro_time(datetime(2026, 1, 1, tzinfo=UTC))


class Agent:
    """The other end: greets, then sends what it was given, and stays."""

    def __init__(self, *messages: Message) -> None:
        self._messages = messages
        self.heard: list[Message] = []
        self.acknowledged = asyncio.Event()

    async def ws_connect(self, _url: str, **_options: Any) -> Agent:
        return self

    async def receive(self, _seconds: float) -> Any:
        return _text(Welcome("1", {}, NOW))

    async def __aiter__(self) -> AsyncIterator[Any]:
        for message in self._messages:
            yield _text(message)
        await asyncio.Event().wait()

    async def send_str(self, text: str) -> None:
        message = session.decode(text)
        self.heard.append(message)
        if isinstance(message, Ack):
            self.acknowledged.set()

    async def send_bytes(self, data: bytes) -> None:
        raise AssertionError(f"no message here is long: {data[:40]!r}")

    async def close(self) -> None: ...


def _text(message: Message) -> Any:
    return SimpleNamespace(type=aiohttp.WSMsgType.TEXT, data=session.encode(message))


class Store:
    """What the control plane does with reports: nothing, or what it was told to raise."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.reports: list[Report] = []

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        yield

    async def report(self, _node: str, report: Report) -> None:
        self.reports.append(report)
        if self._error is not None:
            raise self._error

    async def welcome(self, *_told: object) -> None: ...

    def heard(self, _node: str) -> None: ...

    def lost(self, _node: str) -> bool:
        return False

    def released(self, _node: str) -> list[str]:
        return []


def running(agent: Agent, store: Store, distribution: Distribution) -> asyncio.Task[None]:
    async def no_api() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        raise AssertionError("no pod asks for the API here")

    link = Link(cast("Watcher", store), distribution, FakeClock(), no_api)
    opening = Open("uid", 1, "one", "n1", {}, NOW)
    target = Target("n1", "192.0.2.1:10250", cast("Any", None), opening)
    return asyncio.create_task(link.run(cast("aiohttp.ClientSession", agent), target))


async def test_a_report_that_is_stored_is_acknowledged() -> None:
    agent, store = Agent(Report(7)), Store()
    task = running(agent, store, Distribution())
    async with asyncio.timeout(30):
        await agent.acknowledged.wait()
    assert Ack(7) in agent.heard
    task.cancel()
    await asyncio.wait({task})


async def test_a_report_that_cannot_be_understood_ends_the_link_and_says_why() -> None:
    broken: Object = {"conditions": ["Ready"]}
    agent, store = Agent(Report(7, node=broken)), Store(AttributeError("'str' object has no attribute 'get'"))
    async with asyncio.timeout(30):
        with pytest.raises(AttributeError, match="no attribute 'get'"):
            await running(agent, store, Distribution())
    assert Ack(7) not in agent.heard
