"""What the tests need of the machine beyond Python, and which suites need it. Data and pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.needs import PROGRAMS


@dataclass(frozen=True, slots=True)
class Suite:
    """One pytest run. `root`: it makes namespaces, engines and rules; `lab`: the folder of a lab of its own."""

    name: str
    paths: tuple[str, ...]
    tools: tuple[str, ...] = ()
    root: bool = False
    lab: str = ""


PACKAGES = {
    **PROGRAMS, "haproxy": "haproxy", "tmux": "tmux", "make": "make", "sudo": "sudo", "node": "nodejs", "npm": "npm",
}  # fmt: skip
KUBECTL = "kubectl is not on PATH: install version 1.31 or newer, see kubernetes.io/docs/tasks/tools"
_KERNEL = ("dockerd", "iptables", "nft", "ip", "haproxy", "conntrack", "busybox")
_HOSTS = (*PACKAGES, "kubectl")
_E2E = "tests/e2e"
_FILES = tuple(sorted(f"{_E2E}/{path.name}" for path in (Path(__file__).parent / "e2e").glob("test_*.py")))
_MACHINE = (f"{_E2E}/test_single_host.py",)
_STORIES = tuple(path for path in _FILES if "/test_story_" in path)
_OTHERS = tuple(path for path in _FILES if path not in (*_MACHINE, *_STORIES))
_INTEGRATION = tuple(
    sorted(f"tests/integration/{path.name}" for path in (Path(__file__).parent / "integration").iterdir()
           if path.match("test_*.py") or (path / "__init__.py").is_file())
)  # fmt: skip
_ENGINES = {"cluster", "lab", "network", "nodeagent", "proxy", "test_agent_bundle.py"}
# Engines, namespaces and rules on one side; on the other what needs a control plane alone.
_OF_HOSTS = tuple(path for path in _INTEGRATION if path.rpartition("/")[2] in _ENGINES)
_OF_API = tuple(path for path in _INTEGRATION if path not in _OF_HOSTS)
STAGES = (
    (
        Suite("unit and model", ("tests/unit", "tests/architecture", "tests/model")),
        Suite("console", ("tests/tui",), ("tmux",)),
        Suite("integration of the API", _OF_API, (*_KERNEL, "kubectl", "node", "npm"), root=True),
        Suite("integration of hosts", _OF_HOSTS, (*_KERNEL, "kubectl"), root=True),
    ),
    # It compares this machine before and after, so nothing else may be at work on it.
    (Suite("one machine", _MACHINE, _HOSTS, root=True),),
    (
        Suite("end to end", _OTHERS, _HOSTS, root=True),
        Suite("stories", _STORIES, _HOSTS, root=True, lab="/tmp/qd-stories"),
    ),
)
"""Stages run one after the other, the suites of a stage side by side: most of their time is waiting."""
SUITES = tuple(suite for stage in STAGES for suite in stage)


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
