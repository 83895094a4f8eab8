"""`quarterdeck audit`: what was asked, from the files of the log."""

from __future__ import annotations

import asyncio
import json
import os

from tests.integration.api.conftest import Running

from .conftest import QUARTERDECK, Command


async def seen(quarterdeck: Command, text: str, *words: str) -> str:
    """What the command prints once that is in it: the log is written behind the answers."""
    async with asyncio.timeout(60):
        while True:
            done = await quarterdeck("audit", *words)
            if text in done.out:
                return done.out
            await asyncio.sleep(0.05)


async def test_the_log_is_shown_and_searched(quarterdeck: Command, kubectl: Command) -> None:
    await kubectl("create", "configmap", "settings", "--from-literal=line=one")
    await kubectl("patch", "configmap", "settings", "-p", json.dumps({"data": {"line": "two"}}))
    assert (await kubectl("delete", "configmap", "settings", "--as=jane")).code == 1
    shown = await seen(quarterdeck, "as jane")
    assert "line: one -> two" in shown
    refused = await quarterdeck("audit", "configmaps/settings", "--refused", "--user", "jane")
    (line,) = refused.out.splitlines()[1:]
    assert line.split()[1:7] == ["403", "quarterdeck-admin", "as", "jane", "delete", "default"]
    events = await quarterdeck("audit", "configmaps", "--verb", "create", "-n", "default", "-o", "json")
    (event,) = [json.loads(text) for text in events.out.splitlines()]
    assert (event["kind"], event["objectRef"]["name"]) == ("Event", "settings")
    assert (await quarterdeck("audit", "secrets", "-o", "json")).out == ""
    assert len((await quarterdeck("audit", "--limit", "1")).out.splitlines()) == 2


async def test_the_log_is_followed(api: Running, kubectl: Command) -> None:
    home = {**os.environ, "QUARTERDECK_HOME": str(api.socket.parent)}
    words = ("audit", "configmaps", "--follow", "--limit", "0")
    process = await asyncio.create_subprocess_exec(
        QUARTERDECK, *words, env=home, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert (await process.stdout.readline()).startswith(b"TIME")
            line = asyncio.ensure_future(process.stdout.readline())
            number = 0
            while not line.done():  # what was asked before the command looked at the file is not shown
                number += 1
                await kubectl("create", "configmap", f"c{number}")
            assert b"configmaps/c" in await line
    finally:
        process.kill()
        await process.communicate()


async def test_a_machine_without_a_log_says_so(quarterdeck: Command, api: Running) -> None:
    done = await quarterdeck("audit", QUARTERDECK_HOME=str(api.socket.parent / "elsewhere"))
    assert (done.code, done.out) == (1, "")
    assert "there is no audit log in" in done.err
