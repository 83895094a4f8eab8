"""One control plane for all cases, and a namespace for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .plane import Plane, until


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    made = Plane(tmp_path_factory.mktemp("plane") / "home")
    yield made
    made.close()


@pytest.fixture
def space(plane: Plane) -> Iterator[str]:
    """The path of a new namespace, which has its ServiceAccount already."""
    name = plane.create("/api/v1/namespaces", {"metadata": {"generateName": "case-"}})["metadata"]["name"]
    path = f"/api/v1/namespaces/{name}"
    until(lambda: plane.exists(f"{path}/serviceaccounts/default"), "the default ServiceAccount")
    yield path
    plane.ask("DELETE", path)  # which the case may have done already
