"""The clusters that the console is offered: this machine's and those of a kubeconfig."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from common.settings import Home
from console.cli.console import Wishes, clusters
from console.cli.exits import Exit, Failure
from console.cli.main import parse

CONFIG = """
apiVersion: v1
kind: Config
current-context: far
clusters:
- {name: one, cluster: {server: "https://one.example:6443"}}
contexts:
- {name: near, context: {cluster: one, user: jane}}
- {name: far, context: {cluster: gone, user: joe}}
- {name: quarterdeck, context: {cluster: one, user: jane}}
users:
- {name: jane, user: {}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    return path


def test_this_machine_is_first_and_the_current_context_next(tmp_path: Path, config: Path) -> None:
    found = clusters(Home(tmp_path), Wishes(kubeconfig=str(config)))
    assert [item.name for item in found] == ["quarterdeck", "far", "near", "quarterdeck (kubeconfig)"]
    assert [item.server for item in found[1:3]] == ["", "https://one.example:6443"]
    assert found[0].reach()


def test_what_a_context_lacks_is_said_when_it_is_opened(tmp_path: Path, config: Path) -> None:
    found = {item.name: item for item in clusters(Home(tmp_path), Wishes(kubeconfig=str(config)))}
    with pytest.raises(ValueError, match="no cluster 'gone'"):
        found["far"].reach()
    with pytest.raises(ValueError, match="neither client-certificate-data nor client-certificate"):
        found["near"].reach()


def test_a_file_that_the_user_named_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be read"):
        clusters(Home(tmp_path), Wishes(kubeconfig=str(tmp_path / "nothing")))


def test_the_usual_file_may_be_missing_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "nothing", tmp_path / "broken"):
        monkeypatch.setenv("KUBECONFIG", str(path))
        assert [item.name for item in clusters(Home(tmp_path), Wishes())] == ["quarterdeck"]
        (tmp_path / "broken").write_text("[]")


def test_of_several_usual_files_the_first_that_has_a_name_counts(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.write_text(CONFIG.replace("one.example", "two.example").replace("name: far", "name: further"))
    monkeypatch.setenv("KUBECONFIG", f"{config}:{tmp_path / 'nothing'}:{other}")
    found = clusters(Home(tmp_path), Wishes())
    assert [item.name for item in found] == ["quarterdeck", "far", "near", "quarterdeck (kubeconfig)", "further"]
    assert found[2].server == "https://one.example:6443"


def test_a_context_may_have_its_cluster_and_its_user_in_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = yaml.safe_load(CONFIG)
    for section in ("clusters", "users", "contexts"):
        (tmp_path / section).mkdir()
        (tmp_path / section / "config").write_text(yaml.safe_dump({section: document[section]}))
    (tmp_path / "broken").write_text("[]")
    monkeypatch.setenv("KUBECONFIG", ":".join(str(path) for path in (*tmp_path.glob("*/config"), tmp_path / "broken")))
    near = next(item for item in clusters(Home(tmp_path), Wishes()) if item.name == "near")
    assert (near.server, near.user) == ("https://one.example:6443", "jane")
    with pytest.raises(ValueError, match="neither client-certificate-data"):  # so that the user was found
        near.reach()


@pytest.mark.parametrize("option", [["--read-only"], ["--kubeconfig", "a"], ["--context", "far"]])
def test_options_of_the_console_are_refused_where_nobody_would_heed_them(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([*option, "delete", "pod", "web"])
    assert ended.value.code == Exit.USAGE
    assert f"{option[0]} is for the console: delete would not heed it" in capsys.readouterr().err
