"""Simulated nodes: agents in one process that speak the real protocol and run nothing, adopted by a control plane.

For the demonstration and for load tests. The processes end with the one that started them, whatever ends that one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from common.api.conditions import is_true
from common.api.kinds import HOSTS, NODES
from common.api.meta import name
from common.clock import SystemClock
from common.errors import NotFound, ServiceUnavailable, TooManyRequests
from common.settings import Home
from common.waiting import wait_until
from console.setup.machine import answers
from console.setup.processes import last_lines

from .context import Context
from .exits import Exit, Failure

START_SECONDS = 120.0
STOP_SECONDS = 10.0
ADOPTED_AT_ONCE = 8


@contextmanager
def child(home: Home, program: str, *words: str, output: bool = False) -> Iterator[subprocess.Popen[str]]:
    """A program of ours that ends with us."""
    argv = [str(Path(sys.executable).with_name(program)), *words]
    if setpriv := shutil.which("setpriv"):
        argv = [setpriv, "--pdeathsig", "TERM", *argv]
    with (home.path / f"{program}.log").open("ab") as log:
        process = subprocess.Popen(
            argv,
            env={**os.environ, "QUARTERDECK_HOME": str(home.path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if output else log,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def wait_for_api(home: Home) -> None:
    """Failure, with the end of its log, when the control plane does not start."""
    if not wait_until(lambda: answers(home.api_socket, "/readyz"), START_SECONDS, SystemClock()):
        raise Failure(f"the control plane does not start:\n{_log(home, 'quarterdeck')}")


def _log(home: Home, program: str) -> str:
    return last_lines(home.path / f"{program}.log")


@contextmanager
def hollow_nodes(context: Context, count: int) -> Iterator[list[str]]:
    """The names of `count` new nodes that are Ready; in the end they leave the cluster. Failure when they do not come
    up."""
    nodes: list[str] = []
    with child(context.home, "quarterdeck-agent", "hollow", str(count), output=True) as agents:
        try:
            with ThreadPoolExecutor(ADOPTED_AT_ONCE) as pool:
                said = _listening(context.home, agents, count)
                list(pool.map(lambda line: nodes.append(_adopt(context, line)), said))
            _wait_for_nodes(context, nodes)
            yield nodes
        finally:
            for node in nodes:
                with suppress(NotFound):
                    context.api.send("DELETE", NODES.path(name=node))


def _listening(home: Home, agents: subprocess.Popen[str], count: int) -> Iterator[dict[str, str]]:
    """Each simulated agent writes a line with its address and pairing code when it listens."""
    for _ in range(count):
        line = agents.stdout.readline() if agents.stdout else ""
        if not line:
            raise Failure(f"the simulated nodes do not start:\n{_log(home, 'quarterdeck-agent')}")
        yield json.loads(line)


def _adopt(context: Context, said: dict[str, str]) -> str:
    path = HOSTS.path(None, quote(said["address"], safe=""), "adopt")
    made: list[str] = []
    refusals: list[str] = []

    def adopt() -> bool:
        try:
            host = context.api.send("POST", path, {"code": said["code"]}, timeout=START_SECONDS)
        except (ServiceUnavailable, TooManyRequests) as error:
            # One process plays all the agents: on a busy machine one of them may answer too late, and is busy with the
            # attempt that was given up.
            refusals.append(error.message)
            return False
        made.append(str(host["status"]["nodeName"]))
        return True

    if not wait_until(adopt, START_SECONDS, SystemClock()):
        raise Failure(f"a simulated node is not adopted: {refusals[-1]}", Exit.TIMEOUT)
    return made[0]


def _wait_for_nodes(context: Context, nodes: list[str]) -> None:
    """All of them, so that workloads have a choice."""

    def ready() -> bool:
        found = {name(node) for node in context.api.get(NODES.path())["items"] if is_true(node, "Ready")}
        return found.issuperset(nodes)

    if not wait_until(ready, START_SECONDS, SystemClock()):
        raise Failure("the simulated nodes do not become Ready", Exit.TIMEOUT)
