"""The store against a plain dictionary, over restarts, with watches from any revision and pages of any snapshot."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from common.errors import Expired
from console.store import Encryption, Store, open_store

State = dict[tuple[str, str], int]
NAMESPACES = st.sampled_from(["a", "a-b", "b"])
NAMES = st.sampled_from(["x", "x-1", "y", "z"])


class StoreMachine(RuleBasedStateMachine):
    """Every state that was ever current is remembered under its revision."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory(prefix="quarterdeck-model-")
        self.patch = pytest.MonkeyPatch()
        # Small limits, so that a few steps reach them.
        self.patch.setattr("console.store.table.HISTORY", 12)
        self.patch.setattr("console.store.table.FRESH", 3)
        self.patch.setattr("console.store.store.KEPT_REVISIONS", 8)
        self.patch.setattr("console.store.store.COMPACT_ROWS", 3)
        self.state: State = {}
        self.past: dict[int, State] = {0: {}}
        self.counter = 0

    def _run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def open(self) -> None:
        folder = Path(self.folder.name)
        encryption = Encryption(frozenset({"pods"}), folder / "encryption.json")
        self.store: Store = self._run(open_store(folder / "store.db", frozenset(), encryption))

    @rule()
    def restart(self) -> None:
        self._run(self.store.close())
        self.open()

    @rule()
    def rotate_key(self) -> None:
        self._run(self.store.rotate_key())

    @rule(writes=st.lists(st.tuples(NAMESPACES, NAMES, st.booleans()), min_size=1, max_size=6))
    def write_together(self, writes: list[tuple[str, str, bool]]) -> None:
        """Several writes that are under way at the same time, each decided on the one before."""

        async def submit() -> None:
            pending = []
            for namespace, name, keep in writes:
                newest = self.store.newest("pods", namespace, name)
                assert (newest is not None) == ((namespace, name) in self.state)
                if keep:
                    self.counter += 1
                    obj = {"metadata": {"name": name, "namespace": namespace}, "n": self.counter}
                    pending.append(self.store.put("pods", namespace, name, obj, newest))
                    self.state = {**self.state, (namespace, name): self.counter}
                elif newest is not None:
                    pending.append(self.store.delete("pods", newest))
                    self.state = {key: value for key, value in self.state.items() if key != (namespace, name)}
                else:
                    continue
                self.past[max(self.past) + 1] = self.state
            await asyncio.gather(*pending)

        self._run(submit())

    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """What a watch brings since any revision leads from that state to the present one."""
        revision = data.draw(st.sampled_from(sorted(self.past)))
        state = dict(self.past[revision])
        try:
            watcher = self.store.watch("pods", revision)
        except Expired:
            assert revision < self.store.revision
            return
        watcher.end()
        for event in self._run(watcher.batch()):
            assert (event.type == "ADDED") == (event.entry.key not in state)
            if event.type == "DELETED":
                del state[event.entry.key]
            else:
                state[event.entry.key] = event.entry.obj["n"]
            assert event.entry.obj["metadata"]["resourceVersion"] == str(event.revision)
            assert state == self.past[event.revision]
        assert state == self.state
        watcher.close()

    @rule(data=st.data(), namespace=st.sampled_from(["", "a", "a-b"]))
    def page(self, data: st.DataObject, namespace: str) -> None:
        revision = data.draw(st.sampled_from(sorted(self.past)))
        keys = sorted(key for key in self.past[revision] if not namespace or key[0] == namespace)
        after = data.draw(st.sampled_from([None, *keys]))
        try:
            found = self.store.page("pods", namespace, revision, after, lambda _entry: True)
        except Expired:
            assert revision < self.store.revision
            return
        assert [entry.key for entry in found] == [key for key in keys if after is None or key > after]
        assert all(entry.obj["n"] == self.past[revision][entry.key] for entry in found)

    @invariant()
    def shows_what_was_written(self) -> None:
        if not hasattr(self, "store"):
            return
        assert self.store.revision == max(self.past)
        assert {entry.key: entry.obj["n"] for entry in self.store.entries("pods")} == self.state
        assert [entry.key for entry in self.store.entries("pods")] == sorted(self.state)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self._run(self.store.close())
        self.loop.close()
        self.patch.undo()
        self.folder.cleanup()


StoreMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestStore = StoreMachine.TestCase
