"""Runs the tutorials of docs/tutorials as a user would type them, so that what they say is true.

A tutorial's blocks are fenced. `yaml NAME` is a file of that name. `console` has commands, each behind `$ ` and goes on
after lines that end with a backslash, and below a command lines that its output must have in this order: runs of
blanks count as one, `...` stands for anything or nothing. Every command must end with 0 and within `SECONDS`; a
tutorial waits with `kubectl wait` or `kubectl rollout status`, as its reader would, and a command that only looks is
typed again for a while, as its reader would too. `$NAMESPACE` is where its reader works.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.cluster import BIN, Cluster
from tests.lab.commands import wait_until
from tests.lab.host import REPOSITORY

SECONDS = 180.0
LOOK_SECONDS = 45.0
_LOOKS = re.compile(
    r"(sleep \d+; )?(bash ask\.sh|"
    r"(kubectl|quarterdeck) (get|describe|events|exec|logs|top|lb -A|topo|history|timeline|audit))\b"
)
_BLOCK = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Step:
    """A command and what its output must have."""

    command: str
    expected: list[str] = field(default_factory=list)

    @property
    def looks(self) -> bool:
        """Whether it changes nothing, or nothing more when it is typed again."""
        return _LOOKS.match(self.command) is not None


@dataclass
class Tutorial:
    files: dict[str, str]
    steps: list[Step]


def parse(text: str) -> Tutorial:
    """ValueError when a `console` block does not begin with a command, or there is none at all."""
    tutorial = Tutorial({}, [])
    for language, name, body in _BLOCK.findall(text):
        if language == "console":
            tutorial.steps += _steps(body)
        elif name:
            tutorial.files[name] = body
    if not tutorial.steps:
        raise ValueError("there is no console block with a command")
    return tutorial


def _steps(body: str) -> list[Step]:
    steps: list[Step] = []
    continued = False
    for line in body.splitlines():
        if continued:
            steps[-1].command += "\n" + line
        elif line.startswith("$ "):
            steps.append(Step(line[2:]))
        elif not steps:
            raise ValueError(f"output without a command: {line!r}")
        elif line.strip():
            steps[-1].expected.append(line)
        continued = bool(steps) and not steps[-1].expected and line.endswith("\\")
    return steps


def missing(output: str, expected: list[str]) -> str | None:
    """The first expected line that the output does not have after the ones before it."""
    lines = iter([" ".join(line.split()) for line in output.splitlines()])
    for wanted in expected:
        pattern = re.compile(".*".join(re.escape(part.strip()) for part in " ".join(wanted.split()).split("...")))
        if not any(pattern.fullmatch(line) for line in lines):
            return wanted
    return None


def follow(cluster: Cluster, space: str, name: str, folder: Path, variables: Mapping[str, str] | None = None) -> None:
    """Type docs/tutorials/NAME.md with `space` as the namespace of kubectl's context; `folder` is where files go."""
    tutorial = parse((REPOSITORY / "docs" / "tutorials" / f"{name}.md").read_text())
    for file, content in tutorial.files.items():
        (folder / file).write_text(content)
    config = folder / "kubeconfig"
    config.write_bytes(cluster.kubeconfig.read_bytes())
    environment = {
        **cluster.environment, "KUBECONFIG": str(config), "PATH": f"{BIN}:{os.environ['PATH']}", "NAMESPACE": space,
        **(variables or {}),
    }  # fmt: skip
    _run(f"kubectl config set-context --current --namespace={space}", folder, environment)
    for step in tutorial.steps:
        if step.looks:
            _look(name, step, folder, environment)
        else:
            complaint = _complaint(step, folder, environment)
            assert complaint == "", f"{name}: {complaint}"


def _look(name: str, step: Step, folder: Path, environment: Mapping[str, str]) -> None:
    """What it looks at follows what was done before a moment later, on another host or by another program."""
    complaint = ""

    def shown() -> bool:
        nonlocal complaint
        complaint = _complaint(step, folder, environment)
        return complaint == ""

    wait_until(shown, f"{name} to show what it says", LOOK_SECONDS, 0.5, lambda: complaint)


def _complaint(step: Step, folder: Path, environment: Mapping[str, str]) -> str:
    """What is wrong with a step; empty when nothing is."""
    try:
        output = _run(step.command, folder, environment)
    except AssertionError as error:
        return str(error)
    wanted = missing(output, step.expected)
    return "" if wanted is None else f"`{step.command}` should print {wanted!r}, but printed:\n{output}"


def _run(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"`{command}` ended with {done.returncode}:\n{done.stderr}{done.stdout}"
    return done.stdout + done.stderr
