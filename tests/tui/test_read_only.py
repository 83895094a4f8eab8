"""The console while it is read-only: what it offers, what keys do, and that the server is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.api.kinds import DEPLOYMENTS
from common.api.meta import Key
from tests.tui.conftest import running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray

WEB = Key("default", "checkout-api")


async def test_pictures(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon", *"deploy", "enter", "ctrl+t", "plus")
        await portray(console, "read-only")


@pytest.mark.actions("read-only")
async def test_keys_that_change_say_why_not_and_how_to_go_on(fleet: Fleet) -> None:
    async with running(fleet) as console:
        was = fleet.api.get(DEPLOYMENTS, WEB)
        await console.press("colon", *"deploy", "enter", "ctrl+t")
        assert fleet.gateway.read_only
        for key in ("plus", "ctrl+d", "e", "r", "i"):
            await console.press(key)
            assert console.note().endswith("this console is read-only; ^t ends that")
        assert fleet.api.get(DEPLOYMENTS, WEB) == was
        await console.press("question_mark")
        assert "one more" not in console.text()
        await console.press("escape", "ctrl+t", "plus")
        assert not fleet.gateway.read_only
        assert fleet.api.get(DEPLOYMENTS, WEB)["spec"]["replicas"] == was["spec"]["replicas"] + 1


async def test_manifests_are_not_tried_and_the_page_says_why(fleet: Fleet, tmp_path: Path) -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fresh, namespace: default}\n"
    (tmp_path / "a.yaml").write_text(config)
    async with running(fleet) as console:
        await console.press("ctrl+t")
        await console.type(f":apply {tmp_path}")
        await console.press("enter")
        await console.until(lambda: "not tried" in console.text())
        assert "This console is read-only: the server tries nothing" in console.text()
        assert "a apply" not in console.text().splitlines()[-1]
        await console.press("a")
        assert console.note().endswith("this console is read-only; ^t ends that")
        await console.press("question_mark")
        assert "Nothing: this console is read-only; ^t ends that." in console.text()
        await console.press("escape", "ctrl+t")
        await console.until(lambda: "create" in console.text())
        assert "a apply" in console.text().splitlines()[-1]


async def test_looking_goes_on(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("ctrl+t", "d")
        assert "Name:" in console.text()
