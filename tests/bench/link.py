"""The console on a terminal far away: how soon it says something useful, and what it sends over a slow line.

The real program in a real pseudo-terminal, behind a line that holds every byte back for half of `ROUND_TRIP` seconds in
each direction. Bytes are those that an SSH session would carry. As in `keys`, the program goes before others.
"""

from __future__ import annotations

import fcntl
import os
import pty
import queue
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from common.api.kinds import PODS
from common.settings import Home
from console.cli.context import Context
from console.cli.simulation import child, hollow_nodes, wait_for_api
from tests.bench.keys import go_first
from tests.bench.report import Figure

SIZE = (120, 36)
ROUND_TRIP = 0.2  # seconds
NODES, FEW = 3, 200
STARTS = 5
FIRST_ROW = b"pod-00000"
KEYS = 40
HELD_KEY_SECONDS = 0.1
QUIET_SECONDS = 20.0
SETTLE_SECONDS = 8.0
PATIENCE = 60.0
START_GOAL, IDLE_GOAL, KEY_GOAL = 0.7, 3.0, 2.0  # s, KiB/s, KiB


class Far:
    """A program on a pseudo-terminal at the end of a line; `received` counts what came from it."""

    def __init__(self, argv: list[str], environment: Mapping[str, str], delay: float) -> None:
        self._delay = delay
        # Programs that are installed have their bytecode.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._argv, self._environment = argv, {**inherited, **environment}
        self._line: queue.Queue[tuple[float, bytes]] = queue.Queue()
        self._arrived = threading.Condition()
        self._screen = b""
        self.received = 0
        self.started = 0.0

    def __enter__(self) -> Self:
        self._near, far = pty.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            self._argv, stdin=far, stdout=far, stderr=far, env=self._environment, start_new_session=True
        )
        os.close(far)
        go_first(self.process.pid)
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._deliver, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._near, 65536)
            except OSError:  # what Linux says at the end of a pseudo-terminal
                return
            self._line.put((time.perf_counter() + self._delay, data))

    def _deliver(self) -> None:
        while True:
            due, data = self._line.get()
            time.sleep(max(0.0, due - time.perf_counter()))
            with self._arrived:
                self._screen += data
                self.received += len(data)
                self._arrived.notify_all()

    def press(self, key: bytes) -> None:
        time.sleep(self._delay)
        os.write(self._near, key)

    def shows(self, text: bytes) -> float:
        """Seconds from the start of the program until the text arrived."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: text in self._screen, PATIENCE):
                raise RuntimeError(f"{text!r} was never shown")
        return time.perf_counter() - self.started

    def seconds_until_answer(self, key: bytes) -> float:
        """From a key to the first byte that it causes."""
        before, start = self.received, time.perf_counter()
        self.press(key)
        with self._arrived:
            if not self._arrived.wait_for(lambda: self.received > before, PATIENCE):
                raise RuntimeError(f"nothing came after {key!r}")
        return time.perf_counter() - start


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        home = Home(Path(folder))
        with child(home, "quarterdeck", "serve", "--listen", "127.0.0.1:0"):
            wait_for_api(home)
            context = Context(home)
            with hollow_nodes(context, NODES):
                for index in range(FEW):
                    context.api.send("POST", PODS.path("default"), _pod(index))
                return [_start(home), *_line(home)]


def _console(home: Home, delay: float) -> Far:
    environment = {"QUARTERDECK_HOME": str(home.path), "TERM": "xterm-256color", "COLORTERM": "truecolor",
                   "LANG": "C.UTF-8"}  # fmt: skip
    return Far([str(Path(sys.executable).with_name("quarterdeck"))], environment, delay)


def _start(home: Home) -> Figure:
    """The best of several: what the program needs, not what else the machine does."""
    found = []
    for _ in range(STARTS):
        with _console(home, 0.0) as console:
            found.append(console.shows(FIRST_ROW))
    return Figure("console, start to the first row of pods", min(found), "s", goal=START_GOAL)


def _line(home: Home) -> list[Figure]:
    with _console(home, ROUND_TRIP / 2) as console:
        console.shows(FIRST_ROW)
        time.sleep(SETTLE_SECONDS)
        first = console.received
        time.sleep(QUIET_SECONDS)
        idle = (console.received - first) / QUIET_SECONDS
        answers, before = [], console.received
        for index in range(KEYS):
            answers.append(console.seconds_until_answer(b"j" if index % 20 < 10 else b"k"))
            time.sleep(HELD_KEY_SECONDS)
        spent = console.received - before - idle * sum(answers) - idle * KEYS * HELD_KEY_SECONDS
        return [
            Figure("first picture and all that it needs", first / 1024, "KiB"),
            Figure("an idle second", idle / 1024, "KiB", goal=IDLE_GOAL),
            Figure("a key that moves the cursor", spent / KEYS / 1024, "KiB", goal=KEY_GOAL),
            Figure(f"key to its effect over {ROUND_TRIP * 1000:.0f} ms, median", sorted(answers)[KEYS // 2], "s"),
        ]


def _pod(index: int) -> dict[str, object]:
    container = {"name": "app", "image": "bench/app:1", "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}}}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{index:05}"},
        "spec": {"containers": [container]},
    }  # fmt: skip
