"""The keys of Secrets and ConfigMaps: keys in, writes out, and what the screen shows of values meanwhile."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from pathlib import Path
from typing import Any

import pytest

from common.api.configuration import RESTART
from common.api.kinds import CHANGES, CONFIGMAPS, DEPLOYMENTS, SECRETS
from common.api.meta import Key, Object
from console import editor
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray

SECRET = ("colon", *"sec", "enter", "e")
PASSWORD = "corsair-9!vX2"
DB = Key("default", "checkout-db")


@pytest.fixture
def fleet(fleet: Fleet) -> Fleet:
    """The Secret is used: as variables by a workload that restarts on a change, as files by another."""
    for name, volume in (("checkout-api", False), ("ledger", True)):
        found = fleet.api.get(DEPLOYMENTS, Key("default", name))
        spec = found["spec"]["template"]["spec"]
        if volume:
            spec["volumes"] = [{"name": "db", "secret": {"secretName": "checkout-db"}}]
            spec["containers"][0]["volumeMounts"] = [{"name": "db", "mountPath": "/db"}]
        else:
            found["metadata"]["annotations"] = {**(found["metadata"].get("annotations") or {}), RESTART: "true"}
            spec["containers"][0]["envFrom"] = [{"secretRef": {"name": "checkout-db"}}]
        fleet.api.seed(DEPLOYMENTS, found)
    return fleet


def values(fleet: Fleet) -> dict[str, str]:
    data: dict[str, str] = fleet.api.get(SECRETS, DB)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


@pytest.mark.actions("keys.users")
async def test_pictures(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press(*SECRET)
        await portray(console, "secret-keys")
        await console.press("x")
        await portray(console, "secret-revealed")
        await console.press("down", "ctrl+d", "up", "enter", *"new", "enter", "a", *"DB_HOST", "enter", *"db", "enter")
        await portray(console, "secret-edited")
        await console.press("s")
        await portray(console, "secret-apply")
        await console.press("escape", "u")
        await portray(console, "secret-users")


async def test_picture_of_a_configmap(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon", *"cm", "enter", "e", "down")
        await portray(console, "configmap-keys")


@pytest.mark.actions("key.reveal", "keys")
async def test_one_value_at_a_time_is_shown_and_only_under_the_cursor(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press(*SECRET)
        assert PASSWORD not in console.text()
        await console.press("x")
        assert console.text().count(PASSWORD) == 2  # its line and its pane
        await console.press("down")
        assert PASSWORD not in console.text()
        await console.press("up")
        assert PASSWORD not in console.text()
        await console.press("x", "escape")
        assert PASSWORD not in console.text()
        assert "DB_PASSWORD" in console.text()


@pytest.mark.actions("key.add", "key.edit", "keys.apply")
async def test_edits_are_written_together_after_a_dialog_with_lengths(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press(*SECRET, "enter")
        await console.type("s3cret")
        assert "s3cret" not in console.text()
        await console.press("enter", "a", *"HOST", "enter", *"db", "enter")
        before = values(fleet)
        await console.press("s")
        shown = console.text()
        assert "changed, 13 bytes before, 6 bytes now" in shown
        assert "new, 2 bytes" in shown
        assert "a change replaces 3 pods" in " ".join(shown.replace("│", " ").split())
        assert "s3cret" not in shown
        await console.press("tab", "enter")
        assert before == {"DB_USER": "shop", "DB_PASSWORD": PASSWORD}
        assert values(fleet) == {"DB_USER": "shop", "DB_PASSWORD": "s3cret", "HOST": "db"}
        assert "applied" in console.note()


async def test_a_write_by_somebody_else_is_neither_lost_nor_overwritten(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press(*SECRET, "down", "ctrl+d")
        theirs = {"data": {"DB_PASSWORD": base64.b64encode(b"theirs").decode()}}
        await fleet.gateway.patch(SECRETS, DB.name, theirs, DB.namespace)
        await console.press("s", "tab", "enter")
        assert "meanwhile" in console.note()
        assert values(fleet) == {"DB_USER": "shop", "DB_PASSWORD": "theirs"}
        await console.press("s", "tab", "enter")
        assert values(fleet) == {"DB_PASSWORD": "theirs"}


@pytest.mark.actions("key.delete", "key.restore")
async def test_an_edit_is_dropped_by_key_and_leaving_asks(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press(*SECRET, "ctrl+d", "r", "s")
        assert "nothing is changed" in console.note()
        await console.press("ctrl+d", "escape", "enter")  # Cancel has the focus
        assert "1 edit not applied" in console.text()
        await console.press("escape", "tab", "enter")
        assert "not applied" not in console.text()
        assert "DB_PASSWORD" in values(fleet)


@pytest.mark.actions("key.editor")
async def test_the_editor_gets_the_text_in_memory_and_leaves_nothing_there(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    script = tmp_path / "editor"
    script.write_text(f'#!/bin/sh\nstat -c "%n %a" "$1" > {seen}\nprintf "one\\ntwo\\n" > "$1"\n')
    script.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(script))
    async with running(fleet) as console:
        _lend_nothing(console, monkeypatch)
        await console.press(*SECRET, "e")
        await _until_edited(console)
        await console.press("s", "tab", "enter")
    path, mode = seen.read_text().split()
    assert (path.startswith("/dev/shm/"), mode) == (True, "600")
    assert not Path(path).parent.exists()
    assert values(fleet)["DB_PASSWORD"] == "one\ntwo"


def _lend_nothing(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no terminal to lend in a test."""
    monkeypatch.setattr(console.app, "suspend", contextlib.nullcontext)


async def _until_edited(console: Console) -> None:
    for _ in range(500):
        await asyncio.sleep(0.01)
        await console.settle()
        if "not applied" in console.text():
            return
    raise AssertionError("the editor's text does not arrive")


async def test_an_immutable_one_can_be_read_and_not_changed(fleet: Fleet) -> None:
    await fleet.gateway.patch(SECRETS, DB.name, {"immutable": True}, DB.namespace)
    async with running(fleet) as console:
        await console.press(*SECRET, "ctrl+d")
        assert "immutable" in console.note()
        await console.press("x")
        assert PASSWORD in console.text()


async def test_a_configmap_shows_its_values_and_takes_text(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon", *"cm", "enter", "e", "enter")
        await console.press("ctrl+u", *"debug", "enter", "s", "tab", "enter")
    assert fleet.api.get(CONFIGMAPS, Key("default", "checkout"))["data"]["LOG_LEVEL"] == "debug"


async def test_a_bad_key_name_is_refused_in_the_dialog(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press(*SECRET, "a")
        await console.type("a b")
        assert "letters, digits" in console.text()
        await console.press("enter", "escape")
        assert "as stored" in console.text()


@pytest.mark.actions("keys.undo")
async def test_the_last_write_is_taken_back_by_its_change(fleet: Fleet) -> None:
    asked: list[Any] = []
    secret = fleet.api.get(SECRETS, DB)
    change: Object = {
        "apiVersion": CHANGES.api_version, "kind": "Change", "metadata": {"name": "c1"}, "verb": "update",
        "user": "jane", "time": "2026-11-22T09:10:00.000000Z",
        "object": {"kind": "Secret", "name": DB.name, "namespace": DB.namespace, "uid": secret["metadata"]["uid"]},
    }  # fmt: skip
    fleet.api.seed(CHANGES, change)

    async def post(*call: Any) -> Object:
        asked.append(call)
        return secret

    fleet.gateway.post = post  # type: ignore[method-assign]
    async with running(fleet) as console:
        await console.press(*SECRET, "U")
        assert "jane" in console.text()
        await console.press("tab", "enter")
        assert "reverted" in console.note()
    assert [(call[0], call[1], call[2]) for call in asked] == [(CHANGES, "c1", "undo")]


def test_a_file_of_a_dead_process_goes_with_the_next_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editor, "is_memory", lambda _folder: True)
    left = tmp_path / "quarterdeck-edit-4194304000-x"
    left.mkdir()
    (left / "password").write_text("left")
    assert editor.edit(b"same", "key", {"EDITOR": "true"}, tmp_path) == b"same"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_on_a_disk_and_a_failing_editor_are_refused() -> None:
    with pytest.raises(editor.EditFailed, match="is not in memory"):
        editor.edit(b"secret", "key", {"EDITOR": "true"}, Path("/var/tmp"))
    with pytest.raises(editor.EditFailed, match="exit code 1; nothing was changed"):
        editor.edit(b"secret", "key", {"EDITOR": "false"})
    with pytest.raises(editor.EditFailed, match="there is no editor 'no-such-editor -x'"):
        editor.edit(b"secret", "key", {"EDITOR": "no-such-editor -x"})
