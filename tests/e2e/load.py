"""A client that asks again and again over new connections and counts what fails."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter


class Load:
    """Runs in a thread of its own from `start` to `stop`; `rate` requests a second over all addresses in turn.

    A request that is not answered with 200 within fifteen seconds, for whatever reason, is counted in `failures` by
    that reason. Nothing is retried.
    """

    def __init__(self, targets: list[tuple[str, int]], rate: float, path: str = "/", host: str = "test") -> None:
        self.ok = 0
        self.failures: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self._targets = targets
        self._rate = rate
        self._path = path
        self._host = host
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let what is under way end, then return."""
        self._stop.set()
        self._thread.join(30)

    @property
    def sent(self) -> int:
        return self.ok + self.failures.total()

    async def _run(self) -> None:
        begin, number = time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while not self._stop.is_set():
                group.create_task(self._request(*self._targets[number % len(self._targets)]))
                number += 1
                await asyncio.sleep(max(0.0, begin + number / self._rate - time.monotonic()))

    async def _request(self, host: str, port: int) -> None:
        try:
            async with asyncio.timeout(15):
                body = await self._exchange(host, port)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.failures[f"{type(error).__name__}: {error}"] += 1
        else:
            self.ok += 1
            self.answers[body] += 1

    async def _exchange(self, host: str, port: int) -> str:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(f"GET {self._path} HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\n\r\n".encode())
            text = (await reader.read()).decode()
        finally:
            writer.close()
        head, separator, body = text.partition("\r\n\r\n")
        if not separator or " 200 " not in head.partition("\r\n")[0]:
            raise ValueError(head.partition("\r\n")[0] or "closed without an answer")
        return body.strip()
