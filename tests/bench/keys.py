"""How long the console takes from a key to its effect on the screen, while it follows a running control plane.

The console runs as a user's would: in a process of its own, drawing all that a terminal would get. Only the terminal
is missing, so that the moment of each frame is known. Where that is allowed, its process goes before others of the
machine: what it takes is looked for, not what else the machine does.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import multiprocessing
import os
import statistics
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

import textual.screen
from textual import events
from textual._compositor import CompositorUpdate

from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.limits import collect_when_told
from common.settings import Home
from console.tui.app import UPDATE_PERIOD, QuarterdeckApp
from console.tui.gateway import Connect

SIZE = (120, 36)
KEYS_EVERY = 0.05  # seconds: a key that is held down
FRAME_PATIENCE = 60.0
LEAST = 20  # keys that are pressed in any case: on a busy machine the rows come late
LEAST_ROWS = 2  # between which a cursor can move
ROWS_PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class Latency:
    """In milliseconds."""

    median: float
    p99: float

    @classmethod
    def of(cls, seconds: list[float]) -> Latency:
        return cls(statistics.median(seconds) * 1000, statistics.quantiles(seconds, n=100)[-1] * 1000)


def go_first(pid: int = 0) -> None:
    """Put a process (this one) before those that have no real-time priority, if we may."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


class Keys:
    """A console on the control plane of `home`, its keys pressed from when it has that many rows until `stop`, or only
    left open."""

    def __init__(self, home: Home, *, rows: int = LEAST_ROWS, pressing: bool = True) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        spawn = multiprocessing.get_context("spawn")
        self._process = spawn.Process(target=_console, args=(str(home.path), theirs, rows, pressing), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    @property
    def pid(self) -> int:
        """The process of the console, once it has been entered."""
        assert self._process.pid is not None
        return self._process.pid

    def loaded(self) -> None:
        """Wait until the console has its rows."""
        self._ours.recv()

    def stop(self) -> Latency:
        """The figures so far. RuntimeError when the console did not get as far as to take keys."""
        self._ours.send("stop")
        found = self._ours.recv()
        if len(found) < LEAST:
            raise RuntimeError(f"the console took {len(found)} keys within {ROWS_PATIENCE:.0f} seconds")
        return Latency.of(found)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()


class TimedApp(QuarterdeckApp):
    """Says when a frame is complete."""

    CSS_PATH = str(Path(inspect.getfile(QuarterdeckApp)).with_name("quarterdeck.tcss"))

    def __init__(self, connect: Connect) -> None:
        super().__init__(connect, cluster="bench")
        self.drawn = asyncio.Event()

    def _display(self, screen: object, renderable: object) -> None:
        if isinstance(renderable, CompositorUpdate):
            self._terminal.thrifty(renderable, self.size).render_segments(self.console)  # what a terminal would get
            self.drawn.set()

    async def key(self, name: str) -> float:
        """Seconds until the frame after the cursor moved."""
        model, driver = self.browse().table.model, self._driver
        if driver is None:
            raise RuntimeError("the console does not run")
        before, start = model.current(), time.perf_counter()
        event = events.Key(name, name)
        event.set_sender(self)
        driver.send_message(event)
        async with asyncio.timeout(FRAME_PATIENCE):
            while model.current() is before:
                self.drawn.clear()
                await self.drawn.wait()
        return time.perf_counter() - start


def _console(home: str, pipe: Connection, rows: int, pressing: bool) -> None:
    go_first()
    textual.screen.UPDATE_PERIOD = UPDATE_PERIOD  # type: ignore[misc]  # as `run_tui` sets it
    collect_when_told()
    asyncio.run(_run(Home(Path(home)), pipe, rows, pressing))


async def _run(home: Home, pipe: Connection, rows: int, pressing: bool) -> None:
    app = TimedApp(lambda: HttpClient(Endpoint.of_socket(home.api_socket)))
    found: list[float] = []
    async with app.run_test(size=SIZE):
        latest = time.perf_counter() + ROWS_PATIENCE
        while not pipe.poll() or (len(found) < LEAST and time.perf_counter() < latest):
            await asyncio.sleep(KEYS_EVERY)
            model = app.browse().table.model
            if len(model) < rows:
                continue
            if not pressing:
                pipe.send("loaded")
                await asyncio.Event().wait()  # until the process is ended
            found.append(await app.key("k" if model.cursor else "j"))
    pipe.send(found)
