"""Manifests are read as kubectl reads them, and every fault names its place."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from console.manifests import reading
from console.manifests.reading import Unreadable

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"


def names(*sources: str) -> list[str]:
    return [each.obj["metadata"]["name"] for each in reading.load(sources)]


def test_several_documents_and_empty_ones(tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(f"---\n{POD}---\n# nothing\n---\n{POD.replace('a}', 'b}')}")
    assert names(str(file)) == ["a", "b"]


def test_a_folder_is_read_in_order_of_names_without_other_files(tmp_path: Path) -> None:
    for index, file in enumerate(("20.yml", "10.yaml", "30.json")):
        (tmp_path / file).write_text(
            f'{{\t"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "n{index}"}}}}'
            if file.endswith("json")
            else POD.replace("a}", f"n{index}}}")
        )
    (tmp_path / "README.md").write_text("no manifest")
    assert names(str(tmp_path)) == ["n1", "n0", "n2"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(POD))
    assert names("-") == ["a"]


def test_lists_are_taken_apart() -> None:
    item = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}'
    found = reading.parse(f'{{"apiVersion": "v1", "kind": "List", "items": [{item}]}}', "f")
    assert [each.obj["metadata"]["name"] for each in found] == ["x"]


def test_dates_stay_text_and_versions_too() -> None:
    (found,) = reading.parse(POD + "data: {day: 2026-01-01, on: yes, port: 0x10}\n", "f")
    assert found.obj["data"] == {"day": "2026-01-01", True: True, "port": 16}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not valid YAML: line 1"),
        ("- a", "f: a manifest is an object with apiVersion and kind, not a list"),
        ("just text", "not a str"),
        ("kind: Pod\nmetadata: {name: a}", "apiVersion: None is not allowed"),
        ("apiVersion: 1\nkind: Pod\nmetadata: {name: a}", "apiVersion: 1 is not allowed"),
        ("apiVersion: v1\nkind: Pod", "metadata.name: a Pod needs a name"),
        (POD + "metadata: {name: b}", 'line 4, column 1: the key "metadata" is there twice'),
        (f"{POD}---\n- a", "f, document 2: a manifest is an object"),
    ],
)
def test_faults_name_their_place(text: str, message: str) -> None:
    with pytest.raises(Unreadable) as caught:
        reading.parse(text, "f")
    assert message in str(caught.value)


def test_missing_binary_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        reading.load([str(tmp_path / "none.yaml")])
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(Unreadable, match="not UTF-8 text"):
        reading.load([str(binary)])
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unreadable, match="the folder has no"):
        reading.load([str(tmp_path / "empty")])
    blank = tmp_path / "blank.yaml"
    blank.write_text("---\n")
    with pytest.raises(Unreadable, match="no objects in"):
        reading.load([str(blank)])


@pytest.mark.parametrize("text", ["[" * 1500, '{"a":' * 200_000])
def test_what_is_nested_without_end_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    with pytest.raises(Unreadable, match="standard input: lists and mappings are nested too deeply"):
        reading.load(["-"])


def test_the_lines_of_fields_are_known() -> None:
    items = f"{POD}---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: x\n"
    first, second = reading.parse(items, "f")
    assert (first.line(), first.line("metadata.name"), first.line("spec.containers[0]")) == (1, 3, 1)
    assert (second.line(), second.line("kind"), second.line("metadata.name")) == (8, 9, 11)
