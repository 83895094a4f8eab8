"""Variables from files in volumes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.api.meta import Object
from nodeagent.envfile import variable
from nodeagent.environment import MissingReference, Surroundings, build, file_references
from nodeagent.volumes import Volumes

from .fakes import Objects, pod


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A='1'", "1"),
        ("\n  # a comment\r\n\tA='1'  # why\r\n", "1"),
        ("B='2'\nA='a\n  b'\n", "a\n  b"),
        ("A='$HOME \\n \"x\"'", '$HOME \\n "x"'),
        ("A=''", ""),
        ("A= 'x'", ""),
        ("A=\n", ""),
        ("A='1'\nA='2'\nbroken", "1"),
        ("B='1'", None),
        ("", None),
    ],
)
def test_what_a_file_says_of_a_variable(text: str, value: str | None) -> None:
    assert variable(text, "A") == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A", "line 1: missing '='"),
        ("\nA = 'x'", "line 2: whitespace before '='"),
        ("='x'", "line 1: empty variable name"),
        ("A=x", "line 1: value must be enclosed in single quotes"),
        ("A='x\n\n", "line 1: unclosed single quote"),
        ("A='x'y", "line 1: unexpected content after closing quote"),
    ],
)
def test_what_is_no_such_file(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"invalid environment variable format at {why}"):
        variable(text, "A")


def _container(**more: object) -> Object:
    reference = {"volumeName": "data", "path": "my.env", "key": "A", **more}
    return {"name": "web", "env": [{"name": "B", "valueFrom": {"fileKeyRef": reference}}]}


def _environment(container: Object, text: str | None) -> dict[str, str]:
    files = {} if text is None else {("data", "my.env"): text}
    subject = pod(container, enableServiceLinks=False, volumes=[{"name": "data", "emptyDir": {}}])
    return build(subject, container, Objects(), Surroundings(files=files))


def test_a_container_gets_it_under_the_name_that_it_asks_for() -> None:
    assert file_references(_container()) == [("data", "my.env")]
    assert _environment(_container(), "A='1'") == {"B": "1"}
    assert _environment(_container(optional=True), "C='1'") == {}


@pytest.mark.parametrize(
    ("reference", "text", "message"),
    [
        ({"volumeName": "other"}, "A='1'", 'cannot find the volume "other" referenced by FileKeyRef'),
        ({"optional": True}, None, "couldn't parse env file"),
        ({"optional": True}, "nonsense", "couldn't parse env file"),
        ({}, "C='1'", 'environment variable key "A" not found in file'),
    ],
)
def test_what_keeps_a_container_from_starting(reference: Object, text: str | None, message: str) -> None:
    with pytest.raises(MissingReference, match=message):
        _environment(_container(**reference), text)


class NoMounter:
    def tmpfs(self, path: Path, size: int | None) -> None:
        raise AssertionError

    def unmount(self, path: Path) -> None:
        raise AssertionError


def test_only_files_of_the_volume_are_read(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path, NoMounter())
    subject = pod({"name": "web"}, volumes=[{"name": "data", "emptyDir": {}}])
    volumes.prepare(subject, Objects(), Surroundings())
    folder = next((tmp_path / "pods").glob("*/volumes/data"))
    (folder / "my.env").write_text("A='1'")
    (tmp_path / "secret").write_text("A='2'")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "binary").write_bytes(b"\xff\xfe")
    os.mkfifo(folder / "pipe")
    assert volumes.read(subject, "data", "my.env") == "A='1'"
    for path in ("link", "binary", "pipe", "nothing", ".", "../../x"):
        assert volumes.read(subject, "data", path) is None
    assert volumes.read(subject, "other", "my.env") is None
