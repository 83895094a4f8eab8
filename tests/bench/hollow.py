"""10,000 pods of 20 workloads on 200 simulated nodes, with the console open: does everything keep up, and stay calm?

The nodes speak the real protocol to a real control plane; only the containers are missing. One machine carries all
nodes too, so the figures are those of a crowded machine: nodes whose heartbeats are late because their process gets no
core are called lost, rightly, and counted.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.api.conditions import get_condition
from common.api.kinds import DEPLOYMENTS, NODES, PODS, SERVICES
from common.blocking import Unreachable
from common.settings import Home
from console.cli.context import Context
from console.cli.simulation import child, hollow_nodes, wait_for_api
from tests.bench.keys import Keys
from tests.bench.report import Figure

HOLLOW_NODES = 200
PROCESSES = 4  # that play the nodes: what one of them does delays the heartbeats of its own nodes only
WORKLOADS = 20
REPLICAS = 500
MEMORY_GOAL = 350 / 1.048576  # MiB: 350 MB
SERVED = 4  # workloads behind a Service: every node hears of each of their endpoints
PATIENCE_SECONDS = 600.0
LOOK_SECONDS = 0.5
SETTLE_SECONDS = 35.0  # after which the control plane has given back what it does not need


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a process so far: CPU in seconds, resident memory in MiB, and the most that it was."""

    cpu: float
    memory: float
    peak: float

    @classmethod
    def of(cls, pid: int) -> Usage:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        most = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
        cpu = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        return cls(cpu, pages * os.sysconf("SC_PAGESIZE") / 2**20, int(most.split()[1]) / 1024)


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        home = Home(Path(folder))
        with child(home, "quarterdeck", "serve", "--listen", "127.0.0.1:0") as control_plane:
            wait_for_api(home)
            context = Context(home)
            start = time.perf_counter()
            with _nodes(context):
                joined = time.perf_counter() - start
                found = [Figure(f"{HOLLOW_NODES} nodes adopted and Ready", joined, "s")]
                return found + _load(context, home, control_plane.pid)


@contextmanager
def _nodes(context: Context) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(PROCESSES):
            stack.enter_context(hollow_nodes(context, HOLLOW_NODES // PROCESSES, leave=False))
        yield


def _load(context: Context, home: Home, pid: int) -> list[Figure]:
    calm = _ready_since(context)
    before = Usage.of(pid)
    with Keys(home) as keys:
        start = time.perf_counter()
        for index in range(WORKLOADS):
            context.api.send("POST", DEPLOYMENTS.path("default"), _deployment(f"app-{index}"))
        for index in range(SERVED):
            context.api.send("POST", SERVICES.path("default"), _service(f"app-{index}"))
        bound = _seconds_until(lambda: _all_made(context) and _none(context, "spec.nodeName="), start)
        running = _seconds_until(lambda: _none(context, "status.phase!=Running"), start)
        latency = keys.stop()
    after = Usage.of(pid)
    lost = sum(calm[node] != since for node, since in _ready_since(context).items())
    time.sleep(SETTLE_SECONDS)
    settled = Usage.of(pid)
    pods = WORKLOADS * REPLICAS
    return [
        Figure(f"{pods} pods bound", bound, "s"),
        Figure(f"{pods} pods Running", running, "s"),
        Figure("control plane, CPU meanwhile", after.cpu - before.cpu, "s"),
        Figure("nodes called lost meanwhile", lost, ""),
        Figure(f"control plane, resident memory with {pods} pods Running", after.memory, "MiB", goal=MEMORY_GOAL),
        Figure("the same when it was at rest", settled.memory, "MiB", goal=MEMORY_GOAL),
        Figure("the most that it was", settled.peak, "MiB", goal=MEMORY_GOAL),
        Figure("console, key to paint meanwhile, p50", latency.median, "ms"),
        Figure("console, key to paint meanwhile, p99", latency.p99, "ms"),
    ]


def _seconds_until(holds: Callable[[], bool], start: float) -> float:
    while not _answers_that(holds):
        if time.perf_counter() - start > PATIENCE_SECONDS:
            raise RuntimeError(f"not done after {PATIENCE_SECONDS:.0f} seconds")
        time.sleep(LOOK_SECONDS)
    return time.perf_counter() - start


def _answers_that(holds: Callable[[], bool]) -> bool:
    """On a crowded machine one answer may be late: that is no reason to measure nothing."""
    try:
        return holds()
    except Unreachable:
        return False


def _all_made(context: Context) -> bool:
    made = [item.get("status", {}).get("replicas", 0) for item in context.api.get(DEPLOYMENTS.path())["items"]]
    return sum(made) >= WORKLOADS * REPLICAS


def _none(context: Context, selector: str) -> bool:
    """Whether no pod is like that: asking for one costs the control plane next to nothing."""
    return not context.api.get(PODS.path(), {"fieldSelector": selector, "limit": "1"})["items"]


def _ready_since(context: Context) -> dict[str, tuple[str, str]]:
    conditions = {
        item["metadata"]["name"]: get_condition(item, "Ready") or {} for item in context.api.get(NODES.path())["items"]
    }
    return {name: (found.get("status", ""), found.get("lastTransitionTime", "")) for name, found in conditions.items()}


def _deployment(name: str) -> dict[str, object]:
    labels = {"app": name}
    container = {
        "name": "app", "image": "bench/app:1", "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"port": 8080}},
    }  # fmt: skip
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": REPLICAS, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }  # fmt: skip


def _service(name: str) -> dict[str, object]:
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]},
    }  # fmt: skip
