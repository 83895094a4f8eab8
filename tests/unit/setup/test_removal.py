"""Taking folders away only as far as they are empty."""

from __future__ import annotations

from pathlib import Path

from console.setup.removal import name_of, remove_empty_folders


def test_empty_folders_go_and_files_keep_theirs(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "kept" / "empty").mkdir(parents=True)
    (tmp_path / "kept" / "file").write_text("somebody's")
    remove_empty_folders(tmp_path / "a")
    remove_empty_folders(tmp_path / "kept")
    remove_empty_folders(tmp_path / "none")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "kept"]


def test_containers_are_called_by_their_names() -> None:
    assert name_of({"Names": ["/web"], "Id": "x" * 64}) == "web"
    assert name_of({"Names": [], "Id": "0123456789abcdef"}) == "0123456789ab"
