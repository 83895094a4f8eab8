"""What the files of a store show of secret values, and which keys open it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from common.errors import ServiceUnavailable
from console.store import Encryption, Store, StoreError, open_store

from .helpers import delete, put

VALUE = "c3dvcmRmaXNo-not-to-be-found"


def _encryption(path: Path, passphrase: str | None = None) -> Encryption:
    return Encryption(frozenset({"secrets"}), path.with_name("encryption.json"), passphrase)


async def _open(path: Path, passphrase: str | None = None) -> Store:
    return await open_store(path, frozenset(), _encryption(path, passphrase))


async def _with_secret(path: Path, passphrase: str | None = None) -> None:
    store = await _open(path, passphrase)
    await put(store, "db", resource="secrets", password=VALUE)
    await store.close()


def _password(store: Store) -> str:
    return str(store.entries("secrets")[0].obj["spec"]["password"])


def _on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def _kill(store: Store) -> None:
    """What a killed process leaves: the files as they are, with the log not yet written back."""
    folder = store.path.with_name("killed")
    folder.mkdir()
    for file in store.path.parent.glob("*"):
        if file.is_file() and not file.name.endswith(".lock"):
            shutil.copy(file, folder)
    await store.close()


async def test_no_file_shows_a_secret_value(path: Path) -> None:
    store = await _open(path)
    await put(store, "db", resource="secrets", password=VALUE)
    await put(store, "db", resource="secrets", password=VALUE + "2")
    await delete(store, "db", resource="secrets")
    await put(store, "db", resource="pods", open="seen")
    assert VALUE.encode() not in _on_disk(path.parent)
    assert b"seen" in _on_disk(path.parent)
    await store.close()
    assert VALUE.encode() not in _on_disk(path.parent)


async def test_values_are_read_back_after_an_orderly_end_and_after_a_kill(path: Path) -> None:
    await _with_secret(path)
    store = await _open(path)
    assert _password(store) == VALUE
    await put(store, "db", resource="secrets", password="changed")
    await _kill(store)
    again = await _open(path.with_name("killed") / path.name)
    assert _password(again) == "changed"
    await again.close()


async def test_plain_rows_of_an_older_store_are_rewritten_and_leave_no_trace(path: Path) -> None:
    plain = await open_store(path)
    for number in range(150):
        await put(plain, f"s{number}", resource="secrets", password=VALUE)
    await plain.close()
    assert VALUE.encode() in _on_disk(path.parent)
    store = await _open(path)
    try:
        assert VALUE.encode() not in _on_disk(path.parent)
        assert len(store.entries("secrets")) == 150
        assert _password(store) == VALUE
    finally:
        await store.close()


async def test_a_rotated_key_replaces_the_old_one_everywhere(path: Path) -> None:
    await _with_secret(path)
    old = path.with_name("encryption.json").read_bytes()
    store = await _open(path)
    done = await store.rotate_key()
    await put(store, "later", resource="secrets", password=VALUE)
    await store.close()
    keys = orjson.loads(path.with_name("encryption.json").read_bytes())["keys"]
    assert (done.rewritten, [key["id"] for key in keys]) == (1, [done.key])
    again = await _open(path)
    assert _password(again) == VALUE
    await again.close()
    path.with_name("encryption.json").write_bytes(old)
    with pytest.raises(StoreError, match=rf"encrypted with the key {done.key}, which .* does not have"):
        await _open(path)


async def test_a_rotation_that_was_cut_short_is_finished_by_the_next_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _with_secret(path)
    store = await _open(path)
    with monkeypatch.context() as patch:
        patch.setattr(store._database, "reseal", _fails)
        with pytest.raises(ServiceUnavailable):
            await store.rotate_key()
    await store.close()
    file = path.with_name("encryption.json")
    assert len(orjson.loads(file.read_bytes())["keys"]) == 2
    again = await _open(path)
    assert _password(again) == VALUE
    await again.close()
    assert len(orjson.loads(file.read_bytes())["keys"]) == 1


def _fails(_after: int) -> tuple[int, int]:
    raise ServiceUnavailable("disk full")


async def test_a_store_without_encryption_rotates_nothing(store: Store) -> None:
    with pytest.raises(ServiceUnavailable, match="encrypts nothing"):
        await store.rotate_key()


async def test_a_passphrase_locks_the_keys_of_a_store_that_had_none(path: Path) -> None:
    await _with_secret(path)
    before = path.with_name("encryption.json").read_bytes()
    store = await _open(path, "correct horse")
    assert _password(store) == VALUE
    await store.close()
    path.with_name("copy.json").write_bytes(before)
    with pytest.raises(StoreError, match="does not have"):
        await open_store(path, frozenset(), Encryption(frozenset({"secrets"}), path.with_name("copy.json")))
    with pytest.raises(StoreError, match="locked with a passphrase: give it in a file"):
        await _open(path)
    with pytest.raises(StoreError, match="the passphrase does not open the keys") as refused:
        await _open(path, "wrong horse")
    assert "horse" not in str(refused.value)
    again = await _open(path, "correct horse")
    await again.rotate_key()
    await again.close()
    after = await _open(path, "correct horse")
    assert _password(after) == VALUE
    await after.close()
    assert b"correct horse" not in _on_disk(path.parent)


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20])


def _short_key(file: Path) -> None:
    document = orjson.loads(file.read_bytes())
    document["keys"][0]["key"] = "AAAA"
    file.write_bytes(orjson.dumps(document))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (Path.unlink, r"encryption.json is missing, .* Put the file back"),
        (_truncate, "is damaged: it is not JSON"),
        (_short_key, "is damaged: it has a key that is none"),
        (lambda file: file.write_text("[]"), "is not a key file of version 1"),
        (lambda file: file.write_text('{"version": 1, "keys": []}'), "it has no keys"),
        (lambda file: file.write_text('{"version": 1, "scrypt": 5, "keys": []}'), "locked with a passphrase"),
    ],
)
async def test_a_missing_or_damaged_key_file_refuses_the_start_and_changes_nothing(
    path: Path, damage: Callable[[Path], object], words: str
) -> None:
    await _with_secret(path)
    key_file = path.with_name("encryption.json")
    kept = key_file.read_bytes()
    damage(key_file)
    with pytest.raises(StoreError, match=words):
        await _open(path)
    key_file.write_bytes(kept)
    store = await _open(path)
    assert _password(store) == VALUE
    await store.close()


@pytest.mark.parametrize("column", ["name", "namespace", "revision"])
async def test_a_value_that_was_moved_to_another_place_is_refused(path: Path, column: str) -> None:
    await _with_secret(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        moved = {"name": "'other'", "namespace": "'other'", "revision": "revision + 5"}[column]
        connection.execute(f"UPDATE log SET {column} = {moved}")
    with pytest.raises(StoreError, match=r"does not open with its key: the row was damaged, changed or moved"):
        await _open(path)


async def test_the_key_file_is_for_its_owner_only(path: Path) -> None:
    await _with_secret(path)
    key_file = path.with_name("encryption.json")
    assert key_file.stat().st_mode & 0o777 == 0o600
    os.chmod(key_file, 0o644)
    await (await _open(path)).close()
    assert key_file.stat().st_mode & 0o777 == 0o600
