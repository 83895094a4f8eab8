"""Run benches and print their figures."""

from __future__ import annotations

import importlib
import sys

BENCHES = ("scheduler", "api", "network", "replicas", "hollow", "console")


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"unknown bench {unknown[0]!r}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for name in names or BENCHES:
        print(f"-- {name}", flush=True)
        for figure in importlib.import_module(f"tests.bench.{name}").figures():
            print(figure, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
