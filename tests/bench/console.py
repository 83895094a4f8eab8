"""The console with many rows, on a quiet cluster and on one where much happens: from a key to its effect on the screen,
and what it takes of the machine meanwhile."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common.api.kinds import PODS
from common.settings import Home
from console.cli.context import Context
from console.cli.simulation import child, wait_for_api
from tests.bench.hollow import Usage
from tests.bench.keys import Keys
from tests.bench.report import Figure
from tests.bench.updates import Updates

ROWS = 10_000
CREATED_AT_ONCE = 8
SECONDS = 20.0
UPDATES = 500  # a second
LOADED_SECONDS = 10.0  # until what came with the rows is collected
KEY_GOAL, CPU_GOAL, MEMORY_GOAL = 16.0, 10.0, 120 / 1.048576  # ms, %, MiB: 120 MB


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        home = Home(Path(folder))
        with child(home, "quarterdeck", "serve", "--listen", "127.0.0.1:0") as control_plane:
            wait_for_api(home)
            context = Context(home)
            with ThreadPoolExecutor(CREATED_AT_ONCE) as pool:
                list(pool.map(lambda index: context.api.send("POST", PODS.path("default"), _pod(index)), range(ROWS)))
            return [*_calm(home, control_plane.pid), *_busy(home)]


def _calm(home: Home, control_plane: int) -> list[Figure]:
    with Keys(home, rows=ROWS) as keys:
        time.sleep(LOADED_SECONDS + SECONDS)
        latency = keys.stop()
    memory = Usage.of(control_plane).memory
    return [
        Figure(f"control plane, resident memory with {ROWS} pods of nobody", memory, "MiB"),
        Figure(f"console, key to paint with {ROWS} pods, p50", latency.median, "ms"),
        Figure(f"console, key to paint with {ROWS} pods, p99", latency.p99, "ms", goal=KEY_GOAL),
    ]


def _busy(home: Home) -> list[Figure]:
    """The same while statuses change, first without keys: what following costs."""
    names = [f"pod-{index:05}" for index in range(ROWS)]
    with Updates(home, names, UPDATES) as updates:
        with Keys(home, rows=ROWS, pressing=False) as watching:
            watching.loaded()
            time.sleep(LOADED_SECONDS)
            before = Usage.of(watching.pid)
            time.sleep(SECONDS)
            after = Usage.of(watching.pid)
        with Keys(home, rows=ROWS) as keys:
            time.sleep(LOADED_SECONDS + SECONDS)
            latency = keys.stop()
        rate = updates.stop()
    what = f"console, {ROWS} pods, {rate:.0f} of them changing a second"
    return [
        Figure(f"{what}: CPU", (after.cpu - before.cpu) / SECONDS * 100, "%", goal=CPU_GOAL),
        Figure(f"{what}: resident memory", after.memory, "MiB", goal=MEMORY_GOAL),
        Figure(f"{what}: key to paint, p50", latency.median, "ms"),
        Figure(f"{what}: key to paint, p99", latency.p99, "ms", goal=KEY_GOAL),
    ]


def _pod(index: int) -> dict[str, object]:
    container = {"name": "app", "image": "bench/app:1", "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}}}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{index:05}"},
        "spec": {"containers": [container]},
    }  # fmt: skip
