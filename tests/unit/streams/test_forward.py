"""A forward on an API of a few lines: how it ends when the other side says nothing any more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from common.api.kinds import PODS
from common.api.meta import Key
from console.streams import forward
from console.streams.forward import Forward
from console.streams.ports import Pair

POD = {
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"nodeName": "node-1", "containers": [{"name": "main"}]},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}


class Silent:
    """A WebSocket whose other side is gone: no message comes, and no goodbye."""

    async def send_bytes(self, _data: bytes) -> None: ...

    async def close(self) -> None:
        await asyncio.Event().wait()

    def __aiter__(self) -> Silent:
        return self

    async def __anext__(self) -> Any:
        await asyncio.Event().wait()


class Api:
    def __init__(self) -> None:
        self.opened = asyncio.Event()

    async def get(self, *_where: Any, **_options: Any) -> Any:
        return POD

    async def websocket(self, *_where: Any, **_options: Any) -> Any:
        self.opened.set()
        return Silent()


async def test_it_ends_though_nobody_says_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "CLOSE_SECONDS", 0.05)
    api = Api()
    running = Forward(api, PODS, Key("default", "web"), Pair(0, "80"), ("127.0.0.1",))  # type: ignore[arg-type]
    await running.start()
    _, writer = await asyncio.open_connection("127.0.0.1", running.port)
    async with asyncio.timeout(20):
        await api.opened.wait()
        await running.close()
    assert running.figures.open == 0
    writer.close()
