from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .world import World, leftovers


@contextlib.contextmanager
def _world(directory: Path) -> Iterator[World]:
    """An empty world; whatever it held is gone afterwards."""
    assert os.geteuid() == 0, "network namespaces need root: run the tests as root, or leave out those marked `root`"
    before = leftovers()
    made = World(directory)
    try:
        yield made
    finally:
        made.close()
    assert leftovers() == before


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with _world(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with _world(tmp_path) as made:
        yield made
