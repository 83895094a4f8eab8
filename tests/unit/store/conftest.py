from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.store import Store, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await open_store(path, frozenset({"hosts.quarterdeck.io"}))
    yield store
    await store.close()
