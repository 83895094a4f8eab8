"""What a store is after a restart, and what it refuses to start from."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from common.errors import Expired, ServiceUnavailable
from console.store import Store, StoreError, open_store
from console.store.database import Database

from .helpers import delete, names, put

VOLATILE = frozenset({"hosts.quarterdeck.io"})


async def _reopen(store: Store) -> Store:
    await store.close()
    return await open_store(store.path, VOLATILE)


async def test_objects_history_and_revision_survive_a_restart(store: Store) -> None:
    await put(store, "a", n=1)
    before = store.revision
    await put(store, "a", n=2)
    await put(store, "b")
    await delete(store, "b")
    again = await _reopen(store)
    try:
        assert names(again.entries("pods")) == ["a"]
        assert again.revision == 4
        events = await again.watch("pods", before).batch()
        assert [(event.type, event.entry.key[1]) for event in events] == [
            ("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "b"),
        ]  # fmt: skip
        assert events[0].old is not None
        assert events[0].old.obj["spec"] == {"n": 1}
    finally:
        await again.close()


async def test_revisions_of_objects_in_memory_are_not_used_again(store: Store) -> None:
    host = await put(store, "host-1", "", "hosts.quarterdeck.io")
    again = await _reopen(store)
    try:
        assert again.get("hosts.quarterdeck.io", "", "host-1") is None
        assert again.revision >= host.revision
        assert (await put(again, "a")).revision > host.revision
        with pytest.raises(Expired):
            again.watch("hosts.quarterdeck.io", host.revision - 1)
    finally:
        await again.close()


async def test_compaction_keeps_objects_and_bounds_history(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.store.store.KEPT_REVISIONS", 10)
    monkeypatch.setattr("console.store.store.COMPACT_ROWS", 5)
    await put(store, "old")
    for index in range(50):
        await put(store, "a", n=index)
        await put(store, "gone", n=index)
        await delete(store, "gone")
    again = await _reopen(store)
    try:
        with sqlite3.connect(path) as connection:
            assert connection.execute("SELECT count(*) FROM log").fetchone()[0] < 40
        connection.close()
        assert names(again.entries("pods")) == ["a", "old"]
        assert again.entries("pods")[0].obj["spec"] == {"n": 49}
        assert await again.watch("pods", again.revision - 8).batch()
        with pytest.raises(Expired):
            again.watch("pods", 3)
    finally:
        await again.close()


async def test_a_second_process_is_refused(path: Path, store: Store) -> None:
    with pytest.raises(StoreError, match=rf"in use by another process \(pid {os.getpid()}\)"):
        await open_store(path)
    await put(store, "a")


async def test_a_full_disk_refuses_writes_and_recovers(store: Store) -> None:
    await put(store, "a")
    connection = store._database._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    first = store.put("pods", "default", "big", {"metadata": {"name": "big"}, "data": "x" * 100_000}, None)
    on_top = store.put("pods", "default", "big", {"metadata": {}}, store.newest("pods", "default", "big"))
    with pytest.raises(ServiceUnavailable, match=r"store\.db cannot be written .*full"):
        await first
    with pytest.raises(ServiceUnavailable):
        await on_top
    assert names(store.entries("pods")) == ["a"]
    assert store.newest("pods", "default", "big") is None
    assert "full" in store.fault
    connection.execute("PRAGMA max_page_count = 100000")
    assert (await put(store, "b")).revision > store.entries("pods")[0].revision
    assert store.fault == ""


def _damage_nothing(path: Path) -> None:
    path.write_bytes(b"")


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def _scribble(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8192))


def _replace(path: Path) -> None:
    path.write_text("this is not a database, but longer than a header " * 100)


def _lose(path: Path) -> None:
    path.unlink()
    path.with_name("store.db-wal").write_bytes(b"x" * 64)


@pytest.mark.parametrize("damage", [_damage_nothing, _truncate, _scribble, _replace, _lose])
async def test_a_damaged_store_is_refused_and_left_alone(path: Path, damage: object) -> None:
    store = await open_store(path)
    for index in range(200):
        await put(store, f"pod-{index}", text="x" * 500)
    await store.close()
    damage(path)  # type: ignore[operator]
    before = {file.name: file.read_bytes() for file in path.parent.glob("store.db*") if file.suffix != ".lock"}
    with pytest.raises(StoreError, match=r"store\.db is damaged: .*Put back a copy"):
        await open_store(path)
    after = {file.name: file.read_bytes() for file in path.parent.glob("store.db*")}
    assert {name: after[name] for name in before} == before


async def test_an_object_that_is_not_json_is_damage(path: Path, store: Store) -> None:
    await put(store, "a")
    await store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE log SET value = '{\"kind\":'")
    connection.close()
    with pytest.raises(StoreError, match="pods default/a is not JSON"):
        await open_store(path)


async def test_a_newer_schema_is_refused(path: Path, store: Store) -> None:
    await store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match=r"schema version 99.*newer Quarterdeck"):
        await open_store(path)


def test_an_older_schema_is_migrated(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Database(path).close()
    monkeypatch.setattr("console.store.database.SCHEMA_VERSION", 2)
    monkeypatch.setattr(
        "console.store.database.MIGRATIONS", {1: lambda connection: connection.execute("CREATE TABLE extra (x)")}
    )
    Database(path).close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM extra").fetchone() == (0,)
    connection.close()


async def test_a_start_that_was_cut_off_leaves_nothing_in_the_way(path: Path) -> None:
    path.with_name("store.db.new").write_bytes(b"half")
    store = await open_store(path)
    await put(store, "a")
    await store.close()
    assert not path.with_name("store.db.new").exists()
