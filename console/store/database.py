"""The SQLite file of the store: an append-only log of object versions.

Each row is one version of one object under its revision, a deletion has no value; an object's state is its newest row.
Appending a batch is a single statement and so a single transaction with a single sync to disk, and one hand-over of the
interpreter lock. Compaction deletes rows that neither the present nor the kept history needs.

Methods block: they run in the store's writer thread. What the operator must know comes as `StoreError` (start refused,
nothing was changed) or `ServiceUnavailable` (a write refused, to be tried again).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

from common.errors import ServiceUnavailable

from .rows import LogRow, StoreError
from .sealing import MARK, Sealing

SCHEMA_VERSION = 1
APPLICATION_ID = 0x51444B31
"""Marks the file as ours (`PRAGMA application_id`), so that no other database is taken for a store."""

_SCHEMA = """
CREATE TABLE log (
  revision INTEGER PRIMARY KEY,
  resource TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  value BLOB
);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('floor', 0), ('ceiling', 0);
"""

_SELECT = "SELECT revision, resource, namespace, name, value FROM log"

MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {}
"""From a schema version to the function that lifts the file to the next one, inside a transaction of its own."""


CACHED_STATEMENTS = 2
"""A prepared statement keeps the values that were last bound to it, and each size of batch is a statement of its own:
the 128 that Python keeps by itself held up to a megabyte each."""
RESEALED = 100  # rows in a transaction: a few milliseconds between two commits, 100 MiB of the largest Secrets


class Database:
    """An open, locked, checked file. `path` is named in every error. `sealing` says which values are encrypted in it;
    callers see them plain."""

    sealing: Sealing | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = _lock(path)
        try:
            _create_if_missing(path)
            self._connection = _connect(path)
        except BaseException:
            self._lock.close()
            raise

    def counter(self, name: str) -> int:
        """`floor`: history up to there is gone. `ceiling`: no revision above it was given to a row kept in memory."""
        row = self._connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
        return int(row[0])

    def rows(self) -> Iterator[LogRow]:
        """The whole log in the order of revisions."""
        try:
            for row in self._connection.execute(f"{_SELECT} ORDER BY 1"):
                yield row if self.sealing is None else self.sealing.open(row)
        except sqlite3.Error as error:
            raise _damaged(self.path, str(error)) from error

    def reseal_all(self) -> None:
        """Before anybody writes: encrypt what is plain, or has an older key, and forget such keys."""
        if self.sealing is None:
            return
        after, rewritten = self.reseal(0)
        while after:
            after, more = self.reseal(after)
            rewritten += more
        if rewritten:
            self.scrub()
        self.sealing.ring.drop_older()

    def has_sealed_rows(self) -> bool:
        """Whether there is a value that only a key makes readable."""
        found = self._connection.execute(f"{_SELECT} WHERE substr(value, 1, ?) = ? LIMIT 1", (len(MARK), MARK))
        return found.fetchone() is not None

    def reseal(self, after: int) -> tuple[int, int]:
        """Encrypt some rows behind a revision that are not yet as `sealing` has them now. The last revision looked at
        (0: that was all), and how many were rewritten."""
        sealing = self.sealing
        if sealing is None:
            return 0, 0
        marks = ",".join("?" * len(sealing.resources))
        query = f"{_SELECT} WHERE revision > ? AND value NOTNULL AND resource IN ({marks}) ORDER BY 1 LIMIT {RESEALED}"
        rows = self._connection.execute(query, (after, *sealing.resources)).fetchall()
        stale = [row for row in rows if not sealing.is_current(row)]
        if stale:
            values = [(sealing.seal(sealing.open(row))[-1], row[0]) for row in stale]
            try:
                with _transaction(self._connection):
                    self._connection.executemany("UPDATE log SET value = ? WHERE revision = ?", values)
            except sqlite3.Error as error:
                raise self._refused(error) from error
        return (rows[-1][0] if rows else 0), len(stale)

    def scrub(self) -> None:
        """Leave nothing in the files of what was overwritten or deleted: SQLite only marks such pages as free."""
        try:
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def append(self, rows: Sequence[LogRow], ceiling: int | None) -> None:
        """Write a batch durably, or nothing of it; `ceiling` raises that counter with it."""
        if self.sealing is not None:
            rows = [self.sealing.seal(row) for row in rows]
        values = ",".join(["(?,?,?,?,?)"] * len(rows))
        parameters = [value for row in rows for value in row]
        insert = f"INSERT INTO log (revision, resource, namespace, name, value) VALUES {values}"  # noqa: S608
        try:
            if ceiling is None:
                self._connection.execute(insert, parameters)
                return
            with _transaction(self._connection):
                self._connection.execute("UPDATE counters SET value = ? WHERE name = 'ceiling'", (ceiling,))
                if rows:
                    self._connection.execute(insert, parameters)
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def compact(self, floor: int, revisions: Sequence[int]) -> None:
        """Forget history up to `floor`: delete those rows."""
        try:
            with _transaction(self._connection):
                self._connection.execute("UPDATE counters SET value = ? WHERE name = 'floor'", (floor,))
                marks = ",".join("?" * len(revisions))
                self._connection.execute(f"DELETE FROM log WHERE revision IN ({marks})", revisions)  # noqa: S608
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def _refused(self, error: sqlite3.Error) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"the store {self.path} cannot be written ({error}); nothing was changed. Reading goes on; "
            "free space on its file system and writing goes on too",
            retry_after=1,
        )

    def close(self) -> None:
        self._connection.close()
        self._lock.close()


class _transaction:  # noqa: N801 - reads as the statement that it is
    """BEGIN … COMMIT with a ROLLBACK that also holds when SQLite has already rolled back by itself."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is None:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                self._rollback()
                raise
        else:
            self._rollback()

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _lock(path: Path) -> IO[str]:
    """Hold the store for this process; the kernel lets go of it when the process ends, however it ends."""
    lock_path = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = lock_path.open("a+")
    except OSError as error:
        raise StoreError(f"the store {path} cannot be opened: {error}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        raise StoreError(
            f"the store {path} is in use by another process (pid {owner}); "
            "stop that control plane or choose another QUARTERDECK_HOME"
        ) from error
    # For the message above only: a full disk may keep the number out, the lock holds without it.
    with suppress(OSError):
        handle.truncate(0)
        os.write(handle.fileno(), str(os.getpid()).encode())
    return handle


def _create_if_missing(path: Path) -> None:
    """Make a new store under another name first, so that the file is never there half made: an empty or short one is
    damage, not a start interrupted."""
    if path.exists():
        if path.stat().st_size == 0:
            raise _damaged(path, "the file is empty")
        return
    if path.with_name(path.name + "-wal").exists():
        raise _damaged(path, "the file is missing while its log is there")
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
            connection.executescript(
                f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; {_SCHEMA}"
            )
        fresh.rename(path)
        _sync_folder(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the store {path} cannot be made: {error}") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path) -> sqlite3.Connection:
    _check(path)
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=CACHED_STATEMENTS
    )
    try:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000", "cache_size = -4096"):
            connection.execute(f"PRAGMA {pragma}")
        _migrate(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"the store {path} cannot be opened for writing: {error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _check(path: Path) -> None:
    """Look before writing. Through a read-only connection, because closing the last other one writes the log back into
    the file, and a damaged file must stay as it is found."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise _damaged(path, "it is not a store of Quarterdeck")
            problems = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error
    if problems != ["ok"]:
        raise _damaged(path, "; ".join(problems).replace("\n", "; "))


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the store {path} has schema version {version}, this program knows up to {SCHEMA_VERSION}: "
            "it was written by a newer Quarterdeck; install that version again"
        )
    for step in range(version, SCHEMA_VERSION):
        with _transaction(connection):
            MIGRATIONS[step](connection)
            connection.execute(f"PRAGMA user_version = {step + 1}")


def _damaged(path: Path, what: str) -> StoreError:
    return StoreError(
        f"the store {path} is damaged: {what}. Nothing was changed. Put back a copy of {path.name} "
        f"(with {path.name}-wal if the copy has one), or move these files away to start with an empty cluster"
    )
