"""A console that follows a container of 5,000 lines a second, on a simulated node: what that costs it.

The console runs as a user's would, in a process of its own; only the terminal is missing. It must show every line: one
that falls behind fails the bench.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import textual.screen

from common.api.kinds import PODS
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.limits import collect_when_told
from common.settings import Home
from console.cli.context import Context
from console.cli.simulation import child, hollow_nodes, wait_for_api
from console.tui.app import UPDATE_PERIOD
from console.tui.screens.logs import LogsScreen
from tests.bench.keys import SIZE, TimedApp, go_first
from tests.bench.report import Figure

RATE = 5000  # lines a second
WARM_SECONDS = 8.0  # until the buffer is full: from then on lines go as fast as they come
SECONDS = 20.0
CPU_GOAL = 6.0  # per cent of a core
MEMORY_GOAL = 120.0  # MiB
LATE = 1.0  # seconds of lines that may be on their way when it is looked at


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        home = Home(Path(folder))
        with child(home, "quarterdeck", "serve", "--listen", "127.0.0.1:0"):
            wait_for_api(home)
            context = Context(home)
            with hollow_nodes(context, 1):
                context.api.send("POST", PODS.path("default"), _pod())
                cpu, memory = _follow(home)
    return [
        Figure(f"console, CPU while {RATE} lines/s are followed", cpu, "%", goal=CPU_GOAL),
        Figure("console, resident memory then", memory, "MiB", goal=MEMORY_GOAL),
    ]


def _pod() -> dict[str, object]:
    container = {"name": "app", "image": "bench/app:1", "command": ["talk", str(RATE)]}
    metadata = {"name": "talker", "labels": {"app": "talker"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def _follow(home: Home) -> tuple[float, float]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_console, args=(str(home.path), theirs), daemon=True)
    process.start()
    try:
        found: tuple[float, float] = ours.recv()
    finally:
        process.terminate()
        process.join()
    return found


def _console(home: str, pipe: Connection) -> None:
    go_first()
    textual.screen.UPDATE_PERIOD = UPDATE_PERIOD  # type: ignore[misc]  # as `run_tui` sets it
    collect_when_told()
    pipe.send(asyncio.run(_measure(Home(Path(home)))))


async def _measure(home: Home) -> tuple[float, float]:
    """Per cent of a core, and MiB."""
    app = TimedApp(lambda: HttpClient(Endpoint.of_socket(home.api_socket)))
    async with app.run_test(size=SIZE):
        app.execute("logs app=talker")
        screen = app.screen
        if not isinstance(screen, LogsScreen):
            raise RuntimeError("the console shows no logs")
        await asyncio.sleep(WARM_SECONDS)
        lines, cpu, moment = screen.lines_read, time.process_time(), time.perf_counter()
        await asyncio.sleep(SECONDS)
        spent, seconds = time.process_time() - cpu, time.perf_counter() - moment
        if screen.lines_read - lines < RATE * (seconds - LATE):
            raise RuntimeError(f"only {screen.lines_read - lines} lines were shown in {seconds:.1f} s")
    return 100 * spent / seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
