"""`demo`: console and control plane on simulated nodes, for machines that can have no engine.

Everything lives in a folder of its own and ends with this command: the children are told by the kernel when this
process is gone, whatever ended it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from common.api.conditions import is_true
from common.api.kinds import HOSTS, NODES, PODS
from common.api.pods import is_ready
from common.clock import SystemClock
from common.settings import Home
from common.waiting import wait_until
from console.setup.machine import answers
from console.setup.processes import last_lines

from . import apply, get, manifests
from .console import open_console
from .context import Context
from .exits import Exit, Failure
from .machine import EXAMPLE, terminal

START_SECONDS = 60.0
STOP_SECONDS = 10.0
LABEL = "This is a simulation: its nodes and containers do not exist, everything else is real."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = f"The console on simulated nodes; no rights, no engine. {LABEL}"
    parser.add_argument("--nodes", type=_count, default=3, metavar="N", help="how many, 1 to 200 (default: 3)")
    parser.set_defaults(run=run)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 200:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number of nodes: 1 to 200 are allowed')
    return int(text)


def run(args: argparse.Namespace) -> int:
    print(LABEL, flush=True)
    with ExitStack() as stack:
        home = Home(Path(stack.enter_context(_folder())))
        stack.enter_context(_child(home, "quarterdeck", "serve", "--listen", "127.0.0.1:0"))
        _wait_for_api(home)
        agents = stack.enter_context(_child(home, "quarterdeck-agent", "hollow", str(args.nodes), output=True))
        context = Context(home)
        _adopt_all(context, agents, args.nodes)
        _wait_for_nodes(context, args.nodes)
        for manifest in manifests.load([str(EXAMPLE)]):
            apply.apply_one(context, context.kinds.of_object(manifest.obj), manifest.obj)
        if terminal():
            return open_console(home, ascii_only=args.ascii, mouse=not args.no_mouse)
        return _print(context)


@contextmanager
def _folder() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="quarterdeck-demo-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _child(home: Home, program: str, *words: str, output: bool = False) -> Iterator[subprocess.Popen[str]]:
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


def _wait_for_api(home: Home) -> None:
    if not wait_until(lambda: answers(home.api_socket, "/readyz"), START_SECONDS, SystemClock()):
        raise Failure(f"the control plane does not start:\n{_log(home, 'quarterdeck')}")


def _log(home: Home, program: str) -> str:
    return last_lines(home.path / f"{program}.log")


def _adopt_all(context: Context, agents: subprocess.Popen[str], count: int) -> None:
    """Each simulated agent writes a line with its address and pairing code when it listens."""
    for _ in range(count):
        line = agents.stdout.readline() if agents.stdout else ""
        if not line:
            raise Failure(f"the simulated nodes do not start:\n{_log(context.home, 'quarterdeck-agent')}")
        said = json.loads(line)
        path = HOSTS.path(None, quote(said["address"], safe=""), "adopt")
        context.api.send("POST", path, {"code": said["code"]}, timeout=START_SECONDS)


def _wait_for_nodes(context: Context, count: int) -> None:
    """All of them, so that the example's replicas have a choice."""

    def ready() -> bool:
        return sum(is_true(node, "Ready") for node in context.api.get(NODES.path())["items"]) == count

    if not wait_until(ready, START_SECONDS, SystemClock()):
        raise Failure("the simulated nodes do not become Ready", Exit.TIMEOUT)


def _print(context: Context) -> int:
    """Without a terminal: what the console would show."""

    def ready() -> bool:
        pods = context.api.get(PODS.path())["items"]
        return bool(pods) and all(map(is_ready, pods))

    if not wait_until(ready, START_SECONDS, SystemClock()):
        raise Failure("the simulated pods do not become ready", Exit.TIMEOUT)
    for words in (["nodes"], ["pods"], ["services"]):
        print()
        get.print_tables(context, words)
    return Exit.OK
