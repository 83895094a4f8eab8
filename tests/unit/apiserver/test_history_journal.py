"""What the journal keeps, and for how long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common.api.kinds import CHANGES, CONFIGMAPS
from common.clock import FakeClock
from console.apiserver.caller import Caller
from console.apiserver.history.journal import UNDO_RECORDS, Journal
from console.apiserver.history.record import Write
from console.store import Store, open_store

ANNA = Caller("anna", source="tls kubectl/1.36")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await open_store(tmp_path / "store.db")
    yield store
    await store.close()


def update(number: int) -> Write:
    old, new = ({"metadata": {"name": "a", "namespace": "x"}, "data": {"n": str(n)}} for n in (number, number + 1))
    return Write(ANNA, "update", CONFIGMAPS, old, new)


def names(store: Store, resource: str) -> list[str]:
    return [entry.key[1] for entry in store.newest_entries(resource)]


async def test_the_oldest_are_forgotten_with_what_undoes_them(store: Store) -> None:
    journal = Journal(store, FakeClock(), kept=3)
    written = [journal.record(update(number)) for number in range(5)]
    assert names(store, CHANGES.group_resource) == written[2:]
    assert names(store, UNDO_RECORDS) == written[2:]


async def test_what_was_kept_counts_after_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    first = await open_store(tmp_path / "s.db")
    earlier = Journal(first, clock, kept=9)
    written = [earlier.record(update(number)) for number in range(3)]
    await first.close()
    again = await open_store(tmp_path / "s.db")
    journal = Journal(again, clock, kept=3)
    newest = journal.record(update(7))
    assert sorted(names(again, CHANGES.group_resource)) == sorted([*written[1:], newest])
    await again.close()


async def test_two_writes_of_one_moment_have_two_names(store: Store) -> None:
    journal = Journal(store, FakeClock())
    assert len({journal.record(update(number)) for number in range(3)}) == 3
