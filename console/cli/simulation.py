"""Simulated nodes: agents in one process that speak the real protocol and run nothing, adopted by a control plane.

For the demonstration and for load tests. The processes end with the one that started them, whatever ends that one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from urllib.parse import quote

from common.api.conditions import is_true
from common.api.kinds import HOSTS, NODES
from common.api.meta import name
from common.clock import SystemClock
from common.errors import Forbidden, NotFound, ServiceUnavailable, TooManyRequests
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
def hollow_nodes(context: Context, count: int, *, leave: bool = True) -> Iterator[list[str]]:
    """The names of `count` new nodes that are Ready; in the end they leave the cluster, unless that ends with them.
    Failure when they do not come up."""
    nodes: list[str] = []
    with child(context.home, "quarterdeck-agent", "hollow", str(count), output=True) as agents:
        try:
            said = Announcements(agents.stdout or ())
            with ThreadPoolExecutor(ADOPTED_AT_ONCE) as pool:
                addresses = said.addresses(count, lambda: _log(context.home, "quarterdeck-agent"))
                list(pool.map(lambda address: nodes.append(adopt(context, address, said)), addresses))
            _wait_for_nodes(context, nodes)
            yield nodes
        finally:
            for node in nodes if leave else ():
                with suppress(NotFound):
                    context.api.send("DELETE", NODES.path(name=node))


class Announcements:
    """What simulated agents say of themselves, read for as long as they run: a line with the address and pairing code
    of one that listens, another one when its code was used up."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.codes: dict[str, str] = {}  # the newest of each address
        self._found: SimpleQueue[str] = SimpleQueue()
        Thread(target=self._read, args=(lines,), name="announcements", daemon=True).start()

    def _read(self, lines: Iterable[str]) -> None:
        for line in lines:
            said = json.loads(line)
            is_new = said["address"] not in self.codes
            self.codes[said["address"]] = said["code"]
            if is_new:
                self._found.put(said["address"])
        self._found.put("")

    def addresses(self, count: int, log: Callable[[], str]) -> Iterator[str]:
        """Of the first `count` agents, as they come up. Failure, with what `log` has, when they end before."""
        for _ in range(count):
            address = self._found.get()
            if not address:
                raise Failure(f"the simulated nodes do not start:\n{log()}")
            yield address


def adopt(context: Context, address: str, said: Announcements) -> str:
    """The name of the node that the agent became."""
    path = HOSTS.path(None, quote(address, safe=""), "adopt")
    made: list[str] = []
    refusals: list[str] = []

    def is_adopted() -> bool:
        try:
            host = context.api.send("POST", path, {"code": said.codes[address]}, timeout=START_SECONDS)
        except (ServiceUnavailable, TooManyRequests, Forbidden) as error:
            # One process plays all the agents: on a busy machine one of them may answer too late. Then it is busy with
            # the attempt that was given up, which used its code up, and says another.
            refusals.append(error.message)
            return False
        made.append(str(host["status"]["nodeName"]))
        return True

    if not wait_until(is_adopted, START_SECONDS, SystemClock()):
        raise Failure(f"a simulated node is not adopted: {refusals[-1]}", Exit.TIMEOUT)
    return made[0]


def _wait_for_nodes(context: Context, nodes: list[str]) -> None:
    """All of them, so that workloads have a choice."""

    def ready() -> bool:
        found = {name(node) for node in context.api.get(NODES.path())["items"] if is_true(node, "Ready")}
        return found.issuperset(nodes)

    if not wait_until(ready, START_SECONDS, SystemClock()):
        raise Failure("the simulated nodes do not become Ready", Exit.TIMEOUT)
