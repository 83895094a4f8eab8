"""Programs that are missing, forbidden, stuck or that refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeagent.network import commands
from nodeagent.network.commands import CommandFailed, Commands
from nodeagent.network.errors import NetworkFailure


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "nft"


def write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


async def test_output_and_input_pass(program: Path) -> None:
    write(program, 'echo "$1"; cat')
    assert await Commands().run("nft", "-f", text="rules") == "-f\nrules"


async def test_a_missing_program_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        NetworkFailure, match="nft is not installed: install the package nftables on this host"
    ) as failure:
        await Commands().run("nft", "list", "tables")
    assert failure.value.reason == "NetworkUnavailable"


async def test_missing_rights_say_so(program: Path) -> None:
    write(program, 'echo "Operation not permitted (you must be root)" >&2; exit 1')
    with pytest.raises(NetworkFailure, match="run the agent as root"):
        await Commands().run("nft", "list", "tables")


async def test_a_refusal_carries_the_programs_first_words(program: Path) -> None:
    write(program, 'echo "Error: syntax error" >&2; echo "more" >&2; exit 3')
    with pytest.raises(CommandFailed, match="nft exited with 3: Error: syntax error"):
        await Commands().run("nft", "-f", "-")


async def test_a_stuck_program_is_killed(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "TIMEOUT", 0.3)
    write(program, f"echo $$ > {tmp_path}/pid; exec sleep 100")
    with pytest.raises(NetworkFailure, match="did not finish"):
        await Commands().run("nft", "-f", "-")
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


async def test_a_program_that_cannot_be_executed_is_reported(program: Path) -> None:
    program.write_bytes(b"\x7fELF garbage")
    program.chmod(0o755)
    with pytest.raises(NetworkFailure, match="nft cannot be run"):
        await Commands().run("nft")
