from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .world import World, leftovers


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An empty world; whatever it held is gone afterwards."""
    assert os.geteuid() == 0, "network namespaces need root: run the tests as root, or leave out those marked `root`"
    before = leftovers()
    made = World(tmp_path_factory.mktemp("world"))
    try:
        yield made
    finally:
        made.close()
    assert leftovers() == before


@pytest.fixture
def resolv_directory(tmp_path: Path) -> Path:
    return tmp_path / "resolv"
