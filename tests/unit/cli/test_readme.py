"""What the README and the documents tell people to type is true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from console.cli.main import COMMANDS, parse
from console.tui.actions import ACTIONS, key_label
from console.tui.screens import empty
from nodeagent.cli import _parser as agent_parser

ROOT = Path(__file__).parents[3]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
TYPED = re.compile(r"^\$ (.+?)(?:\s{2,}#.*)?$|`((?:quarterdeck|qd|quarterdeck-agent|make) [^`]+)`", re.MULTILINE)
DONE_ELSEWHERE = {"export", "kubectl", "pip"}


IN_CONSOLE = re.compile(r"((?:quarterdeck|quarterdeck-agent) [^(]+)")


def typed() -> list[str]:
    """Command lines in the documents, and in what the console says on a screen with nothing to show."""
    texts = (document.read_text(encoding="utf-8") for document in DOCUMENTS)
    shown = {first or second for text in texts for first, second in TYPED.findall(text)}
    said = (text for lines in empty.TEXTS for text, _ in lines)
    return sorted(shown | {found[1].strip() for text in said if (found := IN_CONSOLE.search(text))})


@pytest.mark.parametrize("line", typed())
def test_commands_that_are_shown_exist(line: str) -> None:
    program, *words = shlex.split(line.replace("…", "").rstrip("\\"))
    if program == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert {word for word in words if "=" not in word} <= set(targets)
    elif program == "quarterdeck-agent":
        assert agent_parser().parse_args(words)
    elif program not in DONE_ELSEWHERE:
        assert program in {"quarterdeck", "qd"}
        # Running text may name a command without its arguments.
        assert words in ([word] for word in (*COMMANDS, "--help")) or callable(parse(words).run)


def test_the_keys_of_the_readme_are_those_of_the_console() -> None:
    rows = re.findall(r"^\| `.*\|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    shown = {key for row in rows for cell in row.split("|")[1::2] for key in re.findall(r"`(\S+)`", cell)}
    known = {key_label(key) for action in ACTIONS for key in action.keys}
    assert shown
    assert {key.replace("ctrl-", "^") for key in shown} <= known


def test_files_that_are_linked_exist() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists() or target.startswith("screenshots/"), target


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = next(line for line in text.splitlines() if line.startswith(".PHONY:")).split()[1:]
    assert all(re.search(rf"^{target}:.*## ", text, re.MULTILINE) for target in phony)
