"""Nothing that was acknowledged is lost, and no revision comes twice, whenever the process is killed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from console.store import open_store

from .writer import HOSTS

ROUNDS = 12


def _run_and_kill(path: Path, acknowledgements: int) -> list[tuple[str, str, int, int]]:
    """Let a writer acknowledge about so many writes, kill it, and return all that it acknowledged."""
    command = [sys.executable, "-m", "tests.integration.store.writer", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(acknowledgements)]
        process.kill()
        lines += process.stdout.readlines()
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [(resource, name, int(revision), int(count)) for resource, name, revision, count in whole]


async def test_every_acknowledged_write_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    chance = random.Random(7)
    highest = 0
    for _ in range(ROUNDS):
        acknowledged = _run_and_kill(path, chance.randrange(1, 2000))
        assert min(revision for _, _, revision, _ in acknowledged) > highest, "a revision was given out twice"
        highest = max(revision for _, _, revision, _ in acknowledged)
        latest = {name: (revision, count) for resource, name, revision, count in acknowledged if resource != HOSTS}
        store = await open_store(path, frozenset({HOSTS}))
        try:
            assert store.revision >= highest
            for name, (revision, count) in latest.items():
                entry = store.get("pods", "default", name)
                if entry is not None and entry.revision == revision:
                    assert entry.obj["count"] == count
                elif count or entry is not None:
                    # A write that nobody acknowledged may have reached the disk; an older state may not be there.
                    newer = [event for event in _changes(store, name) if event > revision]
                    assert newer, f"{name} lost what was acknowledged at {revision}"
        finally:
            await store.close()


def _changes(store: object, name: str) -> list[int]:
    table = store._table("pods")  # type: ignore[attr-defined]
    return [event.revision for event in table.since(table.floor) if event.entry.key[1] == name]
