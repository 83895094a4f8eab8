"""Reading, writing and order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from common.errors import Expired, ServiceUnavailable
from console.store import Changed, Entry, Event, Store, open_store
from console.store.database import Database
from console.store.rows import LogRow
from console.store.store import TURNS

from .helpers import delete, names, pod, put


async def test_an_object_is_readable_once_it_is_durable(store: Store) -> None:
    write = store.put("pods", "default", "a", pod("a"), None)
    assert store.get("pods", "default", "a") is None
    entry = await write
    assert store.get("pods", "default", "a") is entry
    assert entry.obj["metadata"]["resourceVersion"] == str(entry.revision) == str(store.revision)


async def test_a_write_is_checked_against_writes_that_are_still_under_way(store: Store) -> None:
    first = store.put("pods", "default", "a", pod("a"), None)
    with pytest.raises(Changed):
        store.put("pods", "default", "a", pod("a"), None)
    second = store.put("pods", "default", "a", pod("a", n=2), store.newest("pods", "default", "a"))
    assert (await second).revision == (await first).revision + 1


async def test_who_no_longer_waits_for_a_write_takes_nothing_from_others(store: Store) -> None:
    write = store.put("pods", "default", "a", pod("a"), None)
    newest = store.newest("pods", "default", "a")
    assert newest is not None
    others = [asyncio.ensure_future(store.settled("pods", newest)) for _ in range(2)]
    await asyncio.sleep(0)
    write.cancel()
    others[0].cancel()
    assert await others[1] is store.get("pods", "default", "a") is newest


async def test_writes_of_turns_that_follow_each_other_are_one_commit(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    append = Database.append

    def counted(self: Database, rows: Sequence[LogRow], ceiling: int | None) -> None:
        commits.append(len(rows))
        append(self, rows, ceiling)

    monkeypatch.setattr(Database, "append", counted)
    writes = []
    for number in range(4 * TURNS):
        writes.append(store.put("pods", "default", f"p{number}", pod(f"p{number}"), None))
        await asyncio.sleep(0)
    await asyncio.gather(*writes)
    assert TURNS <= commits[0] <= 2 * TURNS  # it waits no longer than that, however much more comes
    assert sum(commits) == 4 * TURNS


async def test_a_deleted_object_can_be_made_again_before_the_deletion_is_durable(store: Store) -> None:
    entry = await put(store, "a")
    gone = store.delete("pods", entry)
    assert store.newest("pods", "default", "a") is None
    again = store.put("pods", "default", "a", pod("a", n=2), None)
    await asyncio.gather(gone, again)
    assert store.get("pods", "default", "a").obj["spec"] == {"n": 2}  # type: ignore[union-attr]


async def test_entries_come_in_the_order_of_their_keys(store: Store) -> None:
    await asyncio.gather(*(put(store, name, namespace) for namespace in ("b", "a", "a-b") for name in ("z", "x")))
    assert [entry.key for entry in store.entries("pods")] == [
        ("a", "x"), ("a", "z"), ("a-b", "x"), ("a-b", "z"), ("b", "x"), ("b", "z"),
    ]  # fmt: skip
    assert names(store.entries("pods", "a")) == ["x", "z"]


async def test_a_page_shows_the_snapshot_that_it_began_with(store: Store) -> None:
    for name in "abcd":
        await put(store, name)
    revision = store.revision
    await delete(store, "c")
    await put(store, "d", changed=True)
    await put(store, "e")
    page = store.page("pods", "default", revision, ("default", "b"), lambda _entry: True)
    assert names(page) == ["c", "d"]
    assert page[1].obj["spec"] == {}


async def test_writes_after_the_close_are_refused(store: Store) -> None:
    await store.close()
    with pytest.raises(ServiceUnavailable, match="closing"):
        store.put("pods", "default", "a", pod("a"), None)


async def test_many_writes_at_once_all_get_their_own_revision(store: Store) -> None:
    written = await asyncio.gather(*(put(store, f"pod-{index}") for index in range(1000)))
    assert sorted(entry.revision for entry in written) == list(range(1, 1001))
    assert len(store.entries("pods")) == 1000


def _seen(batch: list[object]) -> list[tuple[str, str]]:
    return [(event.type, event.entry.key[1]) for event in batch]  # type: ignore[attr-defined]


async def test_a_watch_resumes_from_a_revision(store: Store) -> None:
    start = await put(store, "a")
    await put(store, "a", n=2)
    await delete(store, "a")
    watcher = store.watch("pods", start.revision)
    batch = await watcher.batch()
    assert _seen(list(batch)) == [("MODIFIED", "a"), ("DELETED", "a")]
    assert batch[1].entry.obj["metadata"]["resourceVersion"] == str(store.revision)
    assert batch[1].entry.obj["spec"] == {"n": 2}


async def test_a_watcher_sees_changes_in_order_and_only_what_it_accepts(store: Store) -> None:
    watcher = store.watch("pods", store.revision, lambda event: event if event.entry.key[0] == "mine" else None)
    await asyncio.gather(put(store, "a", "mine"), put(store, "b", "other"), put(store, "c", "mine"))
    assert _seen(list(await watcher.batch())) == [("ADDED", "a"), ("ADDED", "c")]


async def test_a_watcher_that_does_not_read_is_ended(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.store.watch.LIMIT", 10)
    watcher = store.watch("pods", store.revision)
    await asyncio.gather(*(put(store, f"pod-{index}") for index in range(20)))
    assert await watcher.batch() == []
    assert watcher.ended


async def test_a_quick_reader_takes_a_commit_at_once_before_the_writer_is_answered(store: Store) -> None:
    watcher = store.watch("pods", store.revision)
    told: list[object] = []

    def take(events: list[Event]) -> bool:
        told.append([event.entry.key[1] for event in events])
        return True

    watcher.taker = take
    await put(store, "before")  # nobody waits for changes yet: they are kept
    reading = asyncio.gather(watcher.batch())
    assert _seen(list((await reading)[0])) == [("ADDED", "before")]
    reading = asyncio.gather(watcher.batch())
    await asyncio.sleep(0)
    writes = [store.put("pods", "default", name, pod(name), None) for name in ("a", "b")]
    writes[0].add_done_callback(lambda _done: told.append("answered"))
    await asyncio.gather(*writes)
    assert told == [["a", "b"], "answered"]
    watcher.close()
    assert await reading == [[]], "what was taken is not told again"


async def test_who_cannot_take_changes_now_is_woken_and_has_all_of_them(store: Store) -> None:
    watcher = store.watch("pods", store.revision)
    watcher.taker = lambda _events: False
    reading = asyncio.gather(watcher.batch())
    await asyncio.sleep(0)
    await asyncio.gather(*(put(store, name) for name in "abc"))
    assert _seen(list((await reading)[0])) == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]


async def test_a_reader_that_fails_costs_others_nothing(store: Store) -> None:
    def broken(_events: list[Event]) -> bool:
        raise ValueError("cannot tell")

    watcher, other = store.watch("pods", store.revision), store.watch("pods", store.revision)
    watcher.taker = broken
    reading = asyncio.gather(watcher.batch())
    await asyncio.sleep(0)
    await put(store, "a")
    assert await reading == [[]]
    assert watcher.ended
    assert _seen(list(await other.batch())) == [("ADDED", "a")]


async def test_closing_the_store_ends_watches(store: Store) -> None:
    watcher = store.watch("pods", store.revision)
    reading = asyncio.gather(watcher.batch())
    await asyncio.sleep(0)
    await store.close()
    assert await reading == [[]]


async def test_history_that_is_gone_is_expired(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.store.table.HISTORY", 10)
    for index in range(12):
        await put(store, "a", n=index)
    assert len(await store.watch("pods", 2).batch()) == 10
    with pytest.raises(Expired, match="too old resource version: 1"):
        store.watch("pods", 1)


async def test_a_revision_from_the_future_is_expired(store: Store) -> None:
    with pytest.raises(Expired, match="too large resource version"):
        store.watch("pods", store.revision + 1)


async def test_old_versions_keep_only_their_bytes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.store.table.FRESH", 2)
    first: Entry = await put(store, "a", n=1)
    for index in range(5):
        await put(store, "a", n=index)
    assert not first.is_decoded
    assert first.obj["spec"] == {"n": 1}
    assert not first.is_decoded


async def test_what_was_seen_is_packed_and_reads_as_before(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.store.table.FRESH", 2)
    text = random.Random(1).randbytes(500).hex()
    entries = [await put(store, f"pod-{index}", text=text) for index in range(8)]
    sizes = [len(entry.raw) for entry in entries]
    assert all(entry.weight < size / 4 for entry, size in zip(entries[:-1], sizes, strict=False))
    assert [orjson.loads(entry.raw)["spec"]["text"] for entry in store.entries("pods")] == [text] * 8
    assert all(entry.is_decoded for entry in entries)
    replayed = await store.watch("pods", 0).batch()
    assert [orjson.loads(event.frame)["object"]["metadata"]["name"] for event in replayed] == [
        f"pod-{index}" for index in range(8)
    ]
    for entry in entries:
        await store.put("pods", *entry.key, {"metadata": {"name": entry.key[1]}}, entry)
    then = store.page("pods", "", replayed[-1].revision, None, lambda _entry: True)
    assert [entry.obj["spec"]["text"] for entry in then] == [text] * 8


async def test_large_objects_have_a_shorter_history(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.store.table.FRESH", 2)
    monkeypatch.setattr("console.store.table.HISTORY_BYTES", 3500)
    for index in range(12):
        await put(store, "a", n=index, text=random.Random(index).randbytes(500).hex())
    held = await store.watch("pods", 8).batch()
    assert [event.revision for event in held] == [9, 10, 11, 12]
    with pytest.raises(Expired, match="too old resource version: 7"):
        store.watch("pods", 7)


async def test_the_line_of_a_watch_is_kept_only_while_the_event_is_new(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.store.table.FRESH", 2)
    await put(store, "a", n=1)
    [event] = await store.watch("pods", 0).batch()
    line = event.frame
    assert event.frame is line
    await put(store, "a", n=2)
    assert (event.frame, event.frame is line) == (line, False)


async def test_archived_resources_are_in_memory_as_bytes_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.store.table.FRESH", 2)
    archive = frozenset({"events"})
    store = await open_store(tmp_path / "archive.db", archived=archive)
    for name in ("a", "b", "c"):
        await store.put("events", "", name, {"metadata": {"name": name}}, None)
    assert [entry.is_decoded for entry in store.entries("events")] == [False, False, True]
    await store.close()
    store = await open_store(tmp_path / "archive.db", archived=archive)
    assert [entry.is_decoded for entry in store.entries("events")] == [False, False, False]
    assert [entry.obj["metadata"]["name"] for entry in store.entries("events")] == ["a", "b", "c"]
    await store.close()


async def test_a_page_of_a_revision_from_the_future_is_expired(store: Store) -> None:
    with pytest.raises(Expired, match="too large resource version"):
        store.page("pods", "", store.revision + 1, None, lambda _entry: True)


async def test_whoever_cannot_take_a_change_costs_nobody_else_an_answer(store: Store) -> None:
    seen: list[str] = []

    def broken(_event: Event) -> Event:
        raise KeyError("group")

    store.follow("pods", broken)  # type: ignore[arg-type]
    store.follow("pods", lambda event: seen.append(event.entry.key[1]))
    blind = store.watch("pods", store.revision, broken)
    reader = store.watch("pods", store.revision)
    async with asyncio.timeout(10):
        await asyncio.gather(put(store, "a"), put(store, "b"))
        assert await blind.batch() == []  # ended: its client lists again instead of missing a change
        assert names([event.entry for event in await reader.batch()]) == seen == ["a", "b"]
