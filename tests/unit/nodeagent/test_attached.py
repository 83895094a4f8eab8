"""What becomes of an attach when the input of its client ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from aiohttp import WSMessage, WSMsgType, web

from nodeagent.runtime import streams


class Client:
    """A client that sends its input and its end, and stays."""

    closed = False

    def __init__(self, *messages: bytes) -> None:
        self._messages = messages
        self.got: list[bytes] = []

    async def __aiter__(self) -> AsyncIterator[WSMessage]:
        for message in self._messages:
            yield WSMessage(WSMsgType.BINARY, message, None)
        await asyncio.Event().wait()

    async def send_bytes(self, data: bytes) -> None:
        self.got.append(data)


class Engine:
    """The input of a process, and an echo of it as its output, in several pieces."""

    def __init__(self) -> None:
        self.output = asyncio.StreamReader()
        self.input_ended = False

    def write(self, data: bytes) -> None:
        for letter in data:
            self.output.feed_data(bytes([letter]))

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.input_ended = True
        self.output.feed_eof()

    def close(self) -> None:
        """Nothing is left to give back."""


async def bridged(monkeypatch: pytest.MonkeyPatch, *, ends_input: bool) -> tuple[Client, Engine]:
    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.05)
    client, engine = Client(b"\x00hello", b"\xff\x00"), Engine()
    resize: Any = None
    async with asyncio.timeout(60):
        await streams.bridge(
            cast("web.WebSocketResponse", client), engine.output, cast("asyncio.StreamWriter", engine),
            stdin=True, tty=True, resize=resize, ends_input=ends_input,
        )  # fmt: skip
    return client, engine


async def test_a_process_whose_input_goes_on_is_left_when_it_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    client, engine = await bridged(monkeypatch, ends_input=False)
    assert b"".join(part[1:] for part in client.got) == b"hello"
    assert not engine.input_ended


async def test_a_process_whose_input_ends_is_told_and_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    client, engine = await bridged(monkeypatch, ends_input=True)
    assert b"".join(part[1:] for part in client.got) == b"hello"
    assert engine.input_ended


async def test_a_process_that_is_never_quiet_is_left_after_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(streams, "QUIET_SECONDS", 3600.0)
    client, engine = Client(b"\xff\x00"), Engine()
    async with asyncio.timeout(60):
        await streams.bridge(
            cast("web.WebSocketResponse", client), engine.output, cast("asyncio.StreamWriter", engine),
            stdin=True, tty=True, resize=cast("streams.Resize", None), ends_input=False,
        )  # fmt: skip
    assert client.got == []
