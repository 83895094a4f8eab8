"""`secret` against a real API server: values in by standard input, file and editor, and out to nowhere else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from common.api.configuration import RESTART
from common.api.kinds import DEPLOYMENTS, SECRETS
from common.client.http import HttpClient
from console.cli.exits import Exit

from .conftest import Command, Running

VALUE = "hunter2-not-to-be-found"
WEB = {
    "metadata": {"name": "web", "annotations": {RESTART: "true"}},
    "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
            {"name": "main", "image": "hello:1", "envFrom": [{"secretRef": {"name": "db"}}]}]}},
    },
}  # fmt: skip


async def test_a_value_goes_in_and_comes_out_byte_for_byte(quarterdeck: Command, client: HttpClient) -> None:
    await client.create(DEPLOYMENTS, WEB, "default")
    made = await quarterdeck("secret", "set", "db", "password", stdin=VALUE)
    assert (made.code, VALUE in made.out + made.err) == (Exit.OK, False)
    assert made.out.splitlines()[:2] == ["secret/db created", f"  password: new, {len(VALUE)} bytes"]
    changed = await quarterdeck("secret", "set", "db", "password", stdin="other\n")
    assert "password: changed, 23 bytes before, 6 bytes now" in changed.out
    assert "a change replaces 2 pods" in changed.out
    assert (await quarterdeck("secret", "get", "db", "password")).out == "other\n"
    listed = await quarterdeck("secret", "get", "db", "-o", "json")
    assert json.loads(listed.out) == {
        "keys": [{"key": "password", "bytes": 6}],
        "usedBy": [{"kind": "Deployment", "name": "web", "how": ["env"], "pods": 2, "restarts": True}],
        "podsReplacedByChange": 2,
    }
    assert "other" not in (await quarterdeck("secret", "get", "db")).out


async def test_a_dry_run_and_the_same_value_write_nothing(quarterdeck: Command, client: HttpClient) -> None:
    await quarterdeck("secret", "set", "db", "password", stdin=VALUE)
    before = await client.get(SECRETS, "db", "default")
    dry = await quarterdeck("secret", "set", "db", "user", "--dry-run", stdin="x")
    assert dry.out.startswith("secret/db would be changed")
    assert (await quarterdeck("secret", "set", "db", "password", stdin=VALUE)).out == "secret/db unchanged\n"
    assert await client.get(SECRETS, "db", "default") == before


async def test_keys_are_removed_and_mistakes_are_named(quarterdeck: Command) -> None:
    await quarterdeck("secret", "set", "configmap/web", "LOG", stdin="info")
    assert "LOG: deleted, was 4 bytes" in (await quarterdeck("secret", "unset", "configmap/web", "LOG")).out
    for words, code, text in (
        (("get", "nothing"), Exit.FAILED, 'secrets "nothing" not found'),
        (("unset", "configmap/web", "LOG"), Exit.FAILED, "has no key LOG"),
        (("set", "db", "a b"), Exit.USAGE, "letters, digits"),
        (("set", "pod/db", "a"), Exit.USAGE, "neither a Secret's name"),
        (("set", "db", "a", "--from-file", "/no/such/file"), Exit.FAILED, "/no/such/file: No such file"),
    ):
        outcome = await quarterdeck("secret", *words)
        assert (outcome.code, text in outcome.err) == (code, True), outcome


async def test_the_editor_changes_a_value_in_memory(quarterdeck: Command, tmp_path: Path) -> None:
    await quarterdeck("secret", "set", "db", "password", stdin=VALUE)
    script = tmp_path / "editor"
    script.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/seen\necho more >> "$1"\n')
    script.chmod(0o700)
    done = await quarterdeck("secret", "edit", "db", "password", EDITOR=str(script))
    assert (done.code, VALUE in done.out + done.err) == (Exit.OK, False), done
    assert (await quarterdeck("secret", "get", "db", "password")).out == f"{VALUE}more"
    assert not Path((tmp_path / "seen").read_text().strip()).exists()


async def test_a_rotated_key_and_nothing_of_a_value_in_any_file(
    quarterdeck: Command, api: Running, client: HttpClient
) -> None:
    await asyncio.gather(*(quarterdeck("secret", "set", "db", f"key-{n}", stdin=VALUE) for n in range(4)))
    await quarterdeck("secret", "unset", "db", "key-0")
    before = _key_ids(api)
    done = await quarterdeck("secret", "rotate-key")
    assert done.code == Exit.OK, done
    assert _key_ids(api) == [done.out.split()[1]] != before
    folder = api.socket.parent
    for text in (VALUE, "aHVudGVyMi1ub3QtdG8tYmUtZm91bmQ"):  # and base64
        found = [file for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]
        assert found == []
    undone = await quarterdeck("undo", "secret/db")
    assert (undone.code, VALUE in undone.out) == (Exit.OK, False), undone
    assert sorted((await client.get(SECRETS, "db", "default"))["data"]) == ["key-0", "key-1", "key-2", "key-3"]


def _key_ids(api: Running) -> list[str]:
    document = json.loads((api.socket.parent / "encryption.json").read_text())
    return [key["id"] for key in document["keys"]]
