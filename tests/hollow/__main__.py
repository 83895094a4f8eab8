"""`python -m tests.hollow N`: N simulated nodes for the control plane of QUARTERDECK_HOME, until Ctrl-C."""

from __future__ import annotations

import signal
import sys

from common.blocking import Unreachable
from common.errors import ApiError
from common.settings import Home
from console.cli.context import Context
from console.cli.exits import Exit, Failure
from console.cli.simulation import hollow_nodes

MOST = 1000


def main(words: list[str]) -> int:
    if len(words) != 1 or not words[0].isdecimal() or not 1 <= int(words[0]) <= MOST:
        print(f"usage: python -m tests.hollow N, with N from 1 to {MOST}", file=sys.stderr)
        return Exit.USAGE
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    context = Context(Home.from_environment())
    try:
        context.api.get("/version")
        with hollow_nodes(context, int(words[0])) as nodes:
            print(f"{len(nodes)} simulated nodes are Ready; Ctrl-C removes them", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return Exit.OK
    except (Failure, ApiError, Unreachable) as error:
        print(f"error: {error}", file=sys.stderr)
        return Exit.FAILED
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
