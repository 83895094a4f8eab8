"""One engine for all tests of the agent on a real engine, and a node's worth of parts around it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nodeagent.runtime.docker_engine import DockerRuntime
from tests.integration.engine import TestEngine
from tests.integration.nodeagent.node import NETWORK, SUBNETS, Node


@pytest.fixture(scope="session")
def shared_engine() -> Iterator[TestEngine]:
    engine = TestEngine()
    try:
        engine.start()
        engine.add_image()
        words = [word for subnet in SUBNETS for word in ("--subnet", subnet)]
        engine.docker("network", "create", "--ipv6", *words, NETWORK)
        yield engine
    finally:
        engine.remove()


@pytest.fixture
def engine(shared_engine: TestEngine) -> Iterator[TestEngine]:
    """The shared engine; afterwards no container may be left on it."""
    yield shared_engine
    left = shared_engine.docker("ps", "-aq").split()
    if left:
        shared_engine.docker("rm", "-f", *left)
    assert left == [], "containers were left behind"


@pytest.fixture
async def runtime(engine: TestEngine) -> AsyncIterator[DockerRuntime]:
    runtime = DockerRuntime(engine.url, cluster="c1")
    yield runtime
    await runtime.close()


@pytest.fixture
async def node(engine: TestEngine, tmp_path: Path) -> AsyncIterator[Node]:
    node = Node(engine, tmp_path)
    await node.start()
    yield node
    await node.end()
