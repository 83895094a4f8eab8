"""What the tests need of the machine beyond Python, and which suites need it. Data and pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.lab.needs import PROGRAMS


@dataclass(frozen=True, slots=True)
class Suite:
    """One pytest run. `root`: it makes namespaces, engines and rules."""

    name: str
    paths: tuple[str, ...]
    tools: tuple[str, ...] = ()
    root: bool = False


PACKAGES = {**PROGRAMS, "haproxy": "haproxy", "tmux": "tmux", "make": "make", "sudo": "sudo"}
KUBECTL = "kubectl is not on PATH: install version 1.31 or newer, see kubernetes.io/docs/tasks/tools"
_KERNEL = ("dockerd", "iptables", "nft", "ip", "haproxy", "conntrack", "busybox")
SUITES = (
    Suite("unit and model", ("tests/unit", "tests/architecture", "tests/model")),
    Suite("console", ("tests/tui",), ("tmux",)),
    Suite("integration", ("tests/integration",), (*_KERNEL, "kubectl"), root=True),
    Suite("end to end", ("tests/e2e",), (*PACKAGES, "kubectl"), root=True),
)


def packages(present: Iterable[str]) -> list[str]:
    """Packages to install, given the programs that are there."""
    there = set(present)
    return sorted({package for program, package in PACKAGES.items() if program not in there})


def obstacles(suite: Suite, present: Iterable[str], *, root: bool) -> list[str]:
    """Why the suite cannot run; empty when it can."""
    there = set(present)
    found = [] if root or not suite.root else ["it needs root: run `sudo make test`"]
    for program in suite.tools:
        if program not in there:
            package = PACKAGES.get(program)
            found.append(f"{program} is not installed: apt-get install {package}" if package else KUBECTL)
    return found
