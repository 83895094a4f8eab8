"""`demo`: console and control plane on simulated nodes, for machines that can have no engine.

Everything lives in a folder of its own and ends with this command: the children are told by the kernel when this
process is gone, whatever ended it.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from common.api.kinds import PODS
from common.api.pods import is_ready
from common.clock import SystemClock
from common.settings import Home
from common.waiting import wait_until

from . import apply, get, manifests
from .console import Wishes, open_console
from .context import Context
from .exits import Exit, Failure
from .machine import EXAMPLE, terminal
from .simulation import START_SECONDS, child, hollow_nodes, wait_for_api

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
        stack.enter_context(child(home, "quarterdeck", "serve", "--listen", "127.0.0.1:0"))
        wait_for_api(home)
        context = Context(home)
        stack.enter_context(hollow_nodes(context, args.nodes))
        for manifest in manifests.load([str(EXAMPLE)]):
            apply.apply_one(context, context.kinds.of_object(manifest.obj), manifest.obj)
        if terminal():
            return open_console(home, Wishes.of(args), simulated=True)
        return _print(context)


@contextmanager
def _folder() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="quarterdeck-demo-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
