"""Statuses of pods that change all the time, as those of a busy cluster do: written by a process of its own, so that
its CPU is nobody else's."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from common.api.kinds import PODS
from common.api.meta import Object
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.settings import Home

AT_ONCE = 32  # writes under way: many share one commit of the store
TICK = 0.02  # seconds


class Updates:
    """`rate` writes a second to the pods `names` of the namespace default, from entry to exit."""

    def __init__(self, home: Home, names: list[str], rate: int) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        spawn = multiprocessing.get_context("spawn")
        self._process = spawn.Process(target=_write, args=(str(home.path), names, rate, theirs), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def stop(self) -> float:
        """The writes a second that there really were."""
        self._ours.send("stop")
        return float(self._ours.recv())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()


def _write(home: str, names: list[str], rate: int, pipe: Connection) -> None:
    pipe.send(asyncio.run(_writing(Home(Path(home)), names, rate, pipe)))


async def _writing(home: Home, names: list[str], rate: int, pipe: Connection) -> float:
    client = HttpClient(Endpoint.of_socket(home.api_socket))
    limit = asyncio.Semaphore(AT_ONCE)
    begun = 0

    async def write(number: int) -> None:
        async with limit:
            name = names[number % len(names)]
            await client.patch(PODS, name, _status(number // len(names) + 1), "default", subresource="status")

    start = time.perf_counter()
    async with asyncio.TaskGroup() as writes:
        while not pipe.poll():
            due = int((time.perf_counter() - start) * rate)
            for number in range(begun, due):
                writes.create_task(write(number))
            begun = max(begun, due)
            await asyncio.sleep(TICK)
    took = time.perf_counter() - start
    await client.close()
    return begun / took


def _status(restarts: int) -> Object:
    running = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    container = {
        "name": "app", "image": "bench/app:1", "imageID": "", "ready": True, "started": True, "state": running,
        "restartCount": restarts,
    }  # fmt: skip
    return {"status": {"phase": "Running", "containerStatuses": [container]}}
