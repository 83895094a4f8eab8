"""The list of cases as data (`cases/*.toml`, one file an area), and docs/conformance.md drawn from it.

A case has the `name` by which Kubernetes publishes it (without its area and tags), `held`: the ids of the tests of ours
that fail when its behaviour breaks, and `missing`: what of it does not work, or is not tried. One of the two is there.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = Path(__file__).parent / "cases"
DOCUMENT = ROOT / "docs" / "conformance.md"
PUBLISHED = 446
"""How many cases Kubernetes publishes (test/conformance/testdata/conformance.yaml)."""

HEAD = """# Conformance

Kubernetes publishes the behaviours that every cluster must show as a list of end-to-end cases
(`test/conformance/testdata/conformance.yaml`). Its own programs need images from registries, so each behaviour is tried
by tests of this repository: *held by* names those that fail when it breaks, *missing* says what does not work or is not
tried. `python -m tests.conformance` writes this page from `tests/conformance/cases`. The lists that could be read go up
to v1.35; what v1.36 added is not here.

Kubernetes' own programs of v1.20.2 were run as well, on two nodes, with images made from their sources and Debian's
packages: of their 311 conformance cases 283 in one pass, without those that must run alone and a few slow ones, and 277
passed. Five of the others expect what was otherwise then: a Secret for each ServiceAccount (two), texts of `kubectl
version`, a new note on an Event, no writes by others between two of an Ingress. One expects words of older `kubectl`.
All 70 cases of nodes and all 79 of storage passed in one pass or
another. Of the 20 that must run alone 18 passed; the others compare a DaemonSet's history as it was written until 1.33,
and count pods that are on their way out.

Of their programs that are not conformance 338 that need no cloud were run, some through a proxy that gives groups their
old versions, and 320 passed, on their own where the machine was too busy: Jobs and CronJobs, disruption, Services, dual
stack, local volumes of every sort, quotas, kubectl, autoscaling by CPU. The others want what Kubernetes has removed or
changed since (Secrets of ServiceAccounts, names of health checks, bytes of revisions), parts that are no pods here
(kube-proxy, CoreDNS, the controllers), or what was not there (SELinux, dummy devices, a registry, an image, an API
away from 127.0.0.1). One is ours: a client that takes nothing but protobuf is refused.

"""


@dataclass(frozen=True, slots=True)
class Case:
    """One published case: its area (`sig-apps`), its name, the tests that hold it, what is missing."""

    area: str
    name: str
    held: tuple[str, ...]
    missing: str


def cases() -> Iterator[Case]:
    for path in sorted(CASES.glob("*.toml")):
        for row in tomllib.loads(path.read_text())["case"]:
            yield Case(path.stem, row["name"], tuple(row.get("held", ())), row.get("missing", ""))


@cache
def _tests_in(path: Path) -> frozenset[str]:
    """The names of the tests in a file: functions, and methods as `Class::method`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            methods = (item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
            found |= {f"{node.name}::{method.name}" for method in methods}
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test_"))


def exists(test: str) -> bool:
    """Whether there is a test of this id (`tests/unit/test_a.py::test_b`)."""
    file, _, name = test.partition("::")
    return (ROOT / file).is_file() and name in _tests_in(ROOT / file)


def _short(test: str) -> str:
    file, _, name = test.partition("::")
    return f"`{file.removeprefix('tests/')}` {name.replace('::', '.')}"


def document() -> str:
    rows = list(cases())
    whole = sum(1 for case in rows if case.held and not case.missing)
    parts = [HEAD, f"{len(rows)} of {PUBLISHED} cases are listed; {whole} are held in full.\n"]
    for area in sorted({case.area for case in rows}):
        parts.append(f"\n## {area}\n\n| Case | Held by | Missing |\n|---|---|---|\n")
        for case in rows:
            if case.area == area:
                parts.append(f"| {case.name} | {'<br>'.join(map(_short, case.held))} | {case.missing} |\n")
    return "".join(parts)
