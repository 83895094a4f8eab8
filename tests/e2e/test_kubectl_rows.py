"""Every verb and flag of kubectl that docs/kubectl.md lists, on real hosts: all rows are run side by side, and each is
a test of its own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from tests.e2e.cluster import Cluster
from tests.kubectl import table
from tests.kubectl.runner import Outcome, Runner

ROWS = {row.name: row for row in table.rows()}


@pytest.fixture(scope="module")
def outcomes(
    shared_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Future[Outcome]]]:
    """What becomes of the rows that this run has selected."""
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    wanted = {item.callspec.params["name"] for item in tests if item.path == request.path}
    runner = Runner(shared_cluster.kubeconfig, tmp_path_factory.mktemp("rows"))
    try:
        runner.open()
        yield runner.start([ROWS[name] for name in ROWS if name in wanted])
    finally:
        runner.close()


@pytest.mark.timeout(600)  # the first of those that run alone waits for all others
@pytest.mark.parametrize("name", ROWS)
def test_a_row_shows_what_the_page_says(name: str, outcomes: dict[str, Future[Outcome]]) -> None:
    complaint = outcomes[name].result().complaint
    assert complaint == "", complaint
