"""The worked example of a scheduler plugin, installed as its reader would, decides."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "scheduler-plugin"
ROOT = EXAMPLE.parents[2]
PROGRAM = """
from console import plugins
from console.scheduler.core.evaluation import Evaluation
from console.scheduler.core.extensions import extend
from console.scheduler.core.model import Classes, NodeFacts
from console.scheduler.core.scores import profile
from console.scheduler.core.state import ClusterState
from tests.fakes.objects import node, pod

found = [(plugin.name, plugin.value) for plugin in plugins.load("quarterdeck.scheduler")]
chosen, state, classes = extend(profile("pack"), found), ClusterState(), Classes()
for name in ("a", "b"):
    state.set_node(NodeFacts.of(node(name)))
for index in range(3):
    made = pod(f"loud-{index}", labels={"noise": "loud"})
    made["metadata"]["uid"] = f"loud-{index}"
    info = classes.info(made)
    evaluation = Evaluation(info.kind, state, chosen)
    scores = evaluation.scores()
    if scores:
        state.place(info, max(scores, key=scores.get))
    print(max(scores, key=scores.get, default="-"), next((str(no.reasons) for n in state.nodes()
          for no in evaluation.refusals(n)), "") if not scores else "")
"""


def test_the_installed_example_decides(tmp_path: Path) -> None:
    site = tmp_path / "site"
    # A copy, as building leaves files behind.
    copy = tmp_path / "example"
    subprocess.run(["cp", "-r", str(EXAMPLE), str(copy)], check=True)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(copy)]
    subprocess.run(install, check=True, timeout=100, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    first, second, third = result.stdout.splitlines()
    assert {first.strip(), second.strip()} == {"a", "b"}
    assert third == "- ('node(s) had 1 loud pod(s) already',)"
