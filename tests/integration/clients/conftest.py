"""One control plane for all client libraries, and a namespace for each test."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .server import Server, program

WIDGETS = Path(__file__).with_name("widgets.yaml")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("clients"))
    server.start()
    try:
        program(server.environment, "kubectl", "apply", "-f", str(WIDGETS))
        program(server.environment, "kubectl", "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        yield server
    finally:
        server.stop()


@pytest.fixture
def space(server: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:50].strip("-")
    program(server.environment, "kubectl", "create", "namespace", name)
    yield name
    subprocess.run(
        ["kubectl", "delete", "namespace", name, "--wait=false"],
        env=server.environment,
        capture_output=True,
        check=True,
    )
