"""Run benches and print their figures: `python -m tests.bench [NAME …]`, `python -m tests.bench api [OPTIONS]`.

Each is run whatever became of those before it, and no longer than LIMIT_SECONDS; the exit code says whether all of them
did.
"""

from __future__ import annotations

import importlib
import signal
import sys
import time
import traceback
from types import FrameType

from tests.bench import api
from tests.bench.report import table

BENCHES = (
    "api", "admission", "scheduler", "network", "ingress", "jobs", "hollow", "console", "logs", "link", "replicas",
    "stories",
)  # fmt: skip
LIMIT_SECONDS = 1200  # for one bench: the longest takes a third of that on a quiet machine


class TooLong(Exception):
    """A bench has not ended in time; it cleans up behind itself on the way out."""


def main(words: list[str]) -> int:
    names = [word for word in words if not word.startswith("-")]
    if words[:1] == ["api"] and len(words) > 1 and words[1].startswith("-"):
        print(table("api", api.figures(words[1:])), flush=True)
        return 0
    unknown = [name for name in names if name not in BENCHES]
    if unknown or len(names) != len(words):
        print(f"unknown bench {' '.join(unknown or words)!r}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    done = [_run(name) for name in names or BENCHES]
    return 0 if all(done) else 1


def _run(name: str) -> bool:
    begin = time.monotonic()
    signal.signal(signal.SIGALRM, _end)
    signal.alarm(LIMIT_SECONDS)
    try:
        found = importlib.import_module(f"tests.bench.{name}").figures()
    except Exception:  # noqa: BLE001 - whatever became of it, the others are to run
        traceback.print_exc()
        print(f"-- {name}: failed after {time.monotonic() - begin:.0f} s", flush=True)
        return False
    finally:
        signal.alarm(0)
    print(table(f"{name} ({time.monotonic() - begin:.0f} s)", found), flush=True)
    return True


def _end(_number: int, _frame: FrameType | None) -> None:
    raise TooLong(f"not done after {LIMIT_SECONDS} seconds")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
