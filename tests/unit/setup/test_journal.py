"""The journal survives every cut, tells damage, and lets only one setup work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.settings import Home
from console.setup import journal


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_without_a_file_nothing_was_done(home: Home) -> None:
    assert journal.load(home) == journal.Entries()
    assert journal.load(home).is_empty


def test_changes_add_up_and_survive(home: Home) -> None:
    journal.record(home, packages=("nftables",), agent=True)
    journal.record(home, engine="process", before={"kernel": {"a": "1"}})
    assert journal.load(home) == journal.Entries(
        packages=("nftables",), agent=True, engine="process", before={"kernel": {"a": "1"}}
    )


def test_packages_alone_leave_nothing_to_undo(home: Home) -> None:
    assert journal.record(home, packages=("nftables",), before={"x": 1}).is_empty
    assert not journal.record(home, image="a:1").is_empty


def test_a_cut_write_leaves_the_old_journal(home: Home) -> None:
    journal.record(home, agent=True)
    (home.path / ".setup.json.x1").write_text('{"agent": fal')
    assert journal.load(home).agent
    assert not journal.record(home, agent=False).agent


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_damage_is_told_with_the_path(home: Home, text: str) -> None:
    journal.journal_path(home).write_text(text)
    with pytest.raises(journal.Unreadable, match="is damaged"):
        journal.load(home)


def test_entries_of_a_newer_version_are_passed_over(home: Home) -> None:
    journal.journal_path(home).write_text(json.dumps({"agent": True, "sidecar": 7}))
    assert journal.load(home) == journal.Entries(agent=True)


def test_only_one_at_a_time(home: Home) -> None:
    with journal.locked(home), pytest.raises(journal.Busy, match="at work"), journal.locked(home):
        raise AssertionError("two hold the lock")
    with journal.locked(home):
        assert (home.path / "setup.lock").exists()
