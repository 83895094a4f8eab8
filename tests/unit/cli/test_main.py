"""The command line: what is wrong is named, --help is true, and nothing heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from console.cli.arguments import seconds
from console.cli.exits import Exit
from console.cli.main import COMMANDS, execute, parse


def outcome(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    """Exit code, and what was printed on either stream."""
    try:
        code = execute(argv)
    except SystemExit as end:
        code = int(end.code or 0)
    captured = capsys.readouterr()
    return code, captured.out + captured.err


@pytest.fixture(autouse=True)
def _nobody_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_HOME", str(tmp_path))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_names_it(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, text = outcome(capsys, command, "--help")
    assert code == Exit.OK
    assert f"quarterdeck {command}" in text
    assert text.count("\n") > 5


def test_help_lists_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = outcome(capsys, "--help")
    assert code == Exit.OK
    assert all(f"\n  {command} " in text for command in COMMANDS)
    assert all(f"\n  {code:<3d}" in text for code in Exit)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["frobnicate"], 'unknown command "frobnicate"; allowed: get, describe'),
        (["get", "pods", "-o", "xml"], "invalid choice: 'xml' (choose from"),
        (["scale", "deploy/a"], "--replicas"),
        (["scale", "deploy/a", "--replicas", "many"], '"many" is not a whole number of 0 or more'),
        (["scale", "deploy/a", "--replicas", "-1"], "--replicas"),
        (["rollout", "explode", "deploy/a"], "invalid choice: 'explode'"),
        (["apply"], "-f/--filename"),
        (["delete", "pods", "--timeout", "soon"], '"soon" is not a duration'),
        (["get"], "name what you mean: KIND, KIND NAME or KIND/NAME"),
        (["get", "pods/a", "b"], '"b": with KIND/NAME every argument has that form'),
        (["exec", "-t", "web", "--", "sh"], "-t needs -i and a terminal"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(capsys: pytest.CaptureFixture[str], argv: list[str], said: str) -> None:
    code, text = outcome(capsys, *argv)
    assert said in text
    assert code == Exit.USAGE


@pytest.mark.parametrize(
    "argv", [["get", "pods"], ["describe", "node/a"], ["logs", "a"], ["kubeconfig"], ["why", "a"], ["discover"]]
)
def test_without_a_control_plane_it_says_how_to_start_one(capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    code, text = outcome(capsys, *argv)
    assert code == Exit.NO_CONTROL_PLANE
    assert "no control plane answers" in text
    assert "there is no such socket" in text
    assert "make run" in text


def test_version_works_without_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = outcome(capsys, "version", "-o", "json")
    assert code == Exit.OK
    assert json.loads(text)["serverVersion"] is None


def test_namespace_may_stand_before_or_after_the_command() -> None:
    assert parse(["-n", "a", "get", "pods"]).namespace == "a"
    assert parse(["get", "pods", "-n", "b"]).namespace == "b"
    assert parse(["-n", "a", "get", "pods", "-n", "b"]).namespace == "b"


def test_a_command_after_two_dashes_is_not_read_as_options() -> None:
    parsed = parse(["exec", "-i", "web", "--", "ls", "-la", "--", "x"])
    assert parsed.object == "web"
    assert parsed.command[:2] == ["ls", "-la"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["debug", "web-0", "--image", "x:1", "--", "ls", "-l", "--", "y"], ["ls", "-l", "--", "y"]),
        (["debug", "-it", "web-0", "--image", "x:1"], []),
        (["debug", "--image", "x:1", "web-0", "--", "-t"], ["-t"]),
        (["host", "shell", "berth-1", "-i", "--", "sh", "-c", "true"], ["sh", "-c", "true"]),
        (["exec", "web-0", "-i", "--", "ls", "-l"], ["ls", "-l"]),
    ],
)
def test_options_may_stand_before_the_command_of_a_container_or_host(argv: list[str], words: list[str]) -> None:
    assert parse(argv).command == words


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1.5s", 1.5)])
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


HEAVY = {"textual", "rich", "aiohttp", "sqlite3", "docker"}


@pytest.mark.parametrize("command", ["get", "apply", "delete", "logs", "scale", "discover"])
def test_light_commands_import_neither_textual_nor_a_server(command: str) -> None:
    script = (
        f"import sys; sys.argv = ['quarterdeck', {command!r}, '--help']\n"
        "from console.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print({name.split('.')[0] for name in sys.modules} & " + repr(HEAVY) + ")"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
