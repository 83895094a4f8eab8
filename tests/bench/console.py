"""The console on a quiet cluster: from a key to its effect on the screen with many rows."""

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

ROWS = 10_000
CREATED_AT_ONCE = 8
SECONDS = 20.0


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        home = Home(Path(folder))
        with child(home, "quarterdeck", "serve", "--listen", "127.0.0.1:0") as control_plane:
            wait_for_api(home)
            context = Context(home)
            with ThreadPoolExecutor(CREATED_AT_ONCE) as pool:
                list(pool.map(lambda index: context.api.send("POST", PODS.path("default"), _pod(index)), range(ROWS)))
            with Keys(home) as keys:
                time.sleep(SECONDS)
                latency = keys.stop()
            memory = Usage.of(control_plane.pid).memory
    return [
        Figure(f"control plane, resident memory with {ROWS} pods of nobody", memory, "MiB"),
        Figure(f"console, key to paint with {ROWS} pods, p50", latency.median, "ms"),
        Figure(f"console, key to paint with {ROWS} pods, p99", latency.p99, "ms"),
    ]


def _pod(index: int) -> dict[str, object]:
    container = {"name": "app", "image": "bench/app:1", "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}}}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{index:05}"},
        "spec": {"containers": [container]},
    }  # fmt: skip
