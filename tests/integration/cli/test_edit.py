"""`edit` against a real API server, with a script in the editor's place."""

from __future__ import annotations

from pathlib import Path

from common.api.kinds import DEPLOYMENTS
from common.client.http import HttpClient
from console.cli.exits import Exit

from .conftest import Command
from .test_secret import WEB


def editor(folder: Path, script: str) -> str:
    """A program that does `script` to the file $1 and keeps what it was given in `folder`/seen.N."""
    path = folder / "editor"
    path.write_text(f'#!/bin/sh\ncd {folder}; n=$(ls seen.* 2>/dev/null | wc -l); cp "$1" seen.$n\n{script}\n')
    path.chmod(0o700)
    return str(path)


async def test_what_changed_is_written_and_printed(quarterdeck: Command, client: HttpClient, tmp_path: Path) -> None:
    await client.create(DEPLOYMENTS, WEB, "default")
    visual = editor(tmp_path, 'sed -i "s/replicas: 2/replicas: 3/" "$1"')
    dry = await quarterdeck("edit", "deploy/web", "--dry-run", VISUAL=visual)
    assert (dry.code, dry.out.splitlines()[0]) == (Exit.OK, "deployment.apps/web would be edited")
    assert (await client.get(DEPLOYMENTS, "web", "default"))["spec"]["replicas"] == 2
    done = await quarterdeck("edit", "deploy/web", VISUAL=visual)
    assert (done.code, done.out.splitlines()[0]) == (Exit.OK, "deployment.apps/web edited")
    assert {"-   replicas: 2", "+   replicas: 3"} <= set(done.out.splitlines())
    assert (await client.get(DEPLOYMENTS, "web", "default"))["spec"]["replicas"] == 3


async def test_what_the_server_refuses_comes_back_at_its_line(
    quarterdeck: Command, client: HttpClient, tmp_path: Path
) -> None:
    await client.create(DEPLOYMENTS, WEB, "default")
    script = 'if [ $n = 0 ]; then new=-1; else new=4; fi; sed -i "s/  replicas: .*/  replicas: $new/" "$1"'
    done = await quarterdeck("edit", "deploy", "web", VISUAL=editor(tmp_path, script))
    assert "spec.replicas: Invalid value: -1" in done.err
    lines = (tmp_path / "seen.1").read_text().splitlines()
    assert "Invalid value: -1" in lines[lines.index("  replicas: -1") - 1]
    assert (await client.get(DEPLOYMENTS, "web", "default"))["spec"]["replicas"] == 4


async def test_giving_up_writes_nothing(quarterdeck: Command, client: HttpClient, tmp_path: Path) -> None:
    await client.create(DEPLOYMENTS, WEB, "default")
    before = await client.get(DEPLOYMENTS, "web", "default")
    same = await quarterdeck("edit", "deploy/web", VISUAL="true")
    assert (same.code, same.out) == (Exit.OK, "deployment.apps/web unchanged\n")
    wrong = await quarterdeck("edit", "deploy/web", VISUAL=editor(tmp_path, 'sed -i "s/replicas: 2/replicas: [/" "$1"'))
    assert wrong.code == Exit.FAILED
    assert "no YAML" in wrong.err
    assert await client.get(DEPLOYMENTS, "web", "default") == before


async def test_what_is_not_for_it_is_said(quarterdeck: Command) -> None:
    secret = await quarterdeck("edit", "secret/db", VISUAL="true")
    assert (secret.code, "quarterdeck secret edit db KEY" in secret.err) == (Exit.USAGE, True)
    gone = await quarterdeck("edit", "deploy/nothing", VISUAL="true")
    assert (gone.code, 'deployments.apps "nothing" not found' in gone.err) == (Exit.FAILED, True)
