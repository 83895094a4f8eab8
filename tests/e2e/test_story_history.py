"""History: every write recorded with its author, undone field by field, kept over a crash of the control plane."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e import tutorials
from tests.e2e.cluster import Cluster


def test_writes_are_recorded_and_undone(cluster: Cluster, space: str, tmp_path: Path) -> None:
    tutorials.follow(cluster, space, "history", tmp_path)


def test_what_was_acknowledged_is_in_the_history_after_a_crash(cluster: Cluster, space: str) -> None:
    cluster.kubectl("create", "configmap", "notes", "-n", space, "--from-literal=line=one")
    cluster.kubectl("patch", "configmap", "notes", "-n", space, "-p", json.dumps({"data": {"line": "two"}}))
    cluster.kill_console()
    cluster.start_console()
    told = cluster.qd("history", "configmap/notes", "-n", space)
    assert "data.line: one -> two" in told
    asked = cluster.qd("audit", "configmaps/notes", "-n", space)
    assert asked.count("data.line: one -> two") == 1
    assert asked.count("created") == 1
    cluster.qd("undo", "configmap/notes", "-n", space)
    assert cluster.get("configmap", "notes", space)["data"] == {"line": "one"}
