"""Where the passphrase of the store's keys comes from, and what is said when it cannot be had."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console import passphrase
from console.passphrase import PassphraseError


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(passphrase.FILE, raising=False)
    monkeypatch.delenv(passphrase.VALUE, raising=False)


def test_a_file_of_its_owner_is_read_to_its_line_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("correct horse\n")
    file.chmod(0o600)
    monkeypatch.setenv(passphrase.FILE, str(file))
    assert passphrase.find(wanted=False, new=False) == "correct horse"
    file.chmod(0o640)
    with pytest.raises(PassphraseError, match="can be read by others: chmod 600"):
        passphrase.find(wanted=False, new=False)
    monkeypatch.setenv(passphrase.FILE, str(tmp_path / "none"))
    with pytest.raises(PassphraseError, match="none: No such file"):
        passphrase.find(wanted=False, new=False)


def test_the_environment_gives_it_once_and_no_child_inherits_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(passphrase.VALUE, "correct horse")
    assert passphrase.find(wanted=True, new=False) == "correct horse"
    assert passphrase.VALUE not in os.environ


def test_a_short_one_and_two_at_once_are_refused_without_showing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(passphrase.VALUE, "xyz")
    with pytest.raises(PassphraseError, match="has 3 characters: a passphrase needs 8") as refused:
        passphrase.find(wanted=True, new=False)
    assert "xyz" not in str(refused.value)
    monkeypatch.setenv(passphrase.VALUE, "correct horse")
    monkeypatch.setenv(passphrase.FILE, "/somewhere")
    with pytest.raises(PassphraseError, match="both"):
        passphrase.find(wanted=True, new=False)


@pytest.mark.parametrize(("typed", "problem"), [(("one horse", "one horse"), ""), (("one horse", "another"), "differ")])
def test_a_new_one_is_typed_twice(monkeypatch: pytest.MonkeyPatch, typed: tuple[str, str], problem: str) -> None:
    answers = list(typed)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: answers.pop(0))
    if problem:
        with pytest.raises(PassphraseError, match=problem):
            passphrase.find(wanted=True, new=True)
    else:
        assert passphrase.find(wanted=True, new=True) == typed[0]


def test_nobody_is_asked_without_a_terminal_or_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert passphrase.find(wanted=True, new=False) is None
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert passphrase.find(wanted=False, new=False) is None
