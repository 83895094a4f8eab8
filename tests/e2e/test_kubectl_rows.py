"""Every verb and flag of kubectl that docs/kubectl.md lists, on real hosts: all rows are run side by side, and each is
a test of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.cluster import Cluster
from tests.kubectl import table
from tests.kubectl.runner import Runner

ROWS = {row.name: row for row in table.rows()}


@pytest.fixture(scope="module")
def outcomes(
    shared_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, str]]:
    """What is to complain of, by row, for the rows that this run has selected."""
    wanted = {item.callspec.params["name"] for item in request.session.items if isinstance(item, pytest.Function)
              and item.originalname == test_a_row_shows_what_the_page_says.__name__}  # fmt: skip
    runner = Runner(shared_cluster.kubeconfig, tmp_path_factory.mktemp("rows"))
    try:
        runner.open()
        yield {
            outcome.row.name: outcome.complaint
            for outcome in runner.run([ROWS[name] for name in ROWS if name in wanted])
        }
    finally:
        runner.close()


@pytest.mark.parametrize("name", ROWS)
def test_a_row_shows_what_the_page_says(name: str, outcomes: dict[str, str]) -> None:
    assert outcomes[name] == "", outcomes[name]
