"""One lab and one cluster for all end-to-end tests of a run, and a leak check after each test.

`QUARTERDECK_TEST_LAB=FOLDER` puts the lab there and the API on a port of its own, so that two runs do not meet.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import manifests
from tests.e2e.cluster import API_PORT, Cluster
from tests.lab import Lab
from tests.lab.lab import DEFAULT_FOLDER

HOSTS = 3
SECONDS = 400
OWN_LAB = "QUARTERDECK_TEST_LAB"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What sets this machine up comes first: afterwards the lab's cluster has the API's port. Hosts that boot and pods
    that move take their time on a slow machine; what waits in vain says so earlier by itself."""
    items.sort(key=lambda item: item.path.name != "test_single_host.py")
    for item in items:
        if item.path.parent == Path(__file__).parent and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    folder = os.environ.get(OWN_LAB)
    lab = Lab(Path(folder)) if folder else Lab()
    lab.down()  # a run that was killed leaves its hosts
    try:
        lab.up(HOSTS)
        yield lab
    finally:
        lab.down()


@pytest.fixture(scope="session")
def shared_cluster(lab: Lab) -> Iterator[Cluster]:
    cluster = Cluster(lab, API_PORT if lab.folder == DEFAULT_FOLDER else lab.port)
    try:
        cluster.start_console()
        for host in lab.hosts:
            cluster.start_agent(host)
        cluster.load_images(*lab.hosts)
        for host in lab.hosts:
            cluster.adopt(host)
        for host in lab.hosts:
            cluster.wait(lambda name=host.name: cluster.node_takes_pods(name), f"node {host.name} to be Ready")
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Iterator[Cluster]:
    """The shared cluster, whole: a test that broke a part must have mended it."""
    yield shared_cluster
    down = [host for host in shared_cluster.lab.hosts if host.pid is None]
    for host in down:  # mended, so that the tests that follow do not fail for this one
        host.boot()
        host.wait_for_engine()
        shared_cluster.start_agent(host)
    for host in shared_cluster.lab.hosts:
        host.heal()
        shared_cluster.wait(
            lambda name=host.name: shared_cluster.node_takes_pods(name), f"{host.name} to take pods again",
            explain=lambda name=host.name: shared_cluster.kubectl("describe", "node", name, check=False),
        )  # fmt: skip
    assert down == [], "hosts were left down"


@pytest.fixture
def space(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own; afterwards nothing of it may be left on any host."""
    name = request.node.name.removeprefix("test_").replace("_", "-").split("[")[0][:50].strip("-")
    cluster.apply(manifests.namespace(name))
    yield name
    cluster.kubectl("delete", "namespace", name, "--timeout=60s", timeout=90)
    for host in cluster.lab.hosts:
        cluster.wait(
            lambda host=host: not cluster.containers(host, name), f"the containers of {name} to leave {host.name}",
            explain=lambda host=host: str(cluster.containers(host, name)),
        )  # fmt: skip
