"""An event loop in a thread beside the console's own, with a client of its own, for whatever carries many bytes.

Forwards and copies run here: they go on while the terminal is lent to a shell or does not read, and never make a key
wait.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from common.api.kinds import Resource
from common.api.meta import Key
from console.streams.forward import Forward
from console.streams.ports import Pair

from .gateway import Connect, Gateway

T = TypeVar("T")


class Aside:
    """The thread starts with the first work and ends with `close`."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._client: Gateway | None = None

    async def run(self, work: Callable[[Gateway], Coroutine[Any, Any, T]]) -> T:
        """Do it there and wait for its end here, without holding up the loop that asks."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="console-aside", daemon=True)
            self._thread.start()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._with_client(work), self._loop))

    async def _with_client(self, work: Callable[[Gateway], Coroutine[Any, Any, T]]) -> T:
        if self._client is None:
            self._client = self._connect()
        return await work(self._client)

    async def close(self) -> None:
        if self._loop is None or self._thread is None:
            return
        if self._client is not None:
            await self.run(lambda client: client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()
        self._loop = None


class Forwards:
    """The port-forwards of this console. They live as long as it does."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside
        self._numbers = itertools.count(1)
        self.running: dict[str, Forward] = {}

    async def add(self, resource: Resource, key: Key, pair: Pair) -> Forward:
        """Raises what `Forward.start` raises."""

        async def begin(client: Gateway) -> Forward:
            forward = Forward(client, resource, key, pair)
            await forward.start()
            return forward

        forward = await self._aside.run(begin)
        self.running[str(next(self._numbers))] = forward
        return forward

    async def stop(self, name: str) -> None:
        """Cut it with what is open; harmless when it is gone."""
        forward = self.running.pop(name, None)
        if forward is not None:
            await self._aside.run(lambda _client: forward.close())

    async def close(self) -> None:
        for name in list(self.running):
            await self.stop(name)
