"""The process that one controller of another package runs in: `python -m console.extensions.program NAME`.

Whatever the controller does to its own process (blocks it, fills it, ends it), the control plane goes on. It lives as
long as the control plane that started it: that holds the other end of its standard input, so a control plane that was
killed leaves no controller behind. On standard output goes one line when the controller was found and begins; what it
prints itself goes with its log to standard error.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from common.client.contexts import endpoint_of
from common.client.http import HttpClient

from .states import GROUP, READY

FIRST_TO_GO = b"1000"
"""Of memory that is short the kernel takes from us before it takes from the control plane."""
NICE = 5  # who decides for all of the cluster has the processor first


def main() -> None:
    name = sys.argv[1]
    # What the controller prints is no answer of ours.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_bytes(FIRST_TO_GO)
        os.nice(NICE)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    (point,) = (point for point in entry_points(group=GROUP) if point.name == name)
    begin = point.load()
    answers.write(READY)
    answers.close()
    asyncio.run(_run(begin))


def _end_with_parent() -> None:
    """In a thread, as the controller may never let go of the event loop."""
    while os.read(0, 1024):
        continue
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with all that the controller started
    os._exit(0)


async def _run(begin: Any) -> None:
    """`begin(client)` may be a coroutine function, or a plain one, which has a thread to itself."""
    kubeconfig = Path(os.environ["KUBECONFIG"])
    endpoint = await asyncio.to_thread(endpoint_of, kubeconfig)
    async with HttpClient(endpoint, user_agent=f"{GROUP}/{sys.argv[1]}") as client:
        if inspect.iscoroutinefunction(begin):
            await begin(client)
        else:
            await asyncio.to_thread(begin, client)


if __name__ == "__main__":
    main()
