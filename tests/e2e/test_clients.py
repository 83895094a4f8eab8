"""The client libraries on real containers: what goes through to them, what they wrote, what they use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster
from tests.integration.clients import node

BOX = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "box", "labels": {"app": "box"}},
    "spec": {
        "terminationGracePeriodSeconds": 1,
        "containers": [
            {
                "name": "main",
                "image": "qd-test/web:1",
                "stdin": True,
                "command": ["sh", "-c", "echo begun; while read line; do echo heard $line; done; sleep 1000"],
            },
            {
                "name": "web",
                "image": "qd-test/web:1",
                "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
            },
        ],
    },
}


def _run_box(cluster: Cluster, space: str) -> None:
    cluster.apply({**BOX, "metadata": {**BOX["metadata"], "namespace": space}})  # type: ignore[dict-item]
    cluster.kubectl("wait", "-n", space, "--for=condition=Ready", "pod/box", "--timeout=60s", timeout=90)
    log = ("logs", "-n", space, "box", "-c", "main")
    cluster.wait(lambda: "begun" in cluster.kubectl(*log), "the first line to be in the log")


@pytest.mark.parametrize("library", ["kubernetes", "kubernetes_asyncio", "lightkube", "kr8s", "javascript"])
def test_streams_through_client_libraries(library: str, cluster: Cluster, space: str, tmp_path: Path) -> None:
    _run_box(cluster, space)
    if library == "javascript":
        words = ["node", str(node.programs(tmp_path) / "streams.mjs"), space]
    else:
        words = [sys.executable, str(Path(__file__).with_name("client_programs.py")), library, space]
    done = subprocess.run(
        words, env={**cluster.environment, "PYTHONWARNINGS": "ignore"}, capture_output=True, text=True, timeout=100,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == ("streams: done" if library == "javascript" else f"{library}: done")
