"""500 short Jobs on simulated nodes: how many pass through controllers, scheduler and sessions in a second.

The containers sleep for a tenth of a second on paper, so that what is measured is the control plane.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common.api.conditions import is_true
from common.api.kinds import JOBS
from common.settings import Home
from console.cli.context import Context
from console.cli.simulation import child, hollow_nodes, wait_for_api
from tests.bench.hollow import Usage
from tests.bench.report import Figure

COUNT = 500
HOLLOW_NODES = 10
CREATED_AT_ONCE = 8
PATIENCE_SECONDS = 600.0
LOOK_SECONDS = 0.5


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        home = Home(Path(folder))
        with child(home, "quarterdeck", "serve", "--listen", "127.0.0.1:0") as control_plane:
            wait_for_api(home)
            context = Context(home)
            with hollow_nodes(context, HOLLOW_NODES):
                before, start = Usage.of(control_plane.pid), time.perf_counter()
                with ThreadPoolExecutor(CREATED_AT_ONCE) as pool:
                    list(
                        pool.map(
                            lambda index: context.api.send("POST", JOBS.path("default"), _job(index)), range(COUNT)
                        )
                    )
                _wait_for_all(context, start)
                wall, cpu = time.perf_counter() - start, Usage.of(control_plane.pid).cpu - before.cpu
    return [
        Figure(f"{COUNT} Jobs, from the first request to all of them Complete", wall, "s"),
        Figure("Jobs in a second", COUNT / wall, "/s"),
        Figure("Jobs for a second of the control plane's CPU", COUNT / cpu, ""),
    ]


def _wait_for_all(context: Context, start: float) -> None:
    while True:
        done = sum(is_true(job, "Complete") for job in context.api.get(JOBS.path("default"))["items"])
        if done == COUNT:
            return
        if time.perf_counter() - start > PATIENCE_SECONDS:
            raise RuntimeError(f"{done} of {COUNT} Jobs are Complete after {PATIENCE_SECONDS:.0f} seconds")
        time.sleep(LOOK_SECONDS)


def _job(index: int) -> dict[str, object]:
    container = {"name": "work", "image": "bench/work:1", "command": ["sleep", "0.1"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": f"job-{index:03}"},
            "spec": {"template": template}}  # fmt: skip
